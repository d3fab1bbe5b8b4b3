package rnn_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// valid is an LSTM of two layers that cases spoil.
func valid() rnn.Spec { return rnn.Uniform("lstm", 6, 32, 2, 6) }

func gru() rnn.Spec { return rnn.Uniform("gru", 3, 4, 1, 0) }

func TestSpecValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		base  func() rnn.Spec
		spoil func(s *rnn.Spec)
		code  errs.Code // "": valid
		names string    // what the message must name
	}{
		{"the paper's", valid, func(*rnn.Spec) {}, "", ""},
		{"no readout", valid, func(s *rnn.Spec) { s.Outputs = 0 }, "", ""},
		{"bidirectional below", valid, func(s *rnn.Spec) { s.Layers[0].Bidirectional = true; s.Layers[1].Inputs = 64 }, "", ""},
		{"reverse", valid, func(s *rnn.Spec) { s.Layers[1].Reverse = true }, "", ""},
		{"cells that differ", valid, func(s *rnn.Spec) { s.Layers[1].Cell = "rnn_relu" }, "", ""},
		{"LSTM variant", valid, func(s *rnn.Spec) { s.Layers[0].Variant = rnn.Variant{Peepholes: true, InputForget: true, Clip: 3} }, "", ""},
		{"GRU variant", gru, func(s *rnn.Spec) { s.Layers[0].Variant.ResetFirst = true }, "", ""},
		{"most layers", func() rnn.Spec { return rnn.Uniform("gru", 1, 1, rnn.MaxLayers, 1) }, func(*rnn.Spec) {}, "", ""},

		{"no layers", valid, func(s *rnn.Spec) { s.Layers = nil }, errs.InvalidGraph, "0 recurrent layers"},
		{"too many layers", valid, func(s *rnn.Spec) { *s = rnn.Uniform("gru", 1, 1, rnn.MaxLayers+1, 1) }, errs.InvalidGraph, "65 recurrent layers"},
		{"negative outputs", valid, func(s *rnn.Spec) { s.Outputs = -1 }, errs.InvalidGraph, "-1 outputs"},
		{"many outputs", valid, func(s *rnn.Spec) { s.Outputs = rnn.MaxSize + 1 }, errs.InvalidGraph, "outputs"},
		{"unknown cell", valid, func(s *rnn.Spec) { s.Layers[1].Cell = "mgu" }, errs.UnsupportedCell, `layer 1: unknown cell "mgu"`},
		{"no inputs", valid, func(s *rnn.Spec) { s.Layers[0].Inputs = 0 }, errs.InvalidGraph, "layer 0: inputs is 0"},
		{"negative hidden", valid, func(s *rnn.Spec) { s.Layers[1].Hidden = -4 }, errs.InvalidGraph, "layer 1: hidden is -4"},
		{"huge hidden", valid, func(s *rnn.Spec) { s.Layers[0].Hidden = math.MaxInt }, errs.InvalidGraph, "layer 0: hidden"},
		{"layers that do not fit", valid, func(s *rnn.Spec) { s.Layers[1].Inputs = 31 }, errs.ShapeMismatch, "layer 1 reads 31 values but the layer below puts out 32"},
		{"bidirectional that does not fit", valid, func(s *rnn.Spec) { s.Layers[0].Bidirectional = true }, errs.ShapeMismatch, "puts out 64"},
		{"both directions", valid, func(s *rnn.Spec) { s.Layers[1].Bidirectional, s.Layers[1].Reverse = true, true }, errs.InvalidGraph, "layer 1 is both bidirectional and reverse"},
		{"negative clip", valid, func(s *rnn.Spec) { s.Layers[0].Variant.Clip = -1 }, errs.InvalidGraph, "layer 0: clip is -1"},
		{"clip NaN", valid, func(s *rnn.Spec) { s.Layers[0].Variant.Clip = float32(math.NaN()) }, errs.InvalidGraph, "clip is NaN"},
		{"clip infinite", valid, func(s *rnn.Spec) { s.Layers[0].Variant.Clip = float32(math.Inf(1)) }, errs.InvalidGraph, "clip is +Inf"},
		{"GRU peepholes", gru, func(s *rnn.Spec) { s.Layers[0].Variant.Peepholes = true }, errs.InvalidGraph, `layer 0: the variant does not belong to cell "gru"`},
		{"GRU input_forget", gru, func(s *rnn.Spec) { s.Layers[0].Variant.InputForget = true }, errs.InvalidGraph, `cell "gru"`},
		{"LSTM reset_first", valid, func(s *rnn.Spec) { s.Layers[1].Variant.ResetFirst = true }, errs.InvalidGraph, `layer 1: the variant does not belong to cell "lstm"`},
		{"too many parameters", valid, func(s *rnn.Spec) { *s = rnn.Uniform("lstm", 1, 1<<14, 1, 0) }, errs.TooLarge, "parameters"},
		{"too large to count in 32 bits", valid, func(s *rnn.Spec) { *s = rnn.Uniform("lstm", rnn.MaxSize, rnn.MaxSize, rnn.MaxLayers, rnn.MaxSize) }, errs.TooLarge, "parameters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.base()
			c.spoil(&s)
			err := s.Validate()
			if c.code == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if got := errs.CodeOf(err); got != c.code {
				t.Errorf("code %s, want %s", got, c.code)
			}
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("%q does not name %q", err, c.names)
			}
		})
	}
}

