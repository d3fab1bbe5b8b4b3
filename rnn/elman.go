package rnn

func init() {
	for name, activation := range map[string]string{"rnn_tanh": "Tanh", "rnn_relu": "Relu"} {
		registerCell(CellInfo{
			Name: name, Gates: []string{"h"}, States: 1,
			ONNXOp: "RNN", ONNXGates: []string{"h"},
			ONNXActivations: []string{activation},
		})
	}
}
