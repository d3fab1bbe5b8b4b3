package rnn

func init() {
	elman := CellInfo{Gates: []string{"h"}, States: 1, ONNXOp: "RNN", ONNXGates: []string{"h"}}
	for name, activation := range map[string]string{"rnn_tanh": "Tanh", "rnn_relu": "Relu"} {
		cell := elman
		cell.Name, cell.ONNXActivations = name, []string{activation}
		if activation == "Tanh" {
			cell.OddGates = []string{"h"}
		}
		registerCell(cell)
	}
}
