package rnn

func init() {
	registerCell(CellInfo{
		Name: "gru", Gates: []string{"r", "z", "n"}, States: 1,
		ONNXOp: "GRU", ONNXGates: []string{"z", "r", "n"},
		ONNXActivations: []string{"Sigmoid", "Tanh"},
	})
}
