package rnn_test

import (
	"testing"

	"rnnrep/rnn"
)

// TestVariantsAgainstONNX compares Model.Run with ONNX evaluators for every
// attribute of the LSTM, GRU and RNN ops that a Variant covers.
func TestVariantsAgainstONNX(t *testing.T) {
	var f struct {
		ONNX, ONNXRuntime string
		Cases             []struct {
			Name, By                 string
			Spec                     rnn.Spec
			Steps, Batch             int
			Weights, Inputs, Outputs []float32
		}
	}
	readJSON(t, "onnx/variants.json", &f)
	if f.ONNX == "" || f.ONNXRuntime == "" || len(f.Cases) == 0 {
		t.Fatal("fixture without versions or cases")
	}
	worst := map[string]float64{}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			m := &rnn.Model{Spec: c.Spec, Weights: c.Weights}
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			got, err := m.Run(c.Inputs, c.Steps, c.Batch)
			if err != nil {
				t.Fatal(err)
			}
			e := relativeError(t, got, c.Outputs)
			worst[c.By] = max(worst[c.By], e)
			if e > 1e-6 {
				t.Errorf("outputs differ from %s's by %g", c.By, e)
			}
		})
	}
	t.Logf("greatest relative error by evaluator: %v", worst)
}
