package importer

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// tolerance is the largest accepted difference of outputs, relative to the
// largest output where that is above 1.
const tolerance = 1e-4

// largeModel is the number of weights from which fewer steps are compared.
const largeModel = 1 << 20

// verify feeds noise to the original nodes and to the recovered model. The
// nodes run in the reference evaluator one layer after the other, wired as the
// marks have shown.
func verify(v *view, s *stack, m *rnn.Model, seed uint64) (Verification, error) {
	steps, batch := stepCount, batchSize
	if len(m.Weights) > largeModel {
		steps, batch = 3, 1 // the third step has seen the recurrent weights twice
	}
	x := noise(rng.Stream(seed, "importer verification", 0), steps, batch, m.Spec.Inputs())
	want, err := s.original(v, x)
	if err != nil {
		return Verification{}, err
	}
	got, err := m.Run(x.data, steps, batch)
	if err != nil {
		return Verification{}, errs.New(errs.UnsupportedCell, "the recovered %s cannot run: %w", m.Spec, err)
	}
	d, largest := distance(want, got), 1.0
	for _, y := range want {
		largest = max(largest, math.Abs(float64(y)))
	}
	if !(d <= tolerance*largest) {
		return Verification{}, errs.New(errs.VerificationFailed, "the recovered %s differs from the graph by %.3g on random input", m.Spec, d).
			Accepts("at most %.1g", tolerance*largest).Do("please report the file: the graph computes something else than its structure suggests")
	}
	return Verification{Method: "reference_evaluator", MaxAbsError: d}, nil
}

// original runs the nodes that s was recovered from.
func (s *stack) original(v *view, x sequence) ([]float32, error) {
	for _, u := range s.units {
		var out sequence
		for i, f := range u.parts {
			y, err := f.run(v.ctx, x.flipped(f.flipped))
			if err != nil {
				return nil, err
			}
			if y = y.flipped(f.flipped); i == 0 {
				out = y
			} else {
				out = beside(out, y)
			}
		}
		x = out
	}
	if s.readout == nil {
		return x.data, nil
	}
	r := s.readout
	rows := onnx.NewFloats(r.input, x.data, x.steps*x.batch, x.width)
	if t, _ := v.constant(r.nodes[0].Input(1)); t != nil && t.Type != onnx.Float32 {
		rows = onnx.FromFloats(r.input, t.Type, rows.Float64s(), rows.Dims...)
	}
	values, err := v.evaluate(tensors{r.input: rows}, r.result)
	if err != nil {
		return nil, err
	}
	return values[r.result].Float32s(), nil
}
