package training

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// importPublished imports a fixture and loads its runs.
func importPublished(t *testing.T, name string) (*zoo.Zoo, []*zoo.Run) {
	t.Helper()
	dir := t.TempDir()
	if err := ImportZoo(context.Background(), ImportConfig{Published: filepath.Join("testdata", "published", name), Dir: dir}); err != nil {
		t.Fatal(err)
	}
	z, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var runs []*zoo.Run
	for _, i := range z.Runs {
		r, err := z.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r)
	}
	return z, runs
}

// publishedFixtures lists the fixtures by family.
func publishedFixtures(t *testing.T) (names []string) {
	t.Helper()
	for _, family := range tasks.Names() {
		if _, err := os.Stat(filepath.Join("testdata", "published", family)); err == nil {
			names = append(names, family)
		}
	}
	if len(names) == 0 {
		t.Fatal("no fixtures")
	}
	return names
}

// TestPublishedRoundTrip: the export of an import has the original arrays.
func TestPublishedRoundTrip(t *testing.T) {
	for _, name := range publishedFixtures(t) {
		z, _ := importPublished(t, name)
		out := filepath.Join(t.TempDir(), "exported")
		if err := z.ExportPublished(out); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Join("testdata", "published", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			want, err := os.ReadFile(filepath.Join("testdata", "published", name, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(out, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %s comes back with other bytes", name, f.Name())
			}
		}
		if err := z.ExportPublished(out); errs.CodeOf(err) != errs.Damaged {
			t.Errorf("%s: a second export into the folder: %v", name, err)
		}
	}
}

// TestImportMeasures: what the layout of formal languages lacks is there, and
// the rest is what was stored.
func TestImportMeasures(t *testing.T) {
	z, runs := importPublished(t, "formal_languages")
	h := z.Header
	if len(runs) != 2 || !slices.Equal(h.Steps, []int{100, 500, 20000}) || h.Seed != 11 || h.RolloutCount != 30 || h.RolloutLength != 42 ||
		h.Spec.String() != "lstm 6-32-32-6" || h.Recipe["measured"] != "accuracy, train_loss, generalization_gap (on import)" {
		t.Fatalf("%d runs, header %+v", len(runs), h)
	}
	labels, _ := published(t, "formal_languages/num_step_correct.npy")
	for i, r := range runs {
		for j, s := range r.Snapshots {
			metric := func(name string) float64 { return s.Metrics[h.Metric(name)] }
			stored := labels[3*(3*i+j)+2] / 1000
			if got := metric("accuracy_counts"); got != stored {
				t.Errorf("run %d, step %d: accuracy_counts %v, stored %v", i, s.Step, got, stored)
			}
			if got := metric("accuracy"); math.Abs(got-stored) > 0.1 || s.Step == 20000 && got < 0.99 {
				t.Errorf("run %d, step %d: accuracy %v, by counts %v", i, s.Step, got, stored)
			}
			if got := metric("train_loss"); got < 0.05 || got > 1.2 || s.Step == 20000 && got > 0.15 {
				t.Errorf("run %d, step %d: train_loss %v", i, s.Step, got)
			}
			if got := metric("generalization_gap"); math.IsNaN(got) || got < -0.5 || got > 5 {
				t.Errorf("run %d, step %d: generalization_gap %v", i, s.Step, got)
			}
			checkTokens(t, s)
			checkNormalised(t, s.Logits, h.Outputs)
		}
	}
}

// checkTokens: every sequence begins with the begin marker.
func checkTokens(t *testing.T, s zoo.Snapshot) {
	t.Helper()
	for i, token := range s.Tokens {
		if i%42 == 0 && token != 4 {
			t.Errorf("step %d: sequence %d begins with token %d", s.Step, i/42, token)
		}
	}
}

// checkNormalised: log-probabilities in half precision sum to one.
func checkNormalised(t *testing.T, logits []float32, outputs int) {
	t.Helper()
	for row := range slices.Chunk(logits, outputs) {
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v))
		}
		if math.Abs(sum-1) > 2e-3 {
			t.Fatalf("probabilities sum to %v", sum)
		}
	}
}

