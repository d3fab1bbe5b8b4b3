package encoders

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// fitResiduals calibrates predictions against truths.
func fitResiduals(predicted, truth []float64) Residuals {
	var d deviations
	for i, p := range predicted {
		d.add(p, math.Abs(p-truth[i]))
	}
	return residualsBy(d.keys, d.errors)
}

func TestConformalQuantile(t *testing.T) {
	upTo := func(n int) (s []float64) {
		for i := range n {
			s = append(s, float64(n-i)) // n, ..., 1: any order will do
		}
		return s
	}
	for _, c := range []struct {
		scores []float64
		want   float64
	}{
		{nil, math.Inf(1)},
		{upTo(1), 1},
		{upTo(8), 8},    // the 9th of 8: the greatest
		{upTo(9), 9},    // ceil(10 * .9)
		{upTo(19), 18},  // ceil(20 * .9)
		{upTo(99), 90},  // ceil(100 * .9)
		{upTo(100), 91}, // ceil(101 * .9)
		{append(slices.Repeat([]float64{2}, 19), 7), 2},
	} {
		if got := conformalQuantile(c.scores); got != c.want {
			t.Errorf("of %d scores: %v, want %v", len(c.scores), got, c.want)
		}
	}
}

// world makes predictions whose errors grow with them, so that one width for
// all would cover unevenly.
func world(r *rand.Rand, n int) (predicted, truth []float64) {
	for range n {
		p := r.Float64()
		predicted = append(predicted, p)
		truth = append(truth, p+(0.02+0.2*p)*r.NormFloat64())
	}
	return predicted, truth
}

// TestIntervalCoverage: over many calibrations, intervals cover the truth as
// often as level says, in every third of the predictions. A mean over
// calibrations is within four standard errors of at least level and at most
// level + 1/(n+1).
func TestIntervalCoverage(t *testing.T) {
	const calibrations, n, fresh = 300, 200, 100
	r := rng.Stream(1, "coverage", 0)
	var thirds [3]struct{ covered, all float64 }
	for range calibrations {
		residuals := fitResiduals(world(r, n))
		if len(residuals.Widths) != 3 || residuals.Widths[0] >= residuals.Widths[2] {
			t.Fatalf("residuals are %+v", residuals)
		}
		predicted, truth := world(r, fresh)
		for i, p := range predicted {
			third := &thirds[min(2, int(3*p))]
			third.all++
			if interval := residuals.interval(p, math.Inf(-1), math.Inf(1)); interval[0] <= truth[i] && truth[i] <= interval[1] {
				third.covered++
			}
		}
	}
	for i, third := range thirds {
		share := third.covered / third.all
		error := 4 * math.Sqrt(level*(1-level)/third.all)
		// Widths come from n/3 residuals: they vary between calibrations.
		error += 4 * math.Sqrt(level*(1-level)/(n/3)/calibrations)
		if share < level-error || share > level+1.0/(n/3+1)+error {
			t.Errorf("third %d: %.4f of %v covered, want %v within %.4f", i, share, third.all, level, error)
		}
	}
}

func TestFitResiduals(t *testing.T) {
	constant := func(n int) []float64 { return slices.Repeat([]float64{0.5}, n) }
	for _, c := range []struct {
		name             string
		predicted, truth []float64
		edges            []float64
		widths           []float64
	}{
		{"nothing", nil, nil, nil, []float64{math.Inf(1)}},
		{"one", []float64{.3}, []float64{.5}, nil, []float64{.2}},
		{"two", []float64{.3, .9}, []float64{.5, .8}, nil, []float64{.2}},
		{"ties", constant(3 * minimumBin), constant(3 * minimumBin), []float64{.5, .5}, []float64{0, 0, 0}},
	} {
		r := fitResiduals(c.predicted, c.truth)
		if !slices.Equal(r.Edges, c.edges) || len(r.Widths) != len(c.widths) {
			t.Fatalf("%s: %+v", c.name, r)
		}
		for i, w := range c.widths {
			if !(math.Abs(r.Widths[i]-w) < 1e-12 || r.Widths[i] == w) {
				t.Errorf("%s: widths %v, want %v", c.name, r.Widths, c.widths)
			}
		}
		for _, p := range append(c.predicted, 0, 1) {
			if in := r.interval(p, 0, 1); !(in[0] <= p && p <= in[1]) || in[0] < 0 || in[1] > 1 {
				t.Errorf("%s: the interval of %v is %v", c.name, p, in)
			}
		}
	}
}

