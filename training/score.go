package training

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// Score is a number of a report; where it is not defined, JSON has null.
type Score float64

// Defined reports whether there is a number.
func (s Score) Defined() bool { return !math.IsNaN(float64(s)) && !math.IsInf(float64(s), 0) }

// MarshalJSON writes null for a score that is not defined.
func (s Score) MarshalJSON() ([]byte, error) {
	if !s.Defined() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(s))
}

// answer is what is predicted of a snapshot, and what is true of it.
type answer struct {
	*example
	accuracy, gap float64
	stage         int // index into the zoo's steps
	task          []float32
	emulation     float64               // loss; NaN where there is no emulator
	intervals     *encoders.Predictions // nil: none
	inPopulation  bool
	last          bool // of the run
}

// Metric is a score of a set of answers.
type Metric struct {
	Name  string // in JSON and manifests
	Label string // for people
	of    func(as []answer) float64
}

// metricsOf lists the scores of a zoo whose tasks have ranges, or none.
func metricsOf(ranges []encoders.Range) []Metric {
	accuracy := func(a *answer) (predicted, truth float64) { return a.accuracy, a.truth.Accuracy }
	gap := func(a *answer) (predicted, truth float64) { return a.gap, a.truth.Gap }
	stage := func(a *answer) (predicted, truth float64) { return float64(a.stage), float64(a.truth.Stage) }
	ms := []Metric{
		{"emulation_loss", "emulation loss", mean(func(a *answer) float64 { return a.emulation })},
		{"accuracy_r2", "accuracy R²", rSquared(accuracy)},
		{"accuracy_median_error", "accuracy median error", medianOf(func(a *answer) float64 { return math.Abs(a.accuracy - a.truth.Accuracy) })},
		{"generalization_gap_r2", "gap R²", rSquared(gap)},
		{"generalization_gap_rank_correlation", "gap rank correlation", rankCorrelation(gap)},
		{"stage_accuracy", "stage exact", share(func(a *answer) bool { return a.stage == a.truth.Stage })},
		{"stage_within_one", "stage within one", share(func(a *answer) bool { return a.stage-a.truth.Stage <= 1 && a.truth.Stage-a.stage <= 1 })},
		{"stage_rank_correlation", "stage rank correlation", rankCorrelation(stage)},
	}
	if len(ranges) == 0 {
		exact := func(a *answer) bool { return slices.Equal(a.task, a.truth.Task) }
		ms = append(ms, Metric{"task_accuracy", "task exact", share(exact)}, Metric{"task_last_accuracy", "task exact, last snapshot", ofLast(share(exact))})
	}
	for i, r := range ranges {
		distance := func(a *answer) float64 { return r.Distance(float64(a.task[i]), float64(a.truth.Task[i])) }
		ms = append(ms, Metric{r.Name + "_median_error", r.Name + " median error", medianOf(distance)},
			Metric{r.Name + "_mean_error", r.Name + " mean error", mean(distance)},
			Metric{r.Name + "_last_median_error", r.Name + " median error, last snapshot", ofLast(medianOf(distance))})
	}
	return append(ms, intervalMetrics(ranges)...)
}

// intervalMetrics are shares of intervals that cover the truth.
func intervalMetrics(ranges []encoders.Range) []Metric {
	covered := func(of func(a *answer) bool) func(as []answer) float64 {
		return func(as []answer) float64 {
			if len(as) == 0 || as[0].intervals == nil {
				return math.NaN()
			}
			return share(of)(as)
		}
	}
	within := func(in [2]float64, x float64) bool { return in[0] <= x && x <= in[1] }
	ms := []Metric{
		{"accuracy_interval_coverage", "accuracy", covered(func(a *answer) bool { return within(a.intervals.Accuracy.Interval, a.truth.Accuracy) })},
		{"generalization_gap_interval_coverage", "gap", covered(func(a *answer) bool { return within(a.intervals.GeneralizationGap.Interval, a.truth.Gap) })},
		{"stage_interval_coverage", "stage", covered(func(a *answer) bool { return within(a.intervals.TrainingStage.Interval, float64(a.step)) })},
	}
	for i, r := range ranges {
		ms = append(ms, Metric{r.Name + "_interval_coverage", r.Name, covered(func(a *answer) bool {
			in, x, around := a.intervals.Task.Intervals[i], float64(a.truth.Task[i]), r.High-r.Low
			return within(in, x) || r.Circular && (within(in, x-around) || within(in, x+around))
		})})
	}
	return append(ms, Metric{"in_population", "counted as of the population", covered(func(a *answer) bool { return a.inPopulation })})
}

func pairs(as []answer, of func(a *answer) (predicted, truth float64)) (predicted, truth []float64) {
	predicted, truth = make([]float64, len(as)), make([]float64, len(as))
	for i := range as {
		predicted[i], truth[i] = of(&as[i])
	}
	return predicted, truth
}

func rSquared(of func(a *answer) (predicted, truth float64)) func(as []answer) float64 {
	return func(as []answer) float64 {
		predicted, truth := pairs(as, of)
		return stat.RSquaredFrom(predicted, truth, nil)
	}
}

func rankCorrelation(of func(a *answer) (predicted, truth float64)) func(as []answer) float64 {
	return func(as []answer) float64 {
		p, q := pairs(as, of)
		return stat.Correlation(ranks(p), ranks(q), nil)
	}
}

func mean(of func(a *answer) float64) func(as []answer) float64 {
	return func(as []answer) (sum float64) {
		for i := range as {
			sum += of(&as[i])
		}
		return sum / float64(len(as))
	}
}

func medianOf(of func(a *answer) float64) func(as []answer) float64 {
	return func(as []answer) float64 {
		values := make([]float64, len(as))
		for i := range as {
			values[i] = of(&as[i])
		}
		if len(values) == 0 {
			return math.NaN()
		}
		slices.Sort(values)
		return stat.Quantile(0.5, stat.LinInterp, values, nil)
	}
}

func share(of func(a *answer) bool) func(as []answer) float64 {
	return mean(func(a *answer) float64 {
		if of(a) {
			return 1
		}
		return 0
	})
}

// ofLast scores the last snapshots of the runs alone.
func ofLast(of func(as []answer) float64) func(as []answer) float64 {
	return func(as []answer) float64 {
		return of(slices.DeleteFunc(slices.Clone(as), func(a answer) bool { return !a.last }))
	}
}

// ranks replaces values by their ranks, ties by the mean rank.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	r := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			r[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return r
}

// PartScores is how well something does on one part of a zoo.
type PartScores struct {
	Part      zoo.Part         `json:"part"`
	Tasks     int              `json:"tasks"`
	Snapshots int              `json:"snapshots"`
	Scores    map[string]Score `json:"scores"` // by the names of metrics
	// Intervals hold the middle 95 % of the scores of resampled tasks and seeds;
	// none of the training tasks.
	Intervals map[string][2]Score `json:"intervals,omitempty"`
}

// scorePart scores the answers of several seeds, as a mean over them.
func scorePart(part zoo.Part, seeds [][]answer, metrics []Metric) PartScores {
	s := PartScores{Part: part, Snapshots: len(seeds[0]), Scores: map[string]Score{}}
	distinct := map[zoo.TaskKey]bool{}
	for _, a := range seeds[0] {
		distinct[zoo.Key(a.truth.Task)] = true
	}
	s.Tasks = len(distinct)
	for _, m := range metrics {
		var sum float64
		for _, as := range seeds {
			sum += m.of(as)
		}
		s.Scores[m.Name] = Score(sum / float64(len(seeds)))
	}
	return s
}