// TestImportResumes: a second import changes nothing, one after a loss repeats it.
func TestImportResumes(t *testing.T) {
	c := ImportConfig{Published: filepath.Join("testdata", "published", "formal_languages"), Dir: t.TempDir(), Workers: 2}
	if err := ImportZoo(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	want := readRuns(t, c.Dir)
	if err := os.Remove(filepath.Join(c.Dir, "run-00000.rrz")); err != nil {
		t.Fatal(err)
	}
	if err := ImportZoo(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if got := readRuns(t, c.Dir); !reflect.DeepEqual(got, want) {
		t.Error("the second import differs")
	}
}

// copyFixture copies a fixture that a test may damage.
func copyFixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "published", "formal_languages"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImportRefusals(t *testing.T) {
	edit := func(name string, change func(data []byte) []byte) func(dir string) error {
		return func(dir string) error {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name), change(data), 0o644)
		}
	}
	const header = 128 // bytes before the elements
	args := func(key string, value any) func(dir string) error {
		return edit("args.json", func(data []byte) []byte {
			var m map[string]any
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatal(err)
			}
			m[key] = value
			data, _ = json.Marshal(m)
			return data
		})
	}
	for what, damage := range map[string]func(dir string) error{
		"no labels":        func(dir string) error { return os.Remove(filepath.Join(dir, "num_step_correct.npy")) },
		"truncated":        edit("logits.npy", func(d []byte) []byte { return d[:len(d)-2] }),
		"a token of 6":     edit("sequences.npy", func(d []byte) []byte { d[header+2] = 6; return d }),
		"a negative token": edit("sequences.npy", func(d []byte) []byte { d[header+3] = 0xff; return d }),
		"weights of NaN":   edit("parameters.npy", func(d []byte) []byte { copy(d[header:], "\xff\xff\xff\x7f"); return d }),
		"another step":     edit("num_step_correct.npy", func(d []byte) []byte { d[header+3*24+8] = 9; return d }),
		"another task":     edit("tasks.npy", func(d []byte) []byte { d[header+8] = 1; return d }),
		"an offset of 100": edit("tasks.npy", func(d []byte) []byte {
			for r := range 3 {
				d[header+32*r+8] = 100
			}
			return d
		}),
		"another hidden size":   args("rnn_hidden_size", 16),
		"a huge hidden size":    args("rnn_hidden_size", 1<<40),
		"no layers":             args("rnn_num_layers", 0),
		"tokens as numbers":     args("one_hot_input", 0),
		"args that are no JSON": edit("args.json", func([]byte) []byte { return []byte("seed 11") }),
	} {
		dir := copyFixture(t)
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		err := ImportZoo(context.Background(), ImportConfig{Published: dir, Dir: t.TempDir()})
		if err == nil {
			t.Errorf("%s: imported", what)
			continue
		}
		if !bytes.Contains([]byte(err.Error()), []byte(dir)) {
			t.Errorf("%s: error %q does not name the folder", what, err)
		}
	}
	dir := copyFixture(t)
	if err := os.Remove(filepath.Join(dir, "args.json")); err != nil {
		t.Fatal(err)
	}
	if err := ImportZoo(context.Background(), ImportConfig{Published: dir, Dir: t.TempDir()}); err != nil {
		t.Errorf("without args.json: %v", err)
	}
}

// TestExportOfOurs: a zoo that was trained here is written, with true begin
// markers, and read back.
func TestExportOfOurs(t *testing.T) {
	dir, out, again := t.TempDir(), filepath.Join(t.TempDir(), "npy"), t.TempDir()
	if err := TrainZoo(context.Background(), ZooConfig{Family: "formal_languages", Runs: 2, Seed: 7, Dir: dir, Steps: 100, Hidden: 8, Layers: 1}); err != nil {
		t.Fatal(err)
	}
	z, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := z.ExportPublished(out); err != nil {
		t.Fatal(err)
	}
	if err := ImportZoo(context.Background(), ImportConfig{Published: out, Dir: again}); err != nil {
		t.Fatal(err)
	}
	back, err := zoo.Open(again)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range z.Runs {
		want, err := z.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := back.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		for j, s := range got.Snapshots {
			w := want.Snapshots[j]
			if s.Step != w.Step || !slices.Equal(s.Weights, w.Weights) || !slices.Equal(s.Tokens, w.Tokens) ||
				s.Metrics[back.Header.Metric("train_loss")] != w.Metrics[z.Header.Metric("train_loss")] || s.Metrics[1] != w.Metrics[1] {
				t.Errorf("run %d, snapshot %d came back changed", i, j)
			}
			for k, v := range s.Logits {
				if math.Abs(float64(v-w.Logits[k])) > halfTolerance(float64(v)) {
					t.Fatalf("run %d, snapshot %d: logit %d is %v, was %v", i, j, k, v, w.Logits[k])
				}
			}
		}
	}
	bad := &zoo.Zoo{Header: z.Header}
	if err := bad.ExportPublished(t.TempDir()); err == nil {
		t.Error("a zoo without runs was exported")
	}
}
