package encoders

import (
	"context"
	"slices"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// overflowing is an RNN of finite weights whose states grow beyond float32.
func overflowing(s rnn.Spec) *rnn.Model {
	m := rnn.NewModel(s)
	for i := range m.Weights {
		m.Weights[i] = 30 * float32(1+i%3)
	}
	return m
}

// usual are RNNs of weights within 1/2.
func usual(s rnn.Spec, n int) (models []*rnn.Model) {
	for i := range n {
		m, r := rnn.NewModel(s), rng.Stream(3, "models", uint64(i))
		for j := range m.Weights {
			m.Weights[j] = float32(r.Float64() - .5)
		}
		models = append(models, m)
	}
	return models
}

// TestPrepareWithOverflow: an RNN whose features are not finite adds the finite
// ones alone to mean and spread.
func TestPrepareWithOverflow(t *testing.T) {
	spec := rnn.Uniform("rnn_relu", 3, 8, 2, 4)
	models := usual(spec, 6)
	tape := grad.NewTape().Inference()
	odd := slices.Clone(statisticsAndResponsesOf(tape, rnn.Bind(tape, overflowing(spec))).Value())
	finite := len(odd) - len(slices.DeleteFunc(slices.Clone(odd), func(v float32) bool { return !notFinite(v) }))
	if finite == 0 || finite == len(odd) {
		t.Fatalf("%d of %d features are finite: this tests nothing", finite, len(odd))
	}
	prepared := func(models ...*rnn.Model) *featureEncoder {
		e, err := newFeatureEncoder(Config{Kind: "test", Dim: 2}, statisticsFeatures+responseFeatures, statisticsAndResponsesOf, rng.Stream(1, "encoder", 0))
		if err != nil {
			t.Fatal(err)
		}
		f := e.(*featureEncoder)
		f.Prepare(models)
		return f
	}
	without, with, alone := prepared(models...), prepared(append(models, overflowing(spec))...), prepared(overflowing(spec))
	for i, v := range odd {
		for _, p := range []float32{with.scale.Value[i], with.shift.Value[i], alone.scale.Value[i], alone.shift.Value[i]} {
			if notFinite(p) {
				t.Fatalf("feature %d is %v; it is scaled by %v", i, v, p)
			}
		}
		same := relativeError(t, with.scale.Value[i:i+1], without.scale.Value[i:i+1]) < 1e-6 && relativeError(t, with.shift.Value[i:i+1], without.shift.Value[i:i+1]) < 1e-6
		if notFinite(v) && !same {
			t.Errorf("feature %d is %v, and changes scale and shift to %v, %v from %v, %v", i, v,
				with.scale.Value[i], with.shift.Value[i], without.scale.Value[i], without.shift.Value[i])
		}
		if i < statisticsFeatures && with.shift.Value[i] == without.shift.Value[i] && v != 0 {
			t.Errorf("feature %d is %v, and does not change the scaling", i, v)
		}
	}
}

// TestEmbedOverflow: the answer to an RNN that overflows is a refusal that says so.
func TestEmbedOverflow(t *testing.T) {
	const kind = "responses"
	for _, spec := range []rnn.Spec{rnn.Uniform("rnn_relu", 3, 8, 1, 4), rnn.Uniform("rnn_relu", 3, 8, 2, 0), rnn.Uniform("rnn_relu", 3, 8, 3, 1)} {
		b, err := NewBundle(Manifest{Family: "test", Encoder: Config{Kind: kind, Dim: 4, Spec: spec},
			Emulator:   EmulatorConfig{Dim: 4, Inputs: 3, Outputs: spec.OutputSize(), Hidden: 4, Layers: 1},
			Predictors: PredictorConfig{Dim: 4, Hidden: 4, Steps: []int{0}, GapScale: 1}})
		if err != nil {
			t.Fatal(err)
		}
		models := append(usual(spec, 6), overflowing(spec))
		b.Encoder.(Preparer).Prepare(models)
		if r, err := b.Embed(context.Background(), models[6:]); errs.CodeOf(err) != errs.NonFiniteWeights {
			t.Errorf("%s of %s: %v, %+v", kind, spec, err, r)
		}
	}
}
