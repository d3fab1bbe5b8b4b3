package rnn_test

import (
	"slices"
	"testing"

	"rnnrep/rnn"
)

// TestLayoutIsTorchsStateDict: same names, shapes and order, no gaps.
func TestLayoutIsTorchsStateDict(t *testing.T) {
	var cases []struct {
		Spec  rnn.Spec
		Slots []struct {
			Name  string
			Shape []int
		}
	}
	readJSON(t, "torch/names.json", &cases)
	cells := map[string]bool{}
	for _, c := range cases {
		t.Run(c.Spec.String(), func(t *testing.T) {
			slots := c.Spec.Layout()
			if len(slots) != len(c.Slots) {
				t.Fatalf("%d tensors, PyTorch has %d", len(slots), len(c.Slots))
			}
			at := 0
			for i, want := range c.Slots {
				if s := slots[i]; s.Name != want.Name || !slices.Equal(s.Shape, want.Shape) || s.Offset != at {
					t.Errorf("tensor %d is %s %v at %d, PyTorch's is %s %v at %d", i, s.Name, s.Shape, s.Offset, want.Name, want.Shape, at)
				}
				at += slots[i].Size()
			}
			if n := c.Spec.Parameters(); n != at {
				t.Errorf("%d parameters, PyTorch has %d", n, at)
			}
		})
		for _, l := range c.Spec.Layers {
			cells[l.Cell] = true
		}
	}
	for _, name := range rnn.CellNames() {
		if !cells[name] {
			t.Errorf("no names of cell %s", name)
		}
	}
}

func TestNamedAliasesWeights(t *testing.T) {
	m := rnn.NewModel(rnn.Uniform("gru", 2, 3, 2, 4))
	m.Named("bias_hh_l1")[2] = 5
	for _, s := range m.Spec.Layout() {
		if s.Name == "bias_hh_l1" && m.Weights[s.Offset+2] != 5 {
			t.Error("Named returned a copy")
		}
	}
	if m.Named("weight_ih_l2") != nil {
		t.Error("a tensor that the spec does not have")
	}
}

func TestTraineeWeightsRoundTrip(t *testing.T) {
	m := rnn.NewModel(rnn.Uniform("lstm", 3, 4, 2, 5))
	for i := range m.Weights {
		m.Weights[i] = float32(i)
	}
	tr := rnn.NewTrainee(m)
	if !slices.Equal(tr.Weights(nil), m.Weights) {
		t.Error("weights changed on the way through a trainee")
	}
	tr.Params()[0].Value[0] = -1
	if m.Weights[0] == -1 {
		t.Error("a trainee shares the model's weights")
	}
}
