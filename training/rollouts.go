package training

import (
	"math"

	"rnnrep/internal/half"
	"rnnrep/internal/kernel"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// rollouts are a snapshot's, as small as the zoo stores them.
type rollouts struct {
	tokens []uint8  // [count, length], or none
	inputs []uint16 // [count, length, inputs] in half precision, or none
	logits []uint16 // [count, length, outputs] in half precision
}

func newRollouts(s *zoo.Snapshot) rollouts {
	r := rollouts{tokens: make([]uint8, len(s.Tokens)), inputs: halves(s.Inputs), logits: halves(s.Logits)}
	for i, t := range s.Tokens {
		r.tokens[i] = uint8(t)
	}
	return r
}

func halves(values []float32) []uint16 {
	h := make([]uint16, len(values))
	for i, v := range values {
		h[i] = half.From(v)
	}
	return h
}

// inputRange is that of the training snapshots' real inputs; nil for tokens.
func (d *dataset) inputRange() *[2]float32 {
	if d.header.Inputs == 0 {
		return nil
	}
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, e := range d.parts[zoo.Train] {
		for _, v := range e.rollouts.inputs {
			x := half.To(v)
			low, high = min(low, x), max(high, x)
		}
	}
	return &[2]float32{low, high}
}

// format is that of a zoo's rollouts and of what the emulator imitates in them.
type format struct {
	length, inputs, outputs int // inputs: 0 for tokens
	io                      tasks.IO
}

func (d *dataset) format() format {
	return format{d.header.RolloutLength, d.header.Inputs, d.header.Outputs, d.family.IO()}
}

// gapUnit is that of the family's losses; "": nats.
func (f format) gapUnit() string {
	if f.io.RealOutputs {
		return "mean square error"
	}
	return ""
}

// sequences are rollouts of some snapshots, step by step: what belongs to
// sequence i at step t is row t*n + i.
type sequences struct {
	tokens  []int32
	inputs  []float32
	targets []float32 // rows of probabilities; of values where outputs are real
	logits  []float32
}

// fill takes the chosen rollouts.
func (s *sequences) fill(f format, examples []example, batch []choice) {
	n := len(batch)
	rows := n * f.length
	if f.inputs == 0 {
		s.tokens = resized(s.tokens, rows)
	}
	s.inputs, s.logits, s.targets = resized(s.inputs, rows*f.inputs), resized(s.logits, rows*f.outputs), resized(s.targets, rows*f.outputs)
	for i, c := range batch {
		r := &examples[c.example].rollouts
		for t := range f.length {
			row, from := t*n+i, c.rollout*f.length+t
			if f.inputs == 0 {
				s.tokens[row] = int32(r.tokens[from])
			}
			widen(s.inputs[row*f.inputs:][:f.inputs], r.inputs[min(from*f.inputs, len(r.inputs)):])
			widen(s.logits[row*f.outputs:][:f.outputs], r.logits[from*f.outputs:])
		}
	}
	switch {
	case f.io.Samples:
		kernel.Exp(s.targets, s.logits)
	case f.io.RealOutputs:
		copy(s.targets, s.logits)
	default:
		kernel.Softmax(s.targets, s.logits, rows, f.outputs)
	}
}

// widen converts as many values of half precision as dst holds.
func widen(dst []float32, src []uint16) {
	for i := range dst {
		dst[i] = half.To(src[i])
	}
}

func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
