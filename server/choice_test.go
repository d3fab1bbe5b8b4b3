package server_test

import (
	"encoding/json"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/rnn"
	"rnnrep/server"
)

// universal is an untrained bundle of a zoo of RNNs of many shapes.
func universal(t *testing.T, kind, options string, accuracy float64, specs ...rnn.Spec) *encoders.Bundle {
	t.Helper()
	b := enctest.Bundle(t, encoders.Config{Kind: kind, Dim: 4, Spec: rnn.Uniform("lstm", 6, 8, 2, 6), Options: json.RawMessage(options),
		InputRange: &[2]float32{-1, 2}, Shapes: encoders.NewShapes(specs)})
	b.Manifest.Family = "universal"
	b.Manifest.Scores = map[string]float64{"validation_accuracy_r2": accuracy}
	return b
}

// TestChoice: the bundle that answers where none is named, in whatever order they
// are: of the RNN's own spec, of shapes that include it, of others, then one that
// compares any RNN; of equals that of better scores.
func TestChoice(t *testing.T) {
	few := []rnn.Spec{rnn.Uniform("lstm", 6, 8, 2, 6), rnn.Uniform("gru", 2, 12, 1, 1)}
	statisticsOfMany := universal(t, "layerwise_statistics", `{"hidden":[6]}`, .9, few...)
	responses := universal(t, "responses", `{"hidden":[6]}`, .7, append(few, rnn.Uniform("rnn_tanh", 2, 12, 1, 1))...)
	one := testBundles(t)
	one[1].Manifest.Scores = map[string]float64{"validation_accuracy_r2": .6} // the prober's
	all := append(one, statisticsOfMany, responses)

	bothWays := rnn.Uniform("gru", 3, 10, 1, 2)
	bothWays.Layers[0].Bidirectional = true
	for _, c := range []struct {
		what    string
		bundles []*encoders.Bundle
		spec    rnn.Spec
		want    string
	}{
		{"its own spec", all, trainedOn, probing},
		{"within both shapes", all, rnn.Uniform("gru", 3, 10, 1, 2), statisticsOfMany.Name()},
		{"within one's shapes", all, rnn.Uniform("rnn_tanh", 3, 10, 1, 2), responses.Name()},
		{"outside, though a prober of one spec accepts it", all, rnn.Uniform("rnn_relu", 6, 3, 1, 6), statisticsOfMany.Name()},
		{"run both ways", all, bothWays, statisticsOfMany.Name()},
		{"another spec, statistics", one, rnn.Uniform("gru", 6, 10, 1, 6), statistics},
		{"another spec, a prober alone", one[1:], rnn.Uniform("gru", 6, 10, 1, 6), probing},
	} {
		for range 2 {
			s := newServer(t, func(config *server.Config) { config.Bundles = c.bundles })
			if got := answerOf(t, post(s, "/v1/predict", modelFile(t, c.spec, 0))).Bundle; got != c.want {
				t.Errorf("%s: %s answers for %s, not %s", c.what, got, c.spec, c.want)
			}
			c.bundles = slices.Clone(c.bundles)
			slices.Reverse(c.bundles)
		}
	}
}
