package tasks

import (
	"math"
	"math/rand/v2"

	"rnnrep/internal/half"
)

// Batch holds sequences step by step: what belongs to sequence b at step t is
// row t*Size + b. There are either Tokens or Inputs, and either Targets or Values.
type Batch struct {
	Steps, Size int
	Tokens      []int32
	Inputs      []float32 // rows of real inputs
	Targets     []int32   // negative: none at this step
	Values      []float32 // rows of real targets
}

// newBatch makes a batch for a family's sequences.
func newBatch(io IO, steps, size int) *Batch {
	b := &Batch{Steps: steps, Size: size}
	if io.RealInputs {
		b.Inputs = make([]float32, steps*size*io.Inputs)
	} else {
		b.Tokens = make([]int32, steps*size)
	}
	if io.RealOutputs {
		b.Values = make([]float32, steps*size*io.Outputs)
	} else {
		b.Targets = make([]int32, steps*size)
	}
	return b
}

// each runs the RNN over a batch and calls do with the outputs of every step.
func (b *Batch) each(m Runner, io IO, do func(step int, logits []float32)) {
	logits := make([]float32, b.Size*io.Outputs)
	m.Reset(b.Size)
	for t := range b.Steps {
		if io.RealInputs {
			n := b.Size * io.Inputs
			m.StepInputs(b.Inputs[t*n:(t+1)*n], logits)
		} else {
			m.Step(b.Tokens[t*b.Size:(t+1)*b.Size], logits)
		}
		do(t, logits)
	}
}

// show lets the RNN read count sequences as in training, the inputs rounded to
// half precision, in which zoos store them.
func show(task Task, io IO, r *rand.Rand, m Runner, count int) Rollouts {
	b := task.Batch(count)
	task.Fill(r, b)
	out := Rollouts{Logits: make([]float32, b.Size*b.Steps*io.Outputs)}
	for i, v := range b.Inputs {
		b.Inputs[i] = half.To(half.From(v))
	}
	if io.RealInputs {
		out.Inputs = make([]float32, len(b.Inputs))
	} else {
		out.Tokens = make([]int32, len(b.Tokens))
	}
	b.each(m, io, func(t int, logits []float32) {
		for s := range b.Size {
			at, from := s*b.Steps+t, t*b.Size+s
			copy(out.Logits[at*io.Outputs:(at+1)*io.Outputs], logits[s*io.Outputs:])
			if io.RealInputs {
				copy(out.Inputs[at*io.Inputs:(at+1)*io.Inputs], b.Inputs[from*io.Inputs:])
			} else {
				out.Tokens[at] = b.Tokens[from]
			}
		}
	})
	return out
}

// tally sums up, step by step, what an RNN makes of batches.
type tally struct {
	loss, right, counted []float64
}

func newTally(steps int) *tally {
	return &tally{make([]float64, steps), make([]float64, steps), make([]float64, steps)}
}

// add runs the RNN over a batch.
func (x *tally) add(m Runner, b *Batch, io IO) {
	b.each(m, io, func(t int, logits []float32) {
		for s := range b.Size {
			at, row := t*b.Size+s, logits[s*io.Outputs:(s+1)*io.Outputs]
			if io.RealOutputs {
				x.addValues(t, row, b.Values[at*io.Outputs:(at+1)*io.Outputs], io.Tolerance)
			} else if target := b.Targets[at]; target >= 0 {
				x.loss[t] += logSum(row) - float64(row[target])
				x.counted[t]++
				if argmax(row) == int(target) {
					x.right[t]++
				}
			}
		}
	})
}

func (x *tally) addValues(t int, row, values []float32, tolerance float64) {
	near := true
	for i, v := range values {
		d := math.Abs(float64(row[i]) - float64(v))
		x.loss[t] += d * d / float64(len(values))
		near = near && d <= tolerance
	}
	x.counted[t]++
	if near {
		x.right[t]++
	}
}

// mean is the mean loss over the steps from and below to.
func (x *tally) mean(from, to int) float64 { return sum(x.loss[from:to]) / sum(x.counted[from:to]) }

// accuracy is the share of right outputs over the steps from and below to.
func (x *tally) accuracy(from, to int) float64 {
	return sum(x.right[from:to]) / sum(x.counted[from:to])
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}
