package onnx

import (
	"maps"
	"slices"
	"strings"

	"rnnrep/internal/errs"
)

// ActivationParameters are the defaults of the parameters that a function of the
// recurrent ops takes; nil where it takes none.
type ActivationParameters struct{ Alpha, Beta *float32 }

// ActivationFunctions are the functions that LSTM, GRU and RNN may name, in
// ONNX's spelling (LSTM-22). The defaults are those of the ops of the same names.
var ActivationFunctions = map[string]ActivationParameters{
	"Sigmoid": {}, "Tanh": {}, "Relu": {}, "Softsign": {}, "Softplus": {},
	"Affine":          {Alpha: new(float32(1)), Beta: new(float32(0))},
	"LeakyRelu":       {Alpha: new(float32(0.01))},
	"ThresholdedRelu": {Alpha: new(float32(1))},
	"ScaledTanh":      {Alpha: new(float32(1)), Beta: new(float32(1))},
	"HardSigmoid":     {Alpha: new(float32(0.2)), Beta: new(float32(0.5))},
	"Elu":             {Alpha: new(float32(1))},
}

// Activation is a function that a recurrent node names, in ONNX's spelling, with
// the parameters that it takes.
type Activation struct {
	Name        string
	Alpha, Beta float32
}

// Activations reads the functions of a recurrent node, which ignore case; none
// where it has the default ones. activation_alpha and activation_beta are
// consumed in order by the functions that take them.
func (n *Node) Activations() ([]Activation, error) {
	var list []Activation
	alphas, betas := n.Floats("activation_alpha"), n.Floats("activation_beta")
	for _, name := range n.Strings("activations") {
		known, ok := canonicalActivation(name)
		if !ok {
			return nil, errs.New(errs.UnsupportedCell, "node %q (%s) has the activation %q", n.Label(), n.OpType, name).At(n.Label()).
				Accepts("%s", strings.Join(slices.Sorted(maps.Keys(ActivationFunctions)), ", "))
		}
		takes := ActivationFunctions[known]
		list = append(list, Activation{known, consume(&alphas, takes.Alpha), consume(&betas, takes.Beta)})
	}
	return list, nil
}

func canonicalActivation(name string) (string, bool) {
	for known := range ActivationFunctions {
		if strings.EqualFold(known, name) {
			return known, true
		}
	}
	return "", false
}

// consume takes the next parameter, or the default where no more are given; 0
// where none is taken.
func consume(given *[]float32, otherwise *float32) float32 {
	if otherwise == nil {
		return 0
	}
	if len(*given) == 0 {
		return *otherwise
	}
	x := (*given)[0]
	*given = (*given)[1:]
	return x
}
