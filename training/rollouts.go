package training

import (
	"math"
	"slices"

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
	r := rollouts{tokens: make([]uint8, len(s.Tokens)), inputs: halves(s.Inputs), logits: halves(finite(s.Logits))}
	for i, t := range s.Tokens {
		r.tokens[i] = uint8(t)
	}
	return r
}

// finite replaces what an RNN that overflows puts out, which a zoo stores as
// infinite or as no number, by what half precision holds.
func finite(values []float32) []float32 {
	const greatest = 65504
	if !slices.ContainsFunc(values, func(v float32) bool { return !(v >= -greatest && v <= greatest) }) {
		return values
	}
	bounded := make([]float32, len(values))
	for i, v := range values {
		if v == v {
			bounded[i] = max(-greatest, min(greatest, v))
		}
	}
	return bounded
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
	if d.shapes != nil {
		return &mixedInputRange
	}
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
	// The emulator's inputs, 0 for tokens, and outputs. In a mixed zoo they are as
	// many as any of its RNNs has: tokens become one-hot rows, and what a RNN lacks
	// is zero.
	length, inputs, outputs int
	io                      tasks.IO // the RNNs'
}

// format is that of every snapshot, or of a mixed zoo's emulator.
func (d *dataset) format() format {
	if d.shapes != nil {
		return format{0, d.shapes.Inputs[1], d.shapes.Outputs[1], tasks.IO{RealInputs: true}}
	}
	return format{d.header.RolloutLength, d.header.Inputs, d.header.Outputs, d.family.IO()}
}

// gapUnit is that of the family's losses, or of all families' of a mixed zoo; "": nats.
func (d *dataset) gapUnit() string {
	switch {
	case d.shapes != nil:
		return "nats, or mean square error"
	case d.family.IO().RealOutputs:
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
	logits  []float32 // [rows, io.Outputs]
	own     []float32 // targets of as many outputs as the RNNs have, where the emulator has more
}

// fill takes the chosen rollouts, of snapshots of one format.
func (s *sequences) fill(f format, examples []example, batch []choice) {
	n, own := len(batch), f.io.Outputs
	rows := n * f.length
	if f.inputs == 0 {
		s.tokens = resized(s.tokens, rows)
	}
	s.inputs, s.logits, s.targets = resized(s.inputs, rows*f.inputs), resized(s.logits, rows*own), resized(s.targets, rows*f.outputs)
	clear(s.inputs)
	for i, c := range batch {
		r := &examples[c.example].rollouts
		for t := range f.length {
			row, from := t*n+i, c.rollout*f.length+t
			switch {
			case f.inputs == 0:
				s.tokens[row] = int32(r.tokens[from])
			case f.io.RealInputs:
				widen(s.inputs[row*f.inputs:][:f.io.Inputs], r.inputs[from*f.io.Inputs:])
			default:
				s.inputs[row*f.inputs+int(r.tokens[from])] = 1
			}
			widen(s.logits[row*own:][:own], r.logits[from*own:])
		}
	}
	if own == f.outputs {
		f.imitated(s.targets, s.logits, rows)
		return
	}
	s.own = resized(s.own, rows*own)
	f.imitated(s.own, s.logits, rows)
	clear(s.targets)
	for row := range rows {
		copy(s.targets[row*f.outputs:], s.own[row*own:(row+1)*own])
	}
}

// imitated makes what the emulator shall put out of what the RNNs did.
func (f *format) imitated(targets, logits []float32, rows int) {
	switch {
	case f.io.Samples:
		kernel.Exp(targets, logits)
	case f.io.RealOutputs:
		copy(targets, logits)
	default:
		kernel.Softmax(targets, logits, rows, f.io.Outputs)
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
