package enctest

import (
	"math"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// specs are RNNs of every cell and shape, most of them unlike any zoo's.
func specs(trained rnn.Spec) []rnn.Spec {
	in, out := trained.Inputs(), trained.OutputSize()
	var all []rnn.Spec
	for _, cell := range rnn.CellNames() {
		all = append(all, rnn.Uniform(cell, in, 5, 1, out), rnn.Uniform(cell, in, 7, 3, out), rnn.Uniform(cell, 1, 1, 1, 1),
			rnn.Uniform(cell, in, out, 2, 0), rnn.Uniform(cell, in+1, 4, 2, out+1))
		both := rnn.Uniform(cell, in, 3, 1, 0)
		both.Layers[0].Bidirectional = true
		both.Outputs = out
		reverse := rnn.Uniform(cell, in, 3, 1, out)
		reverse.Layers[0].Reverse = true
		clipped := rnn.Uniform(cell, in, 3, 1, out)
		clipped.Layers[0].Variant.Clip = 2
		all = append(all, both, reverse, clipped)
	}
	peepholes := rnn.Uniform("lstm", in, 3, 2, out)
	peepholes.Layers[1].Variant.Peepholes = true
	mixed := rnn.Spec{Layers: []rnn.Layer{{Cell: "gru", Inputs: in, Hidden: 2}, {Cell: "lstm", Inputs: 2, Hidden: 9}}, Outputs: out}
	return append(all, peepholes, mixed, trained)
}

// checkAcceptance: what Accepts admits can be encoded, alone and several at
// once; what it refuses comes with a code and what would be accepted; the spec
// of the zoo is admitted.
func checkAcceptance(t *testing.T, c encoders.Config) {
	e := build(t, c, rng.Stream(seed, "encoder", 0))
	accepts := e.Accepts()
	if !accepts.TrainedOn.Equal(c.Spec) {
		t.Errorf("trained on %s, Accepts says %s", c.Spec, accepts.TrainedOn)
	}
	if err := accepts.Check(c.Spec); err != nil {
		t.Errorf("the zoo's own spec is refused: %v", err)
	}
	for _, s := range specs(c.Spec) {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := accepts.Check(s); err != nil {
			if r := errs.As(err); r.Code != errs.SpecNotAccepted || r.Accepted == "" || r.Hint == "" {
				t.Errorf("%s: refused without code, what is accepted or what to do: %v", name(s), err)
			}
			continue
		}
		if z := embed(e, Models(s, 3)...); len(z) != 3*c.Dim || !finite(z) {
			t.Errorf("%s: the embedding is %v", name(s), z)
		}
	}
}

func finite(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}

// checkOddWeights: RNNs that no training gives, but that are valid, have finite
// embeddings.
func checkOddWeights(t *testing.T, c encoders.Config) {
	e := build(t, c, rng.Stream(seed, "encoder", 0))
	random := Models(c.Spec, 1)[0].Weights
	for what, weight := range map[string]func(i int) float32{
		"zero":         func(int) float32 { return 0 },
		"equal":        func(int) float32 { return 0.3 },
		"huge":         func(i int) float32 { return random[i] * 1e4 },
		"tiny":         func(i int) float32 { return random[i] * 1e-30 },
		"denormal":     func(int) float32 { return math.SmallestNonzeroFloat32 },
		"one, at 1000": func(i int) float32 { return float32(1000 * (1 - min(i, 1))) },
	} {
		m := rnn.NewModel(c.Spec)
		for i := range m.Weights {
			m.Weights[i] = weight(i)
		}
		if err := m.Validate(); err != nil {
			t.Fatal(err)
		}
		if z := embed(e, m); !finite(z) {
			t.Errorf("weights %s: the embedding is %v", what, z)
		}
	}
}
