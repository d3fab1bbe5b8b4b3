package training

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/zoo"
)

// TestFitRidge: where targets are linear, the weights are found, under the least
// penalty; where they are noise, the greatest penalty holds the weights down. The
// first numbers are solved by hand.
func TestFitRidge(t *testing.T) {
	x, y := mat.NewDense(2, 1, []float64{1, 2}), mat.NewDense(2, 1, []float64{3, 6})
	w, err := newNormalEquations(x, y, []int{0, 1}).solve(5)
	if err != nil || math.Abs(w.At(0, 0)-1.5) > 1e-12 { // (1*3 + 2*6) / (1*1 + 2*2 + 5)
		t.Errorf("weight %v (%v), want 1.5", w.At(0, 0), err)
	}
	const n, features = 400, 3
	r := rng.Stream(1, "ridge", 0)
	x, y = mat.NewDense(n, features, nil), mat.NewDense(n, 2, nil)
	fold := make([]int, n)
	for i := range n {
		for j := range features {
			x.Set(i, j, r.NormFloat64())
		}
		y.Set(i, 0, 2*x.At(i, 0)-x.At(i, 2))
		y.Set(i, 1, r.NormFloat64())
		fold[i] = i % ridgeFolds
	}
	if w, err = fitRidge(x, y, [][2]int{{0, 1}, {1, 2}}, fold); err != nil {
		t.Fatal(err)
	}
	for j, want := range []float64{2, 0, -1} {
		if math.Abs(w.At(j, 0)-want) > 0.02 || math.Abs(w.At(j, 1)) > 0.02 {
			t.Errorf("feature %d has weights %v and %v, want %v and about 0", j, w.At(j, 0), w.At(j, 1), want)
		}
	}
}

// markedZoo is a drawn zoo of languages whose weights tell the task.
func markedZoo(t *testing.T) string {
	t.Helper()
	return drawnZoo(t, languages(t), 60, func(m *rnn.Model, task []float32) {
		for i := range m.Named("linear.weight") {
			m.Named("linear.weight")[i] += 5 * task[1]
		}
	})
}

