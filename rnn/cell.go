package rnn

import (
	"maps"
	"slices"
)

// CellInfo describes a cell as data: importer, exporter and trainer need no
// per-cell switch.
type CellInfo struct {
	Name      string   // lstm, gru, rnn_tanh, rnn_relu
	Gates     []string // canonical (PyTorch) order: LSTM i f g o, GRU r z n, Elman h
	States    int      // 2 for LSTM (h, c), otherwise 1
	ONNXOp    string   // LSTM, GRU, RNN
	ONNXGates []string // ONNX's order of the same gates: LSTM i o f g, GRU z r n
	// ONNXActivations are the op's activations for this cell, in ONNX order.
	ONNXActivations []string
}

// GateCount is the number of gates.
func (c CellInfo) GateCount() int { return len(c.Gates) }

// ToONNX maps ONNX gate position -> canonical gate index.
func (c CellInfo) ToONNX() []int {
	order := make([]int, len(c.Gates))
	for i, g := range c.ONNXGates {
		order[i] = slices.Index(c.Gates, g)
	}
	return order
}

// cells is filled by the init function of each cell's own file.
var cells = map[string]CellInfo{}

// registerCell adds a cell; each cell's file calls it from init.
func registerCell(c CellInfo) {
	if _, dup := cells[c.Name]; dup {
		panic("rnn: cell registered twice: " + c.Name)
	}
	cells[c.Name] = c
}

// LookupCell returns the description of a cell by name.
func LookupCell(name string) (CellInfo, bool) {
	c, ok := cells[name]
	return c, ok
}

// CellNames lists the registered cells, sorted.
func CellNames() []string { return slices.Sorted(maps.Keys(cells)) }
