package encoders

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// zooSpecs are those of a small mixed zoo, and zooShapes what they span.
var (
	zooSpecs  = []rnn.Spec{rnn.Uniform("lstm", 3, 8, 2, 5), rnn.Uniform("gru", 1, 12, 1, 2), rnn.Uniform("gru", 6, 4, 3, 1)}
	zooShapes = Shapes{Cells: []string{"gru", "lstm"}, Layers: [2]int{1, 3}, Hidden: [2]int{4, 12}, Inputs: [2]int{1, 6}, Outputs: [2]int{1, 5}}
)

func TestNewShapes(t *testing.T) {
	if got := NewShapes(zooSpecs); !reflect.DeepEqual(*got, zooShapes) {
		t.Errorf("%+v, want %+v", *got, zooShapes)
	}
	if want := "gru, lstm of 1 to 3 layers of 4 to 12 units, 1 to 6 inputs, 1 to 5 outputs"; zooShapes.String() != want {
		t.Errorf("%s, want %s", &zooShapes, want)
	}
	// Without a readout, a RNN's outputs are its last layer's.
	one := NewShapes([]rnn.Spec{{Layers: []rnn.Layer{{Cell: "rnn_tanh", Inputs: 1, Hidden: 7}}}})
	if want := "rnn_tanh of 1 layer of 7 units, 1 input, 7 outputs"; one.String() != want {
		t.Errorf("%s, want %s", one, want)
	}
}

// TestShapesContain: each size to its bounds and not beyond, each cell alone.
func TestShapesContain(t *testing.T) {
	stack := func(layers ...rnn.Layer) rnn.Spec { return rnn.Spec{Layers: layers, Outputs: 2} }
	backward := rnn.Uniform("gru", 3, 8, 2, 2)
	backward.Layers[0].Reverse = true
	for _, c := range []struct {
		spec rnn.Spec
		want bool
	}{
		{rnn.Uniform("lstm", 1, 4, 1, 1), true},
		{rnn.Uniform("gru", 6, 12, 3, 5), true},
		{rnn.Uniform("lstm", 7, 8, 2, 2), false},
		{rnn.Uniform("lstm", 3, 8, 2, 6), false},
		{rnn.Uniform("lstm", 3, 3, 2, 2), false},
		{rnn.Uniform("lstm", 3, 13, 2, 2), false},
		{rnn.Uniform("lstm", 3, 8, 4, 2), false},
		{rnn.Uniform("lstm", 3, 4, 1, 0), true},
		{rnn.Uniform("lstm", 3, 8, 1, 0), false},
		{rnn.Uniform("rnn_tanh", 3, 8, 2, 2), false},
		{stack(rnn.Layer{Cell: "gru", Inputs: 3, Hidden: 5}, rnn.Layer{Cell: "lstm", Inputs: 5, Hidden: 9}), true},
		{stack(rnn.Layer{Cell: "gru", Inputs: 3, Hidden: 5}, rnn.Layer{Cell: "rnn_relu", Inputs: 5, Hidden: 9}), false},
		{stack(rnn.Layer{Cell: "gru", Inputs: 3, Hidden: 5}, rnn.Layer{Cell: "gru", Inputs: 5, Hidden: 20}), false},
		{backward, false},
	} {
		if got := zooShapes.Contain(c.spec); got != c.want {
			t.Errorf("contain %s: %v", c.spec, got)
		}
	}
}

// universal is the config of an encoder that is trained on the zoo of zooSpecs.
func universal(kind string) Config {
	shapes := zooShapes
	return Config{Kind: kind, Dim: 4, Spec: rnn.Uniform("lstm", 6, 8, 2, 5), Shapes: &shapes}
}

// TestShapesAreChecked: those of a manifest must be in order and fit its spec, and
// encoders of one architecture refuse any.
func TestShapesAreChecked(t *testing.T) {
	build := func(c Config) error {
		_, err := New(c, rng.Stream(1, "encoder", 0))
		return err
	}
	for name, spoil := range map[string]func(s *Shapes){
		"3 to 1":    func(s *Shapes) { s.Layers = [2]int{3, 1} },
		"0 to 12":   func(s *Shapes) { s.Hidden[0] = 0 },
		"-1 to 6":   func(s *Shapes) { s.Inputs[0] = -1 },
		"7 inputs":  func(s *Shapes) { s.Inputs[1] = 7 },
		"4 outputs": func(s *Shapes) { s.Outputs[1] = 4 },
		"no cells":  func(s *Shapes) { s.Cells = nil },
	} {
		c := universal("responses")
		spoil(c.Shapes)
		if err := build(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("shapes of %s: %v", name, err)
		}
	}
	for _, kind := range Kinds() {
		err := build(universal(kind))
		if reads := slices.Contains(many, kind); reads != (err == nil) || !reads && !strings.Contains(err.Error(), "one shape") {
			t.Errorf("%s on a zoo of many shapes: %v", kind, err)
		}
	}
}

// many are the kinds that read RNNs of many shapes.
var many = []string{"layerwise_statistics", "responses"}

// TestUniversalAcceptance: what an encoder of many shapes accepts and knows, also
// after a round trip through JSON.
func TestUniversalAcceptance(t *testing.T) {
	bidirectional := rnn.Uniform("gru", 3, 8, 1, 2)
	bidirectional.Layers[0].Bidirectional = true
	for _, kind := range many {
		e, err := New(universal(kind), rng.Stream(1, "encoder", 0))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(e.Accepts())
		if err != nil {
			t.Fatal(err)
		}
		var a Acceptance
		if err := json.Unmarshal(text, &a); err != nil || !reflect.DeepEqual(a, e.Accepts()) {
			t.Errorf("%s: %s is read as %+v, %v", kind, text, a, err)
		}
		for _, s := range []rnn.Spec{rnn.Uniform("rnn_tanh", 40, 3, 5, 30), zooSpecs[0], bidirectional} {
			if err := a.Check(s); err != nil {
				t.Errorf("%s: %s: %v", kind, s, err)
			}
			if known := s.Equal(zooSpecs[0]); a.Knows(s) != known {
				t.Errorf("%s: %s is known: %v", kind, s, !known)
			}
		}
	}
	one := Acceptance{TrainedOn: zooSpecs[0]}
	if !one.Knows(zooSpecs[0]) || one.Knows(zooSpecs[1]) {
		t.Error("an encoder of one spec shall know that alone")
	}
}
