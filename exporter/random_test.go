package exporter

import (
	"math/rand/v2"

	"rnnrep/rnn"
)

// randomSpec draws a spec of any cells, sizes, directions and variants.
func randomSpec(r *rand.Rand) rnn.Spec {
	s := rnn.Spec{Outputs: r.IntN(5)}
	inputs := 1 + r.IntN(5)
	for range 1 + r.IntN(3) {
		l := rnn.Layer{Cell: rnn.CellNames()[r.IntN(len(rnn.CellNames()))], Inputs: inputs, Hidden: 1 + r.IntN(6)}
		switch r.IntN(3) {
		case 0:
			l.Bidirectional = true
		case 1:
			l.Reverse = r.IntN(2) == 0
		}
		if r.IntN(2) == 0 {
			l.Variant = randomVariant(l.Cell, r)
		}
		s.Layers = append(s.Layers, l)
		inputs = l.Width()
	}
	return s
}

func randomVariant(cell string, r *rand.Rand) (v rnn.Variant) {
	if r.IntN(3) == 0 {
		v.Clip = 0.5 + r.Float32()
	}
	info, _ := rnn.LookupCell(cell)
	switch info.ONNXOp {
	case "LSTM":
		v.InputForget, v.Peepholes = r.IntN(3) == 0, r.IntN(3) == 0
	case "GRU":
		v.ResetFirst = r.IntN(2) == 0
	}
	for i, usual := range info.ONNXActivations {
		a := randomActivation(r)
		if cell == "rnn_relu" || cell == "rnn_tanh" && a.Name == "Relu" {
			continue // the RNN op has one activation: Relu is a cell, others are variants of Tanh's
		}
		if a.Name != usual && r.IntN(3) == 0 {
			v.Activations[i] = a
		}
	}
	return v
}

func randomActivation(r *rand.Rand) rnn.Activation {
	some := func() float32 { return 0.1 + r.Float32() }
	return []rnn.Activation{
		{Name: "Sigmoid"}, {Name: "Tanh"}, {Name: "Relu"}, {Name: "Softsign"}, {Name: "Softplus"},
		{Name: "LeakyRelu", Alpha: some()}, {Name: "ThresholdedRelu", Alpha: some()}, {Name: "Elu", Alpha: some()},
		{Name: "Affine", Alpha: some(), Beta: some()}, {Name: "ScaledTanh", Alpha: some(), Beta: some()},
		{Name: "HardSigmoid", Alpha: some(), Beta: some()},
	}[r.IntN(11)]
}
