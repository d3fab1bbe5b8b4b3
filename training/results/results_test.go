package results

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rnnrep/training"
)

// evaluation is one of a small zoo, with a report made up beside the baseline's.
func evaluation(t *testing.T, family string) *training.Evaluation {
	t.Helper()
	dir := t.TempDir()
	if err := training.TrainZoo(context.Background(), training.ZooConfig{Family: family, Runs: 12, Seed: 3, Dir: dir, Steps: 100, Hidden: 4, Layers: 1}); err != nil {
		t.Fatal(err)
	}
	e, err := training.Evaluate(context.Background(), training.EvaluationConfig{Zoo: dir})
	if err != nil {
		t.Fatal(err)
	}
	made := &training.Report{Name: "flattened", Seeds: 2, Note: "born elsewhere", Stages: [][]int{{3, 1}, {0, 4}}}
	for _, p := range e.Reports[0].Parts {
		scores := map[string]training.Score{}
		for _, m := range e.Metrics() {
			scores[m.Name] = 0.25
		}
		scores["accuracy_r2"] = training.Score(math.Inf(-1))
		p.Scores, p.Intervals = scores, map[string][2]training.Score{"emulation_loss": {0.2, 0.3}, "stage_accuracy": {-5, training.Score(math.NaN())}}
		made.Parts = append(made.Parts, p)
	}
	made.Clones = []training.Clone{{Accuracy: 0, Clone: .25}, {Accuracy: .75, Clone: .5}, {Accuracy: 1, Clone: .5}}
	made.Projection = &training.Projection{Explained: [2]float64{.6, .3}, Points: []training.Point{
		{X: 1, Y: 2, Accuracy: 0, Task: []float32{1}}, {X: -1, Y: 0, Accuracy: 1, Task: []float32{2}}, {X: 0, Y: -2, Accuracy: .5, Task: []float32{1}}}}
	e.Reports = append([]*training.Report{made}, e.Reports...)
	return e
}

// TestWrite: a page whose pictures are there and show something, and numbers that
// JSON can say; a second time, the same bytes.
func TestWrite(t *testing.T) {
	evaluations := []*training.Evaluation{evaluation(t, "formal_languages"), evaluation(t, "noisy_sine")}
	for _, format := range Formats {
		dir, again := t.TempDir(), t.TempDir()
		for _, d := range []string{dir, again} {
			if err := Write(d, format, evaluations); err != nil {
				t.Fatal(err)
			}
		}
		page, err := os.ReadFile(filepath.Join(dir, "results.md"))
		if err != nil {
			t.Fatal(err)
		}
		links := regexp.MustCompile(`\]\((.*)\)`).FindAllStringSubmatch(string(page), -1)
		if len(links) != 10 {
			t.Errorf("%d figures, want 5 of each zoo", len(links))
		}
		for _, link := range links {
			data, err := os.ReadFile(filepath.Join(dir, link[1]))
			if err != nil {
				t.Fatal(err)
			}
			checkPicture(t, link[1], data)
			if other, err := os.ReadFile(filepath.Join(again, link[1])); err != nil || !bytes.Equal(other, data) {
				t.Errorf("%s has other bytes the second time (%v)", link[1], err)
			}
		}
		var numbers []struct {
			Family  string
			Reports []struct {
				Parts []struct{ Scores map[string]*float64 }
			}
		}
		data, err := os.ReadFile(filepath.Join(dir, "results.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &numbers); err != nil || len(numbers) != 2 || numbers[1].Family != "noisy_sine" {
			t.Fatalf("%v: %+v", err, numbers)
		}
		if s := numbers[0].Reports[0].Parts[0].Scores; s["accuracy_r2"] != nil || *s["stage_accuracy"] != 0.25 {
			t.Errorf("scores are %v", s)
		}
	}
}

// checkPicture: a PNG of more than one colour, or an SVG that is XML.
func checkPicture(t *testing.T, name string, data []byte) {
	t.Helper()
	if strings.HasSuffix(name, ".svg") {
		for d := xml.NewDecoder(bytes.NewReader(data)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	colours := map[color.Color]bool{}
	for x := range picture.Bounds().Dx() {
		for y := range picture.Bounds().Dy() {
			colours[picture.At(x, y)] = true
		}
	}
	if len(colours) < 3 || picture.Bounds().Dx() < 300 {
		t.Errorf("%s is %v with %d colours", name, picture.Bounds(), len(colours))
	}
}

// TestMarkdown: the tables' cells.
func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := WriteMarkdown(&b, []*training.Evaluation{evaluation(t, "formal_languages")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## formal languages\n\n12 runs",
		"| flattened | 2 | 0.250 | 0.250 [0.200, 0.300] | 0.250 [0.200, 0.300] |",
		"| flattened | 0.250 (1) | - | 0.375 (2) | 0.333 (3) |",
		"\n| ridge on statistics | ", "flattened was born elsewhere.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "![") || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Error("there are figures, or numbers that are none")
	}
}

func TestTable(t *testing.T) {
	e := evaluation(t, "formal_languages")
	var b bytes.Buffer
	if err := WriteTable(&b, []*training.Evaluation{e}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3+2*len(e.Reports[0].Parts) || lines[len(lines)-1] != "flattened: born elsewhere" || !strings.Contains(lines[1], "stage within one") {
		t.Fatalf("the table is\n%s", &b)
	}
	if got, want := strings.Join(strings.Fields(lines[2]), " "), "flattened train 9 20 0.250 - 0.250"; !strings.HasPrefix(got, want) {
		t.Errorf("a row is %q, want %q", got, want)
	}
}

func TestNumber(t *testing.T) {
	for s, want := range map[training.Score]string{.12349: "0.123", 1: "1.000", -12.34: "-12.3", 123.4: "123", training.Score(math.NaN()): "-", training.Score(math.Inf(1)): "-"} {
		if got := number(s); got != want {
			t.Errorf("%v is %q, want %q", s, got, want)
		}
	}
}
