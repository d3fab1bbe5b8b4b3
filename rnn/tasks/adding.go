package tasks

import (
	"fmt"
	"math/rand/v2"
)

func init() { register(adding{}) }

const (
	addingSteps     = 24
	addingMinWindow = 8
	addingTolerance = 0.04 // Hochreiter and Schmidhuber 1997, experiment 4
	addingScored    = 500
)

// addingWeights are those that the second number may have.
var addingWeights = []float32{-1, -0.5, 0.5, 1}

// adding is the adding problem: each step brings a number between 0 and 1 and a
// marker, two steps are marked, and the marked numbers are to be added. The
// output is asked for at every step: the sum of what was marked so far. A task
// says in which window of steps the markers lie and with which weight the second
// number counts.
type adding struct{}

func (adding) Name() string { return "adding" }
func (adding) IO() IO {
	return IO{Inputs: 2, Outputs: 1, RealInputs: true, RealOutputs: true, Tolerance: addingTolerance, Length: addingSteps}
}
func (adding) Recipe() Recipe { return mixedRecipe() }

func (adding) Draw(r *rand.Rand) Task {
	return weightedSum{window: addingMinWindow + r.IntN(addingSteps-addingMinWindow+1), weight: addingWeights[r.IntN(len(addingWeights))]}
}

func (adding) Parse(params []float32) (Task, error) {
	if len(params) == 2 {
		w := weightedSum{int(params[0]), params[1]}
		for _, known := range addingWeights {
			if w.weight == known && float32(w.window) == params[0] && w.window >= addingMinWindow && w.window <= addingSteps {
				return w, nil
			}
		}
	}
	return nil, fmt.Errorf("adding: task %v is not [window, weight] with a window from %d to %d and a weight of %v", params, addingMinWindow, addingSteps, addingWeights)
}

// Holdout is the window: the longest are held out.
func (adding) Holdout(params []float32) float64 { return float64(params[0]) }

// weightedSum is the task of one window and weight.
type weightedSum struct {
	window int
	weight float32
}

// Params returns [window, weight].
func (w weightedSum) Params() []float32 { return []float32{float32(w.window), w.weight} }

func (w weightedSum) String() string {
	return fmt.Sprintf("first %+g second, within %d steps", w.weight, w.window)
}

// Batch makes a batch of n sequences of 24 steps.
func (w weightedSum) Batch(n int) *Batch { return newBatch(adding{}.IO(), addingSteps, n) }

// Fill marks one step in each half of the window.
func (w weightedSum) Fill(r *rand.Rand, b *Batch) {
	half := w.window / 2
	w.fill(r, b, func() (first, second int) { return r.IntN(half), half + r.IntN(w.window-half) })
}

func (w weightedSum) fill(r *rand.Rand, b *Batch, mark func() (first, second int)) {
	for s := range b.Size {
		first, second := mark()
		var sum float32
		for t := range b.Steps {
			at := t*b.Size + s
			number, marker := r.Float32(), float32(0)
			switch t {
			case first:
				marker, sum = 1, sum+number
			case second:
				marker, sum = 1, sum+w.weight*number
			}
			b.Inputs[2*at], b.Inputs[2*at+1] = number, marker
			b.Values[at] = sum
		}
	}
}

// Score reads 500 sequences. train_loss is the mean square error over all steps,
// accuracy the share of last outputs within 0.04 of the sum. generalization_gap
// is the loss at the end of sequences whose second marker lies behind the window,
// up to as far again, minus that from the window's end on.
func (w weightedSum) Score(r *rand.Rand, m Runner) Metrics {
	x := newTally(addingSteps)
	b := w.Batch(addingScored)
	w.Fill(r, b)
	x.add(m, b, adding{}.IO())
	far := newTally(2 * w.window)
	b = newBatch(adding{}.IO(), 2*w.window, addingScored)
	w.fill(r, b, func() (first, second int) { return r.IntN(w.window), w.window + r.IntN(w.window) })
	far.add(m, b, adding{}.IO())
	return Metrics{"train_loss": x.mean(0, addingSteps), "accuracy": x.accuracy(addingSteps-1, addingSteps),
		"generalization_gap": far.mean(2*w.window-1, 2*w.window) - x.mean(w.window-1, addingSteps)}
}

// Rollouts shows the RNN sequences as in training.
func (w weightedSum) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	return show(w, adding{}.IO(), r, m, count)
}
