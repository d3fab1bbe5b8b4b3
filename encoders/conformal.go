package encoders

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"rnnrep/rnn"
)

// level is the coverage that intervals aim at.
const level = 0.9

// Calibration makes intervals of predictions by split conformal prediction: on
// RNNs of tasks that neither encoder nor predictors saw, an interval covers the
// truth with probability level. Residuals are kept apart for low, middle and
// high predictions, since an RNN that is surely bad is surely known to be bad.
type Calibration struct {
	Accuracy Residuals `json:"accuracy"`
	Gap      Residuals `json:"generalization_gap"`
	Stage    float64   `json:"training_stage"` // probability mass that a set of stages must reach
	// Task has the residuals of every range, by the key that Range says.
	Task []Residuals `json:"task,omitempty"`
	// Unseen are those of RNNs of shapes that training did not see; absent where it
	// saw RNNs of one shape.
	Unseen *UnseenCalibration `json:"unseen,omitempty"`
}

// UnseenCalibration makes intervals for RNNs of shapes outside a mixed zoo's. It
// rests on the errors of trainings that each leave some shapes of the zoo out.
type UnseenCalibration struct {
	Cell Calibration `json:"cell"` // each cell was left out in turn
	Size Calibration `json:"size"` // the least and the greatest width were
}

// of chooses the calibration for RNNs of a spec, and says what the intervals are
// where training did not see such RNNs.
func (c *Calibration) of(a Acceptance, s rnn.Spec) (chosen *Calibration, intervals string) {
	switch {
	case c.Unseen == nil || a.Shapes == nil || a.Shapes.Contain(s):
		return c, "the intervals' level does not hold"
	case a.Shapes.knowsCells(s):
		return &c.Unseen.Size, "the intervals are those for widths that training has not seen"
	}
	return &c.Unseen.Cell, "the intervals are those for cells that training has not seen"
}

// validate checks a manifest's.
func (c *Calibration) validate(ranges int) error {
	if len(c.Task) != ranges {
		return fmt.Errorf("%d calibrations of %d task parameters", len(c.Task), ranges)
	}
	for _, r := range append([]Residuals{c.Accuracy, c.Gap}, c.Task...) {
		if len(r.Widths) != len(r.Edges)+1 || !slices.IsSorted(r.Edges) || slices.Min(r.Widths) < 0 {
			return fmt.Errorf("calibration of edges %v and widths %v", r.Edges, r.Widths)
		}
	}
	if c.Unseen == nil {
		return nil
	}
	return cmp.Or(c.Unseen.Cell.validate(ranges), c.Unseen.Size.validate(ranges))
}

// Deviations are how far predictions of some RNNs are from the truth.
type Deviations struct {
	accuracy, gap deviations
	stage         []float64
	task          []deviations // of every range
}

// deviations are errors with the key that they are kept by.
type deviations struct{ keys, errors []float64 }

func (d *deviations) add(key, error float64) {
	d.keys, d.errors = append(d.keys, key), append(d.errors, error)
}

func (d *deviations) append(o deviations) {
	d.keys, d.errors = append(d.keys, o.keys...), append(d.errors, o.errors...)
}

// Calibration makes intervals of the deviations.
func (d *Deviations) Calibration() Calibration {
	c := Calibration{Accuracy: residualsBy(d.accuracy.keys, d.accuracy.errors), Gap: residualsBy(d.gap.keys, d.gap.errors), Stage: conformalQuantile(d.stage)}
	for _, t := range d.task {
		c.Task = append(c.Task, residualsBy(t.keys, t.errors))
	}
	return c
}

// Append adds those of other RNNs.
func (d *Deviations) Append(o *Deviations) {
	d.accuracy.append(o.accuracy)
	d.gap.append(o.gap)
	d.stage = append(d.stage, o.stage...)
	if d.task == nil {
		d.task = make([]deviations, len(o.task))
	}
	for i := range d.task {
		d.task[i].append(o.task[i])
	}
}

// Level is the coverage that the intervals aim at.
func (Calibration) Level() float64 { return level }

// Residuals are the half-widths of intervals by bins of a key: the prediction, or
// how sure it is.
type Residuals struct {
	Edges  []float64 `json:"edges"`  // between bins, ascending
	Widths []float64 `json:"widths"` // one more than edges
}

// minimumBin is the least number of residuals that a bin's quantile rests on.
const minimumBin = 30

// residualsBy puts errors into bins of their keys.
func residualsBy(keys, errors []float64) Residuals {
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case keys[a] < keys[b]:
			return -1
		case keys[a] > keys[b]:
			return 1
		}
		return 0
	})
	bins := max(1, min(3, len(order)/minimumBin))
	var r Residuals
	for b := range bins {
		var scores []float64
		for _, i := range order[b*len(order)/bins : (b+1)*len(order)/bins] {
			scores = append(scores, errors[i])
		}
		r.Widths = append(r.Widths, conformalQuantile(scores))
		if b > 0 {
			r.Edges = append(r.Edges, keys[order[b*len(order)/bins]])
		}
	}
	return r
}

// conformalQuantile is the ceil((n+1)·level)-th smallest of n scores, or the
// greatest if n is too small for that.
func conformalQuantile(scores []float64) float64 {
	if len(scores) == 0 {
		return math.Inf(1)
	}
	slices.Sort(scores)
	k := int(math.Ceil(float64(len(scores)+1) * level))
	return scores[min(k, len(scores))-1]
}

// width is that of the bin that the key falls in.
func (r Residuals) width(key float64) float64 {
	bin, _ := slices.BinarySearch(r.Edges, math.Nextafter(key, math.Inf(1)))
	return r.Widths[bin]
}

// interval is the value with its width, cut to limits.
func (r Residuals) interval(value, low, high float64) [2]float64 {
	w := r.width(value)
	return [2]float64{max(low, value-w), min(high, value+w)}
}

// stageSpan is a run of neighbouring stages and its probability mass.
type stageSpan struct {
	p           []float64
	first, last int
	sum         float64
}

// mostProbable is the span of the most probable stage.
func mostProbable(p []float64) stageSpan {
	best := argmax(p)
	return stageSpan{p, best, best, p[best]}
}

// whole tells whether the span holds every stage.
func (s *stageSpan) whole() bool { return s.first == 0 && s.last == len(s.p)-1 }

// grow takes the more probable neighbour in.
func (s *stageSpan) grow() {
	if s.last == len(s.p)-1 || s.first > 0 && s.p[s.first-1] >= s.p[s.last+1] {
		s.first--
		s.sum += s.p[s.first]
	} else {
		s.last++
		s.sum += s.p[s.last]
	}
}

// stageSet grows from the most probable stage until it holds the mass, and
// returns its first and last stage.
func stageSet(p []float64, mass float64) (first, last int) {
	s := mostProbable(p)
	for s.sum < mass && !s.whole() {
		s.grow()
	}
	return s.first, s.last
}

// stageScore is the least mass whose set holds the true stage; 0 if that is the
// most probable one.
func stageScore(p []float64, truth int) float64 {
	s, score := mostProbable(p), 0.0
	for truth < s.first || truth > s.last {
		score = math.Nextafter(s.sum, 2)
		s.grow()
	}
	return score
}
