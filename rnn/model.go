package rnn

import (
	"math"

	"rnnrep/internal/errs"
)

// Model is an RNN: a spec and its weights, in Layout's order.
type Model struct {
	Spec    Spec
	Weights []float32
}

// NewModel returns a model of zero weights.
func NewModel(s Spec) *Model { return &Model{Spec: s, Weights: make([]float32, s.Parameters())} }

// Validate checks the spec, the number of weights and that all are finite.
func (m *Model) Validate() error {
	if err := m.Spec.Validate(); err != nil {
		return err
	}
	if n := m.Spec.Parameters(); len(m.Weights) != n {
		return errs.New(errs.ShapeMismatch, "model has %d weights but its spec (%s) needs %d", len(m.Weights), m.Spec, n)
	}
	if allFinite(m.Weights) {
		return nil
	}
	for _, sl := range m.Spec.Layout() {
		for i, w := range m.Tensor(sl) {
			if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
				return errs.New(errs.NonFiniteWeights, "tensor %q holds %v at element %d", sl.Name, w, i).
					At(sl.Name).Accepts("finite weights").Do("the training has probably diverged; export an earlier checkpoint")
			}
		}
	}
	return nil
}

// allFinite looks at all values before it says so, which is faster than asking
// after each.
func allFinite(values []float32) bool {
	const exponent = 0xff << 23 // all ones: infinite or not a number
	most := uint32(0)
	for _, v := range values {
		most = max(most, math.Float32bits(v)&exponent)
	}
	return most < exponent
}

// Tensor returns the values of one slot; it aliases Weights.
func (m *Model) Tensor(s Slot) []float32 { return m.Weights[s.Offset : s.Offset+s.Size()] }

// Named returns the values of the slot with that name, nil if there is none.
func (m *Model) Named(name string) []float32 {
	for _, s := range m.Spec.Layout() {
		if s.Name == name {
			return m.Tensor(s)
		}
	}
	return nil
}
