package enctest_test

import (
	"encoding/json"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/rnn"
)

// realRange is about that of normalised images.
var realRange = &[2]float32{-0.5, 3}

// cases has a row for every kind.
var cases = map[string][]enctest.Case{
	"layerwise_statistics": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"hidden":[6,5]}`)}, OrderFree: true},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 2, 5, 1, 3), Options: json.RawMessage(`{"hidden":[]}`)}, OrderFree: true},
	},
	"responses": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 3), Options: json.RawMessage(`{"hidden":[6,5]}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 2, 5, 2, 2), Options: json.RawMessage(`{"hidden":[]}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("rnn_tanh", 2, 4, 1, 3), Options: json.RawMessage(`{"hidden":[4]}`), InputRange: realRange}},
	},
	"flattened": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"hidden":[6,5]}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"hidden":[]}`)}},
		{Config: encoders.Config{Spec: rnn.Spec{Layers: []rnn.Layer{{Cell: "rnn_relu", Inputs: 2, Hidden: 3}, {Cell: "gru", Inputs: 3, Hidden: 4}}, Outputs: 2}}},
	},
	"parameter_transformer": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"width":6,"layers":2,"heads":2,"feed_forward":7}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"tokens":"unit","width":4,"layers":1,"heads":1,"feed_forward":5}`)}},
	},
	"dwsnet": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"channels":5,"layers":2,"hidden":[6]}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"channels":4,"layers":1,"hidden":[]}`)}},
		{Config: encoders.Config{Spec: rnn.Spec{Layers: []rnn.Layer{{Cell: "rnn_relu", Inputs: 2, Hidden: 3}, {Cell: "gru", Inputs: 3, Hidden: 4}}, Outputs: 2}, Options: json.RawMessage(`{"channels":3,"layers":3,"hidden":[]}`)}},
	},
	"noninteractive_probing": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"steps":4,"hidden":6,"layers":2}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 3, 4, 1, 4), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`), InputRange: realRange}},
	},
	"interactive_probing": {
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"steps":4,"hidden":6,"layers":2}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("gru", 4, 5, 1, 3), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("rnn_tanh", 3, 4, 2, 0), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)}},
		{Config: encoders.Config{Spec: rnn.Uniform("lstm", 3, 4, 1, 4), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":2}`), InputRange: realRange}},
	},
}

func TestEveryEncoder(t *testing.T) {
	for _, kind := range encoders.Kinds() {
		if len(cases[kind]) == 0 {
			t.Errorf("%s has no row in cases", kind)
		}
		for _, c := range cases[kind] {
			c.Config.Kind, c.Config.Dim = kind, 3
			t.Run(kind+", "+c.Config.Spec.String(), func(t *testing.T) { enctest.Run(t, c) })
		}
	}
}
