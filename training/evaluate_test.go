package training

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// TestRankCorrelation against numbers of scipy.stats.spearmanr (SciPy's own
// documentation gives the first).
func TestRankCorrelation(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4, 5}, []float64{5, 6, 7, 8, 7}, 0.8207826816681233},
		{[]float64{1, 2, 3}, []float64{10, 20, 1e9}, 1},
		{[]float64{3, 2, 1}, []float64{10, 20, 30}, -1},
		{[]float64{0, 0, 1, 1}, []float64{1, 0, 2, 2}, 0.9428090415820635},
	} {
		if got := stat.Correlation(ranks(c.a), ranks(c.b), nil); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
	if got, want := ranks([]float64{7, 1, 7, 7, 0}), []float64{3, 1, 3, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("ranks %v, want %v: ties have their mean rank", got, want)
	}
}

// answersOf makes answers about two tasks, one run each, four snapshots a run: the
// accuracies are predicted off by so much.
func answersOf(off ...float64) (as []answer) {
	for i, d := range off {
		e := &example{run: i / 4, step: i % 4, truth: encoders.Truth{Accuracy: float64(i%4) / 4, Gap: float64(i), Stage: i % 4, Task: []float32{float32(i / 4), 7}}}
		as = append(as, answer{example: e, accuracy: e.truth.Accuracy + d, gap: e.truth.Gap, stage: min(e.truth.Stage+i/4, 3), task: []float32{0, 7}, emulation: math.NaN(), last: i%4 == 3})
	}
	return as
}

// TestMetrics: scores by hand.
func TestMetrics(t *testing.T) {
	s := scorePart(zoo.OOD, [][]answer{answersOf(0, 0, .1, .1, 0, .3, 0, 0), answersOf(0, 0, 0, 0, 0, 0, 0, 0)}, metricsOf(nil))
	if s.Tasks != 2 || s.Snapshots != 8 {
		t.Errorf("%d tasks, %d snapshots", s.Tasks, s.Snapshots)
	}
	for name, want := range map[string]float64{
		"accuracy_r2": 1 - .11/.625/2, "accuracy_median_error": 0, "generalization_gap_r2": 1, "stage_accuracy": 5. / 8,
		"stage_within_one": 1, "task_accuracy": .5, "task_last_accuracy": .5, "emulation_loss": math.NaN(), "stage_interval_coverage": math.NaN(),
	} {
		if got := float64(s.Scores[name]); math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// TestBootstrap: intervals hold the score, are as wide as the tasks differ, and
// depend on the seed alone.
func TestBootstrap(t *testing.T) {
	error := []Metric{{"error", "", mean(func(a *answer) float64 { return a.accuracy - a.truth.Accuracy })}}
	interval := func(seed uint64, seeds ...[]answer) [2]Score {
		var s PartScores
		s.bootstrap(seeds, error, seed)
		return s.Intervals["error"]
	}
	// Either task twice, each once with probability 1/2: errors of .1, .2 and .3.
	got := interval(1, answersOf(.1, .1, .1, .1, .3, .3, .3, .3))
	if math.Abs(float64(got[0])-.1) > 1e-9 || math.Abs(float64(got[1])-.3) > 1e-9 {
		t.Errorf("tasks of errors .1 and .3 have the interval %v", got)
	}
	if got := interval(1, answersOf(0, 0, 0, .8, .2, .2, .2, .2)); got[1]-got[0] > 1e-9 {
		t.Errorf("tasks of equal errors have the interval %v: their snapshots are no samples of their own", got)
	}
	even := func(d float64) []answer { return answersOf(d, d, d, d, d, d, d, d) }
	if got := interval(1, even(.1), even(.3)); !(got[0] < .11 && got[1] > .29) {
		t.Errorf("seeds of errors .1 and .3 have the interval %v", got)
	}
	if a, b := interval(1, even(.1), even(.3)), interval(1, even(.1), even(.3)); a != b {
		t.Errorf("one seed gives %v and %v", a, b)
	}
}

// TestScoreJSON: what is not defined is null.
func TestScoreJSON(t *testing.T) {
	text, err := json.Marshal(map[string]any{"a": Score(.25), "b": Score(math.NaN()), "c": [2]Score{1, Score(math.Inf(-1))}})
	if want := `{"a":0.25,"b":null,"c":[1,null]}`; err != nil || string(text) != want {
		t.Errorf("%s (%v), want %s", text, err, want)
	}
}

// TestBundleGroups: bundles that differ in the seed alone are one row.
func TestBundleGroups(t *testing.T) {
	bundle := func(kind, options string, seed uint64) *encoders.Bundle {
		return &encoders.Bundle{Manifest: encoders.Manifest{Seed: seed, Encoder: encoders.Config{Kind: kind, Options: json.RawMessage(options)}}}
	}
	bundles := []*encoders.Bundle{bundle("a", "", 1), bundle("b", "", 1), bundle("a", "", 2), bundle("a", `{"hidden":[1]}`, 1)}
	groups, names := bundleGroups(bundles)
	if !slices.Equal(names, []string{"a", "b", "a (2)"}) || len(groups[0]) != 2 || groups[0][1] != bundles[2] || groups[2][0] != bundles[3] {
		t.Errorf("groups %v named %v", groups, names)
	}
}
