package onnx

import (
	"slices"
	"testing"

	"rnnrep/internal/errs"
)

// TestActivationsConsumeTheirParameters: in order, by those that take one.
func TestActivationsConsumeTheirParameters(t *testing.T) {
	n := &Node{OpType: "LSTM", Attributes: map[string]*Attribute{
		"activations":      {Type: AttributeStrings, Strings: []string{"hardsigmoid", "TANH", "Elu", "Affine"}},
		"activation_alpha": {Type: AttributeFloats, Floats: []float32{0.3, 2}},
		"activation_beta":  {Type: AttributeFloats, Floats: []float32{0.6}},
	}}
	want := []Activation{{"HardSigmoid", 0.3, 0.6}, {"Tanh", 0, 0}, {"Elu", 2, 0}, {"Affine", 1, 0}}
	if got, err := n.Activations(); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, should be %v", got, err, want)
	}
	n.Attributes["activations"].Strings[1] = "Mish"
	if _, err := n.Activations(); errs.CodeOf(err) != errs.UnsupportedCell {
		t.Errorf("an unknown activation: %v", err)
	}
}