// TestResidualBins: a prediction belongs to the bin between its edges, an edge
// to the bin above it.
func TestResidualBins(t *testing.T) {
	r := Residuals{Edges: []float64{.2, .6}, Widths: []float64{1, 2, 3}}
	for value, width := range map[float64]float64{-9: 1, .1999: 1, .2: 2, .5999: 2, .6: 3, 9: 3} {
		if in := r.interval(value, math.Inf(-1), math.Inf(1)); in != [2]float64{value - width, value + width} {
			t.Errorf("the interval of %v is %v, want %v to each side", value, in, width)
		}
	}
	if in := r.interval(.1, 0, 1); in != [2]float64{0, 1} {
		t.Errorf("limits of 0 and 1 give %v", in)
	}
}

// distributions are of every kind that a softmax can give.
func distributions(r *rand.Rand) [][]float64 {
	all := [][]float64{{1}, {.5, .5}, {1. / 3, 1. / 3, 1. / 3}, {0, 0, 1, 0}, {.25, .25, .25, .25}}
	for range 2000 {
		logits := make([]float32, 1+r.IntN(9))
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 3)
		}
		all = append(all, softmax(logits))
	}
	return all
}

// TestStageScore: the score of a stage is the least mass whose set holds it, and
// sets are nested.
func TestStageScore(t *testing.T) {
	holds := func(p []float64, mass float64, stage int) bool {
		first, last := stageSet(p, mass)
		return first <= stage && stage <= last
	}
	for _, p := range distributions(rng.Stream(1, "distributions", 0)) {
		for stage := range p {
			score := stageScore(p, stage)
			if !holds(p, score, stage) {
				t.Fatalf("%v: the set of mass %v does not hold stage %d", p, score, stage)
			}
			if score > 0 && holds(p, math.Nextafter(score, 0), stage) {
				t.Fatalf("%v: the set of less than %v holds stage %d already", p, score, stage)
			}
			if !holds(p, 2, stage) {
				t.Fatalf("%v: the set of more than all mass does not hold stage %d", p, stage)
			}
		}
		if first, last := stageSet(p, 0); first != last || p[first] != slices.Max(p) {
			t.Fatalf("%v: the set of no mass is %d to %d", p, first, last)
		}
	}
}

// TestStageSetGrows towards the more probable neighbour, the earlier one if both
// are as probable.
func TestStageSetGrows(t *testing.T) {
	for _, c := range []struct {
		p           []float64
		mass        float64
		first, last int
	}{
		{[]float64{.1, .5, .3, .1}, .5, 1, 1},
		{[]float64{.1, .5, .3, .1}, .6, 1, 2},
		{[]float64{.3, .5, .1, .1}, .6, 0, 1},
		{[]float64{.1, .5, .1, .3}, .6, 0, 1},
		{[]float64{.1, .5, .1, .3}, .8, 0, 3},
		{[]float64{.1, .2, .3, .4}, .95, 0, 3},
	} {
		if first, last := stageSet(c.p, c.mass); first != c.first || last != c.last {
			t.Errorf("%v, mass %v: %d to %d, want %d to %d", c.p, c.mass, first, last, c.first, c.last)
		}
	}
}

// TestStageCoverage: stages drawn from the predicted distribution itself are in
// their sets as often as level says.
func TestStageCoverage(t *testing.T) {
	const calibrations, n, fresh = 100, 100, 100
	r := rng.Stream(1, "stages", 0)
	draw := func() ([]float64, int) {
		logits := make([]float32, 9)
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 2)
		}
		p := softmax(logits)
		u, stage := r.Float64(), 0
		for ; stage < len(p)-1 && u > p[stage]; stage++ {
			u -= p[stage]
		}
		return p, stage
	}
	covered := 0.0
	for range calibrations {
		var scores []float64
		for range n {
			scores = append(scores, stageScore(draw()))
		}
		mass := conformalQuantile(scores)
		for range fresh {
			p, stage := draw()
			if first, last := stageSet(p, mass); first <= stage && stage <= last {
				covered++
			}
		}
	}
	share := covered / (calibrations * fresh)
	// Sets are of whole stages, so they may cover more than asked.
	if error := 4 * math.Sqrt(level*(1-level)*(1./(calibrations*fresh)+1./(calibrations*n))); share < level-error || share > level+0.05 {
		t.Errorf("%.4f covered, want %v within %.4f", share, level, error)
	}
}

