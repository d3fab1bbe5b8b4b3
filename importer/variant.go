package importer

import (
	"slices"
	"strings"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// activationDefaults are the activations of the recurrent ops with the default
// parameters of those that have any: ONNX LSTM-22, whose values are those of
// the ops of the same names.
var activationDefaults = map[string]struct{ alpha, beta []float32 }{
	"Sigmoid": {}, "Tanh": {}, "Relu": {}, "Softsign": {}, "Softplus": {},
	"Affine":          {alpha: []float32{1}, beta: []float32{0}},
	"LeakyRelu":       {alpha: []float32{0.01}},
	"ThresholdedRelu": {alpha: []float32{1}},
	"ScaledTanh":      {alpha: []float32{1}, beta: []float32{1}},
	"HardSigmoid":     {alpha: []float32{0.2}, beta: []float32{0.5}},
	"Elu":             {alpha: []float32{1}},
}

// activationNames lists the names in ONNX's spelling.
func activationNames() []string {
	var names []string
	for name := range activationDefaults {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// parseActivations reads the activations of a recurrent op, count in all; nil
// where the op has the default ones. alpha and beta are consumed in order by
// the activations that take them.
func parseActivations(n *onnx.Node, count int) ([]rnn.Activation, error) {
	attribute := func(name string) *onnx.Attribute {
		if a := n.Attributes[name]; a != nil {
			return a
		}
		return &onnx.Attribute{}
	}
	names := attribute("activations").Strings
	if len(names) == 0 {
		return nil, nil
	}
	if len(names) != count {
		return nil, errs.New(errs.InvalidGraph, "node %q (%s) has %d activations", n.Label(), n.OpType, len(names)).At(n.Label()).Accepts("%d", count)
	}
	alphas, betas := attribute("activation_alpha").Floats, attribute("activation_beta").Floats
	take := func(given *[]float32, otherwise []float32) float32 {
		if len(otherwise) == 0 {
			return 0
		}
		if len(*given) == 0 {
			return otherwise[0]
		}
		x := (*given)[0]
		*given = (*given)[1:]
		return x
	}
	list := make([]rnn.Activation, count)
	known := activationNames()
	for i, name := range names {
		at := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
		if at < 0 {
			return nil, errs.New(errs.UnsupportedCell, "node %q (%s) has the activation %q", n.Label(), n.OpType, name).At(n.Label()).Accepts("%s", strings.Join(known, ", "))
		}
		d := activationDefaults[known[at]]
		list[i] = rnn.Activation{Name: known[at], Alpha: take(&alphas, d.alpha), Beta: take(&betas, d.beta)}
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
