package onnxref

import (
	"math"
	"strings"

	"rnnrep/internal/errs"
)

// activation is a function of the gates of a recurrent operator.
type activation func(x float64) float64

// activationKind is an activation with the parameters it takes and their
// defaults; NaN where there is none.
type activationKind struct {
	make        func(alpha, beta float64) activation
	alpha, beta float64
}

func fixed(f activation) activationKind {
	return activationKind{make: func(_, _ float64) activation { return f }, alpha: math.NaN(), beta: math.NaN()}
}

var activationKinds = map[string]activationKind{
	"sigmoid":  fixed(sigmoid),
	"tanh":     fixed(math.Tanh),
	"relu":     fixed(relu),
	"softsign": fixed(softsign),
	"softplus": fixed(softplus),
	"affine": {func(a, b float64) activation {
		return func(x float64) float64 { return a*x + b }
	}, 1, 0},
	"leakyrelu": {func(a, _ float64) activation {
		return func(x float64) float64 { return leakyRelu(x, a) }
	}, 0.01, math.NaN()},
	"thresholdedrelu": {func(a, _ float64) activation {
		return func(x float64) float64 { return thresholdedRelu(x, a) }
	}, 1, math.NaN()},
	"scaledtanh": {func(a, b float64) activation {
		return func(x float64) float64 { return a * math.Tanh(b*x) }
	}, 1, 1},
	"hardsigmoid": {func(a, b float64) activation {
		return func(x float64) float64 { return hardSigmoid(x, a, b) }
	}, 0.2, 0.5},
	"elu": {func(a, _ float64) activation {
		return func(x float64) float64 { return elu(x, a) }
	}, 1, math.NaN()},
}

// activations resolves the attribute of a recurrent operator: for every
// direction as many functions as defaults names. alpha and beta are consumed in
// order by the functions that take one.
func (c *call) activations(directions int, defaults ...string) ([][]activation, error) {
	names := c.node.Strings("activations")
	if len(names) == 0 {
		for range directions {
			names = append(names, defaults...)
		}
	}
	if len(names) != directions*len(defaults) {
		return nil, c.fail(errs.InvalidGraph, "%d activations", len(names)).Accepts("%d", directions*len(defaults))
	}
	alphas, betas := c.node.Floats("activation_alpha"), c.node.Floats("activation_beta")
	next := func(list *[]float32, otherwise float64) float64 {
		if len(*list) == 0 || otherwise != otherwise {
			return otherwise
		}
		x := float64((*list)[0])
		*list = (*list)[1:]
		return x
	}
	result := make([][]activation, directions)
	for i, name := range names {
		kind, ok := activationKinds[strings.ToLower(name)]
		if !ok {
			return nil, c.fail(errs.UnsupportedOp, "the activation %q", name)
		}
		d := i / len(defaults)
		result[d] = append(result[d], kind.make(next(&alphas, kind.alpha), next(&betas, kind.beta)))
	}
	return result, nil
}
