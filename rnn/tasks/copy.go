package tasks

import (
	"fmt"
	"math/rand/v2"
)

func init() { register(copying{}) }

const (
	copySymbols   = 8
	copyBlank     = copySymbols
	copyRecall    = copySymbols + 1
	copyMinLength = 2
	copyMaxLength = 8
	copyMaxDelay  = 6
	copySteps     = 2*copyMaxLength + copyMaxDelay
	copyScored    = 500
)

// copying is the copy task: a list of symbols, a delay, a recall marker, at which
// the list is to be said again, forwards or backwards. A task says how long
// lists get in training, how long the delay is and the direction.
type copying struct{}

func (copying) Name() string   { return "copy" }
func (copying) IO() IO         { return IO{Inputs: copySymbols + 2, Outputs: copySymbols, Length: copySteps} }
func (copying) Recipe() Recipe { return mixedRecipe() }

func (copying) Draw(r *rand.Rand) Task {
	return recall{length: copyMinLength + r.IntN(copyMaxLength-copyMinLength+1), delay: r.IntN(copyMaxDelay + 1), backwards: r.IntN(2) == 1}
}

func (copying) Parse(params []float32) (Task, error) {
	if len(params) == 3 {
		c := recall{int(params[0]), int(params[1]), params[2] == 1}
		if float32(c.length) == params[0] && c.length >= copyMinLength && c.length <= copyMaxLength &&
			float32(c.delay) == params[1] && c.delay >= 0 && c.delay <= copyMaxDelay && (params[2] == 0 || params[2] == 1) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("copy: task %v is not [length, delay, backwards] with a length from %d to %d, a delay from 0 to %d and 0 or 1",
		params, copyMinLength, copyMaxLength, copyMaxDelay)
}

// Holdout is how many steps a symbol is to be kept at most.
func (copying) Holdout(params []float32) float64 {
	if params[2] == 1 {
		return float64(2*params[0] + params[1])
	}
	return float64(params[0] + params[1])
}

// recall is the task of one length, delay and direction.
type recall struct {
	length, delay int
	backwards     bool
}

// Params returns [length, delay, 1 if backwards].
func (c recall) Params() []float32 {
	p := []float32{float32(c.length), float32(c.delay), 0}
	if c.backwards {
		p[2] = 1
	}
	return p
}

func (c recall) String() string {
	direction := "forwards"
	if c.backwards {
		direction = "backwards"
	}
	return fmt.Sprintf("up to %d symbols %s after %d steps", c.length, direction, c.delay)
}

// Batch makes a batch of n sequences of 22 steps.
func (c recall) Batch(n int) *Batch { return newBatch(copying{}.IO(), copySteps, n) }

// Fill draws lists of 1 to length symbols. There are targets from the recall
// marker on, as many as symbols.
func (c recall) Fill(r *rand.Rand, b *Batch) { c.fill(r, b, 1, c.length) }

func (c recall) fill(r *rand.Rand, b *Batch, shortest, longest int) {
	for s := range b.Size {
		n := shortest + r.IntN(longest-shortest+1)
		marker := n + c.delay
		for t := range b.Steps {
			at := t*b.Size + s
			b.Tokens[at], b.Targets[at] = copyBlank, -1
			switch {
			case t < n:
				b.Tokens[at] = int32(r.IntN(copySymbols))
			case t == marker:
				b.Tokens[at] = copyRecall
			}
			if k := t - marker; k >= 0 && k < n {
				if c.backwards {
					k = n - 1 - k
				}
				b.Targets[at] = b.Tokens[k*b.Size+s]
			}
		}
	}
}

// Score reads 500 lists as in training: accuracy is the share of right symbols,
// train_loss the mean cross-entropy of a symbol in nats. generalization_gap is
// the same mean for lists longer than any in training, up to twice as long,
// minus train_loss.
func (c recall) Score(r *rand.Rand, m Runner) Metrics {
	x := newTally(copySteps)
	b := c.Batch(copyScored)
	c.Fill(r, b)
	x.add(m, b, copying{}.IO())
	steps := 4*c.length + c.delay
	far := newTally(steps)
	b = newBatch(copying{}.IO(), steps, copyScored)
	c.fill(r, b, c.length+1, 2*c.length)
	far.add(m, b, copying{}.IO())
	train := x.mean(0, copySteps)
	return Metrics{"accuracy": x.accuracy(0, copySteps), "train_loss": train, "generalization_gap": far.mean(0, steps) - train}
}

// Rollouts shows the RNN lists as in training.
func (c recall) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	return show(c, copying{}.IO(), r, m, count)
}
