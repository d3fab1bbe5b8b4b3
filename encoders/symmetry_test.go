package encoders

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// outputsOf runs the plain reference on random inputs.
func outputsOf(t *testing.T, m *rnn.Model) []float32 {
	t.Helper()
	const steps = 7
	r := rng.Stream(1, "inputs", 0)
	x := make([]float32, steps*m.Spec.Inputs())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	y, err := m.Run(x, steps, 1)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func furthest(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

// A mirrored RNN computes the same, and something else once any of its tensors is
// left as it was: every one counts.
func TestMirrorUnits(t *testing.T) {
	for _, name := range rnn.CellNames() {
		cell, _ := rnn.LookupCell(name)
		for _, outputs := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s/%d", name, outputs), func(t *testing.T) {
				spec := rnn.Spec{Layers: []rnn.Layer{{Cell: name, Inputs: 4, Hidden: 6}, {Cell: name, Inputs: 6, Hidden: 5}}, Outputs: outputs}
				m := rnn.NewModel(spec)
				r := rng.Stream(1, "model", 0)
				for i := range m.Weights {
					m.Weights[i] = float32(0.5 * r.NormFloat64())
				}
				mirrored := MirrorUnits(m, RandomMirrors(r, spec))
				want := outputsOf(t, m)
				if d := furthest(outputsOf(t, mirrored), want); d > 1e-6 {
					t.Errorf("the mirrored RNN differs by %g", d)
				}
				if same := slices.Equal(mirrored.Weights, m.Weights); same != (len(cell.OddGates) == 0) {
					t.Errorf("weights are the same: %v", same)
				}
				for _, s := range spec.Layout() {
					mixed := &rnn.Model{Spec: spec, Weights: slices.Clone(mirrored.Weights)}
					copy(mixed.Tensor(s), m.Tensor(s))
					if slices.Equal(mixed.Weights, mirrored.Weights) {
						continue // nothing of it was mirrored
					}
					if d := furthest(outputsOf(t, mixed), want); d < 1e-4 {
						t.Errorf("with %s left as it was, the outputs differ by %g only", s.Name, d)
					}
				}
			})
		}
	}
}
