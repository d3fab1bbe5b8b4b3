package encoders

import (
	"math"
	"slices"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
)

// TestPoint reads a prediction from raw outputs: row 1 of two.
func TestPoint(t *testing.T) {
	tape := grad.NewTape().Inference()
	rows := func(cols int, second ...float32) grad.Var {
		return tape.Input("", 2, cols, append(slices.Repeat([]float32{7}, cols), second...))
	}
	p := &Predictors{Config: PredictorConfig{Dim: 2, Hidden: 3, Steps: []int{0, 5, 50}, GapMean: .5, GapScale: 2,
		Coordinates: [][]float32{{9}, {-1, 0, 1}, {4}, {20, 30}}}}
	ln := func(x float64) float32 { return float32(math.Log(x)) }
	got := p.point(Outputs{
		Accuracy: rows(1, ln(3)), // odds of 3 to 1
		Gap:      rows(1, -1.5),
		Stage:    rows(3, ln(1), ln(6), ln(3)),
		Task:     rows(5, ln(1), ln(2), ln(5), ln(9), ln(1)),
	}, 1)
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("accuracy", got.accuracy, .75)
	near("gap", got.gap, -2.5)
	for i, want := range []float64{.1, .6, .3} {
		near("stage", got.stage[i], want)
	}
	if want := []float32{9, 1, 4, 20}; !slices.Equal(got.task, want) {
		t.Errorf("task %v, want %v", got.task, want)
	}
	near("task probability", got.taskProbability, 5./8*9/10)
}

// TestGapCurve: what the gap's predictor is trained to put out is read as the gap
// again, with a curve or none; the curve is straight near zero, and what is far out
// stays finite.
func TestGapCurve(t *testing.T) {
	for _, curve := range []float32{0, .05} {
		c := PredictorConfig{GapMean: -.3, GapScale: 1.7, GapCurve: curve}
		for _, gap := range []float64{0, 1e-3, -.02, .5, -3, 400} {
			if got := c.gapOf(c.GapTarget(gap)); math.Abs(got-gap) > 1e-5*max(math.Abs(gap), .1) {
				t.Errorf("curve %v: a gap of %v is read as %v", curve, gap, got)
			}
		}
	}
	c := PredictorConfig{GapScale: 1, GapCurve: .05}
	for gap, want := range map[float64]float64{1e-4: 2e-3, 5: math.Log(200), -5: -math.Log(200)} {
		if got := float64(c.GapTarget(gap)); math.Abs(got-want) > 1e-4 {
			t.Errorf("a gap of %v becomes %v, want %v", gap, got, want)
		}
	}
	for _, output := range []float32{1e30, -1e30} {
		if got := c.gapOf(output); math.IsInf(got, 0) || math.Signbit(got) != (output < 0) {
			t.Errorf("an output of %v is read as %v", output, got)
		}
	}
}

// TestApplyMakesWhatPointReads: heads have the widths of the config, and rows of
// a batch do not mix.
func TestApplyMakesWhatPointReads(t *testing.T) {
	c := PredictorConfig{Dim: 3, Hidden: 4, Steps: []int{0, 5}, Coordinates: [][]float32{{1, 2}, {3}, {4, 5, 6}}, GapScale: 1}
	p := NewPredictors(c, rng.Stream(1, "predictors", 0))
	tape := grad.NewTape().Inference()
	z := unitRows(rng.Stream(1, "embeddings", 0), 4, c.Dim)
	all := p.Apply(tape.Input("", 4, c.Dim, z))
	for name, v := range map[string]struct {
		got  grad.Var
		cols int
	}{"accuracy": {all.Accuracy, 1}, "gap": {all.Gap, 1}, "stage": {all.Stage, 2}, "task": {all.Task, 5}} {
		if v.got.Rows() != 4 || v.got.Cols() != v.cols {
			t.Errorf("%s is %dx%d, want 4x%d", name, v.got.Rows(), v.got.Cols(), v.cols)
		}
	}
	for i := range 4 {
		got := p.point(all, i)
		alone := p.point(p.Apply(tape.Input("", 1, c.Dim, z[i*c.Dim:(i+1)*c.Dim])), 0)
		if math.Abs(got.accuracy-alone.accuracy) > 1e-6 || math.Abs(got.gap-alone.gap) > 1e-6 || !slices.Equal(got.task, alone.task) {
			t.Errorf("row %d: %+v in a batch, %+v alone", i, got, alone)
		}
	}
}

func TestPredictorsWithoutTask(t *testing.T) {
	c := PredictorConfig{Dim: 2, Hidden: 3, Steps: []int{0}, Coordinates: [][]float32{{7}}, GapScale: 1}
	p := NewPredictors(c, rng.Stream(1, "predictors", 0))
	got := p.point(p.Apply(grad.NewTape().Input("", 1, 2, []float32{1, 0})), 0)
	if !slices.Equal(got.task, []float32{7}) || got.taskProbability != 1 || got.stage[0] != 1 {
		t.Errorf("a task of one value is predicted as %v with probability %v, the only stage with %v", got.task, got.taskProbability, got.stage)
	}
}

func TestSoftmax(t *testing.T) {
	for _, c := range []struct {
		logits []float32
		want   []float64
	}{
		{[]float32{0}, []float64{1}},
		{[]float32{1e30, 1e30}, []float64{.5, .5}},
		{[]float32{-1e30, 1e30, 0}, []float64{0, 1, 0}},
		{[]float32{float32(math.Log(2)), 0}, []float64{2. / 3, 1. / 3}},
	} {
		for i, p := range softmax(c.logits) {
			if math.Abs(p-c.want[i]) > 1e-7 {
				t.Errorf("softmax of %v is %v", c.logits, softmax(c.logits))
			}
		}
	}
	if i := argmax([]float64{1, 3, 3, 2}); i != 1 {
		t.Errorf("argmax is %d: of equals it is the first", i)
	}
}