// TestUnseenShapes: RNNs of known shapes keep their intervals; those of an unknown
// cell, or of an unknown width of a known one, have their own, and the note says so.
func TestUnseenShapes(t *testing.T) {
	known := []rnn.Spec{rnn.Uniform("lstm", 2, 8, 1, 3), rnn.Uniform("gru", 2, 16, 1, 3)}
	b, err := NewBundle(Manifest{Family: "test", Encoder: Config{Kind: "layerwise_statistics", Dim: 2, Spec: known[0], Shapes: NewShapes(known)},
		Emulator:   EmulatorConfig{Dim: 2, Inputs: 2, Outputs: 3, Hidden: 4, Layers: 1},
		Predictors: PredictorConfig{Dim: 2, Hidden: 4, Steps: []int{0, 10, 100}, GapScale: 1}})
	if err != nil {
		t.Fatal(err)
	}
	b.Reference = NewReference(make([]Member, 1), []float32{1, 0}, 2)
	of := func(width, mass float64) Calibration {
		r := Residuals{Widths: []float64{width}}
		return Calibration{Accuracy: r, Gap: r, Stage: mass}
	}
	b.Manifest.Calibration = of(0.01, 0)
	both := rnn.Uniform("rnn_tanh", 2, 8, 1, 3)
	both.Layers = append(rnn.Uniform("lstm", 2, 8, 1, 3).Layers, rnn.Layer{Cell: "rnn_relu", Inputs: 8, Hidden: 8})
	backwards := rnn.Uniform("gru", 2, 8, 1, 3)
	backwards.Layers[0].Reverse = true
	for _, calibrated := range []bool{false, true} {
		if calibrated {
			b.Manifest.Calibration.Unseen = &UnseenCalibration{Cell: of(0.3, 1), Size: of(0.1, 0)}
			if err := b.Manifest.Calibration.validate(0); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			spec  rnn.Spec
			width float64
			whole bool
			note  string
		}{
			{known[1], 0.01, false, ""},
			{rnn.Uniform("gru", 2, 12, 1, 3), 0.01, false, ""},
			{rnn.Uniform("lstm", 2, 64, 1, 3), 0.1, false, "for widths that training has not seen"},
			{rnn.Uniform("rnn_tanh", 2, 8, 1, 3), 0.3, true, "for cells that training has not seen"},
			{both, 0.3, true, "for cells that"},
			{backwards, 0.3, true, "for cells that"},
		} {
			if !calibrated {
				c.width, c.whole = 0.01, false
				if c.note != "" {
					c.note = "level does not hold"
				}
			}
			r, err := b.Embed(context.Background(), usual(c.spec, 1))
			if err != nil {
				t.Fatal(err)
			}
			p := r[0].Predictions
			gap, stage := p.GeneralizationGap, p.TrainingStage
			if w := gap.Interval[1] - gap.Value; math.Abs(w-c.width) > 1e-9 {
				t.Errorf("%s: the gap's interval reaches %v, want %v", c.spec, w, c.width)
			}
			if whole := stage.Interval == [2]float64{0, 100}; whole != c.whole {
				t.Errorf("%s: the stage's interval is %v", c.spec, stage.Interval)
			}
			if note := r[0].Trust.Note; c.note != "" && !strings.Contains(note, c.note) {
				t.Errorf("%s: the note is %q", c.spec, note)
			}
		}
	}
	b.Manifest.Calibration.Unseen.Size.Gap.Widths = nil
	if err := b.Manifest.Calibration.validate(0); err == nil {
		t.Error("a calibration without widths was accepted")
	}
}

// TestAppendDeviations: intervals are made of all.
func TestAppendDeviations(t *testing.T) {
	group := func(n int, error float64) *Deviations {
		d := &Deviations{task: make([]deviations, 1)}
		for i := range n {
			for _, of := range []*deviations{&d.accuracy, &d.gap, &d.task[0]} {
				of.add(float64(i%2), error)
			}
			d.stage = append(d.stage, error)
		}
		return d
	}
	for _, c := range []struct {
		small, great int
		width        float64
	}{{20, 1, 1}, {20, 6, 5}} {
		all := &Deviations{}
		all.Append(group(c.small, 1))
		all.Append(group(c.great, 5))
		got := all.Calibration()
		for _, w := range []float64{got.Accuracy.Widths[0], got.Gap.Widths[0], got.Task[0].Widths[0], got.Stage} {
			if w != c.width {
				t.Errorf("%d errors of 1 and %d of 5: intervals reach %v", c.small, c.great, w)
			}
		}
	}
}