// TestRidgeAnswers: regression on the statistics tells what the statistics tell.
func TestRidgeAnswers(t *testing.T) {
	d, err := loadZoo(markedZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	answers, err := ridgeAnswers(d)
	if err != nil {
		t.Fatal(err)
	}
	right, n := 0, 0
	for _, a := range answers[zoo.Validation] {
		n++
		if a.task[1] == a.truth.Task[1] {
			right++
		}
		if a.stage != a.truth.Stage { // the second snapshots have large weights
			t.Errorf("run %d, step %d: stage %d", a.run, a.step, a.stage)
		}
	}
	if 3*right < n { // of six values
		t.Errorf("the first offset is right in %d of %d", right, n)
	}
}

// TestFeatures: what is written of the snapshots is what they are, and predictions
// that are the truth score as such.
func TestFeatures(t *testing.T) {
	dir := markedZoo(t)
	d, err := loadZoo(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteFeatures(&b, dir); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	targets := len(keyColumns) + len(newTargetColumns(d).names)
	if want := 1 + 120; len(rows) != want || len(rows[0]) != targets+len(encoders.StatisticsNames()) {
		t.Fatalf("%d rows of %d columns, want %d of %d", len(rows), len(rows[0]), want, targets+len(encoders.StatisticsNames()))
	}
	if !slices.Equal(rows[0][:8], []string{"part", "run", "step", "accuracy", "generalization_gap", "training_stage=0", "training_stage=100", "task_0=0"}) {
		t.Errorf("columns are %v", rows[0])
	}
	file := filepath.Join(t.TempDir(), "truth.csv")
	write := func(rows [][]string) {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		rows[i] = rows[i][:targets]
	}
	write(rows)
	e, err := Evaluate(context.Background(), EvaluationConfig{Zoo: dir, Predictions: map[string]string{"truth": file}})
	if err != nil {
		t.Fatal(err)
	}
	scores := e.Reports[1].Part(zoo.OOD).Scores
	for _, name := range []string{"accuracy_r2", "generalization_gap_r2", "stage_accuracy", "task_accuracy"} {
		if math.Abs(float64(scores[name])-1) > 1e-9 {
			t.Errorf("the truth's %s is %v", name, scores[name])
		}
	}
	for what, change := range map[string]func(rows [][]string) [][]string{
		"a column":         func(r [][]string) [][]string { r[0][4] = "other"; return r },
		"a snapshot":       func(r [][]string) [][]string { return r[:len(r)-1] },
		"one twice":        func(r [][]string) [][]string { return append(r, r[3]) },
		"a number":         func(r [][]string) [][]string { r[2][3] = "many"; return r },
		"a finite number":  func(r [][]string) [][]string { r[2][3] = "NaN"; return r },
		"a run of the zoo": func(r [][]string) [][]string { r[2][1] = "99"; return r },
	} {
		var copied [][]string
		for _, r := range rows {
			copied = append(copied, slices.Clone(r))
		}
		write(change(copied))
		if _, err := d.readPredictions(file); errs.CodeOf(err) != errs.Damaged || !strings.Contains(err.Error(), file) {
			t.Errorf("without %s: %v", what, err)
		}
	}
}

// TestSpread: chosen snapshots span the accuracies evenly, each once.
func TestSpread(t *testing.T) {
	var examples []example
	for i := range 100 { // most are bad
		examples = append(examples, example{run: i, truth: encoders.Truth{Accuracy: max(0, float64(i-70)/29)}})
	}
	chosen := spread(examples, 5)
	seen := map[int]bool{}
	for i, e := range chosen {
		if math.Abs(e.truth.Accuracy-float64(i)/4) > 0.05 || seen[e.run] {
			t.Errorf("chosen %d is run %d of accuracy %v", i, e.run, e.truth.Accuracy)
		}
		seen[e.run] = true
	}
	if n := len(spread(examples, 1000)); n != 100 {
		t.Errorf("%d chosen of 100", n)
	}
	if n := len(spread(examples, 0)); n != 0 {
		t.Errorf("%d chosen, 0 were asked for", n)
	}
}

// TestProjection: the plane keeps the variance it says, more along the first axis,
// around the mean.
func TestProjection(t *testing.T) {
	dir := markedZoo(t)
	trainer := newTinyTrainer(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 1))
	p := trainer.data.project(trainer.bundle)
	var examples []example
	for _, part := range []zoo.Part{zoo.Validation, zoo.OOD} {
		examples = append(examples, trainer.data.parts[part]...)
	}
	variance := func(of func(i int) float64) (v float64) {
		var mean float64
		for i := range examples {
			mean += of(i) / float64(len(examples))
		}
		for i := range examples {
			v += (of(i) - mean) * (of(i) - mean) / float64(len(examples)-1)
		}
		if math.Abs(mean) > 1e-4 && of(0) == p.Points[0].X {
			t.Errorf("the mean is %v", mean)
		}
		return v
	}
	z, total := embed(trainer.bundle, models(examples)), 0.0
	for j := range 4 {
		total += variance(func(i int) float64 { return float64(z[4*i+j]) })
	}
	x, y := variance(func(i int) float64 { return p.Points[i].X })/total, variance(func(i int) float64 { return p.Points[i].Y })/total
	if math.Abs(x-p.Explained[0]) > 1e-3 || math.Abs(y-p.Explained[1]) > 1e-3 || x < y || x+y > 1+1e-3 {
		t.Errorf("shares %v and %v of the variance, said to be %v", x, y, p.Explained)
	}
	if q := p.Points[len(p.Points)-1]; q.Run != examples[len(examples)-1].run {
		t.Errorf("the last point is %+v", q)
	}
}

// TestClones: an emulator whose weights make it a language's generator has clones
// of that accuracy; here one that puts out noise has none.
func TestClones(t *testing.T) {
	dir := markedZoo(t)
	trainer := newTinyTrainer(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 1))
	clones, err := trainer.data.clones(context.Background(), trainer.bundle, EvaluationConfig{Clones: 4, Workers: 2})
	if err != nil || len(clones) != 4 {
		t.Fatalf("%d clones, %v", len(clones), err)
	}
	for i, c := range clones {
		if c.Clone > 0.1 || i > 0 && c.Accuracy < clones[i-1].Accuracy {
			t.Errorf("clone %d: %+v", i, c)
		}
	}
	again, err := trainer.data.clones(context.Background(), trainer.bundle, EvaluationConfig{Clones: 4, Workers: 1})
	if err != nil || !slices.Equal(clones, again) {
		t.Errorf("measured again: %v, before %v", again, clones)
	}
}