func TestModelValidate(t *testing.T) {
	m := rnn.NewModel(valid())
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	m.Named("bias_hh_l1")[3] = float32(math.NaN())
	err := errs.As(m.Validate())
	if err.Code != errs.NonFiniteWeights || err.Node != "bias_hh_l1" || !strings.Contains(err.Detail, "element 3") {
		t.Errorf("NaN in bias_hh_l1: %+v", err)
	}
	m.Weights = m.Weights[1:]
	if err := m.Validate(); errs.CodeOf(err) != errs.ShapeMismatch || !strings.Contains(err.Error(), "13765") {
		t.Errorf("a weight too few: %v", err)
	}
	m.Spec.Layers = nil
	if err := m.Validate(); errs.CodeOf(err) != errs.InvalidGraph {
		t.Errorf("a model without layers: %v", err)
	}
}

func TestRunRefusesInputOfAnotherSize(t *testing.T) {
	_, err := rnn.NewModel(valid()).Run(make([]float32, 7), 1, 1)
	if err == nil || !strings.Contains(err.Error(), "7 values") || !strings.Contains(err.Error(), "need 6") {
		t.Errorf("7 values for 6 inputs: %v", err)
	}
}

func TestRunRefusesUnknownActivation(t *testing.T) {
	s := gru()
	s.Layers[0].Variant.Activations[1].Name = "Swish"
	_, err := rnn.NewModel(s).Run(make([]float32, 3), 1, 1)
	if err == nil || !strings.Contains(err.Error(), "Swish") {
		t.Errorf("unknown activation: %v", err)
	}
}

func TestSpecProperties(t *testing.T) {
	lstm, both, back, clip := valid(), valid(), valid(), valid()
	both.Layers[1].Bidirectional = true
	back.Layers[0].Reverse = true
	clip.Layers[0].Variant.Clip = 1
	for _, c := range []struct {
		spec           rnn.Spec
		causal, plain  bool
		width, outputs int
		parameters     int
		name           string
	}{
		{lstm, true, true, 32, 6, 13766, "lstm 6-32-32-6"},
		{both, false, false, 64, 6, 22406, "lstm 6-32-32x2-6"},
		{back, false, false, 32, 6, 13766, "lstm 6-32-32-6"},
		{clip, true, false, 32, 6, 13766, "lstm 6-32-32-6"},
		{gru(), true, true, 4, 4, 108, "gru 3-4"},
	} {
		s := c.spec
		if s.Causal() != c.causal || s.Plain() != c.plain || s.Width() != c.width || s.OutputSize() != c.outputs || s.Parameters() != c.parameters || s.String() != c.name {
			t.Errorf("%s: causal %v, plain %v, width %d, outputs %d, %d parameters; want %+v", s, s.Causal(), s.Plain(), s.Width(), s.OutputSize(), s.Parameters(), c)
		}
	}
	if !lstm.Equal(valid()) || lstm.Equal(both) || lstm.Equal(gru()) {
		t.Error("Equal is wrong")
	}
}

func TestSpecJSONRoundTrip(t *testing.T) {
	s := valid()
	s.Layers[0].Variant = rnn.Variant{Clip: 2, Peepholes: true, Activations: [3]rnn.Activation{{Name: "HardSigmoid", Alpha: .2, Beta: .5}}}
	s.Layers[1].Reverse = true
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back rnn.Spec
	if err := json.Unmarshal(b, &back); err != nil || !back.Equal(s) {
		t.Errorf("%s became %+v: %v", b, back, err)
	}
	if b, _ := json.Marshal(valid().Layers[0]); string(b) != `{"cell":"lstm","inputs":6,"hidden":32}` {
		t.Errorf("a plain layer is %s", b)
	}
}

// TestCellsAsData: both gate orders hold the same gates.
func TestCellsAsData(t *testing.T) {
	for _, name := range rnn.CellNames() {
		c, ok := rnn.LookupCell(name)
		if !ok || c.Name != name || len(c.ONNXGates) != c.GateCount() || c.States < 1 || len(c.ONNXActivations) == 0 {
			t.Errorf("cell %s: %+v", name, c)
		}
		for position, gate := range c.ToONNX() {
			if gate < 0 || c.Gates[gate] != c.ONNXGates[position] {
				t.Errorf("cell %s: ONNX gate %d is %s, not canonical gate %d", name, position, c.ONNXGates[position], gate)
			}
		}
	}
	if _, ok := rnn.LookupCell("mgu"); ok {
		t.Error("an unknown cell was found")
	}
}
