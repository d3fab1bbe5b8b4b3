package training

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

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

func TestReport(t *testing.T) {
	r := &Report{Bundle: "family/kind", Parts: []PartScores{
		{Part: zoo.Train, AccuracyR2: .5},
		{Part: zoo.Validation, Tasks: 2, Snapshots: 6, Emulation: .123456, AccuracyR2: .75, GapR2: math.NaN(), StageCorrelation: math.Inf(-1), TaskAccuracy: 1},
	}}
	scores := r.scores()
	for name, want := range map[string]float64{"validation_emulation_loss": .1235, "validation_accuracy_r2": .75, "validation_task_accuracy": 1} {
		if scores[name] != want {
			t.Errorf("%s is %v, want %v", name, scores[name], want)
		}
	}
	for name := range scores {
		if strings.HasPrefix(name, "train") || name == "validation_generalization_gap_r2" || name == "validation_stage_rank_correlation" {
			t.Errorf("a manifest keeps %s", name)
		}
	}
	var b bytes.Buffer
	if err := WriteTable(&b, []*Report{r}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || len(strings.Fields(lines[2])) != 14 || !strings.Contains(lines[2], "0.1235") {
		t.Errorf("the table is\n%s", b.String())
	}
}
