package rnn

func init() {
	registerCell(CellInfo{
		Name: "lstm", Gates: []string{"i", "f", "g", "o"}, States: 2,
		ONNXOp: "LSTM", ONNXGates: []string{"i", "o", "f", "g"},
		ONNXActivations: []string{"Sigmoid", "Tanh", "Tanh"},
	})
}
