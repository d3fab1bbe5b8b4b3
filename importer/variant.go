package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// parseActivations reads the activations of a recurrent op, count in all; nil
// where the op has the default ones.
func parseActivations(n *onnx.Node, count int) ([]rnn.Activation, error) {
	given, err := n.Activations()
	if err != nil || given == nil {
		return nil, err
	}
	if len(given) != count {
		return nil, errs.New(errs.InvalidGraph, "node %q (%s) has %d activations", n.Label(), n.OpType, len(given)).At(n.Label()).Accepts("%d", count)
	}
	list := make([]rnn.Activation, count)
	for i, a := range given {
		list[i] = rnn.Activation(a)
	}
	return list, nil
}

// chooseCell returns the cell of an op whose own activations are these, or the
// op's default cell with the differing ones as a variant.
func chooseCell(op string, activations []rnn.Activation) (info rnn.CellInfo, different [3]rnn.Activation) {
	for _, name := range rnn.CellNames() {
		c, _ := rnn.LookupCell(name)
		if c.ONNXOp != op {
			continue
		}
		if slices.EqualFunc(activations, c.ONNXActivations, func(a rnn.Activation, own string) bool { return a.Name == own }) {
			return c, different
		}
		if c.ONNXActivations[len(c.ONNXActivations)-1] == "Tanh" { // ONNX's default for every op
			info = c
		}
	}
	for i, a := range activations {
		if a.Name != info.ONNXActivations[i] {
			different[i] = a
		}
	}
	return info, different
}
