package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// activation is a function of the gates of a recurrent operator.
type activation func(x float64) float64

func fixed(f activation) func(alpha, beta float64) activation {
	return func(_, _ float64) activation { return f }
}

// activationFunctions are onnx.ActivationFunctions under their parameters.
var activationFunctions = map[string]func(alpha, beta float64) activation{
	"Sigmoid":  fixed(sigmoid),
	"Tanh":     fixed(math.Tanh),
	"Relu":     fixed(relu),
	"Softsign": fixed(softsign),
	"Softplus": fixed(softplus),
	"Affine": func(a, b float64) activation {
		return func(x float64) float64 { return a*x + b }
	},
	"LeakyRelu": func(a, _ float64) activation {
		return func(x float64) float64 { return leakyRelu(x, a) }
	},
	"ThresholdedRelu": func(a, _ float64) activation {
		return func(x float64) float64 { return thresholdedRelu(x, a) }
	},
	"ScaledTanh": func(a, b float64) activation {
		return func(x float64) float64 { return a * math.Tanh(b*x) }
	},
	"HardSigmoid": func(a, b float64) activation {
		return func(x float64) float64 { return hardSigmoid(x, a, b) }
	},
	"Elu": func(a, _ float64) activation {
		return func(x float64) float64 { return elu(x, a) }
	},
}

// activations resolves the attributes of a recurrent operator: for every
// direction as many functions as defaults names.
func (c *call) activations(directions int, defaults ...string) ([][]activation, error) {
	given, err := c.node.Activations()
	if err != nil {
		return nil, err
	}
	if given == nil {
		for range directions {
			for _, name := range defaults {
				given = append(given, onnx.Activation{Name: name})
			}
		}
	}
	if len(given) != directions*len(defaults) {
		return nil, c.fail(errs.InvalidGraph, "%d activations", len(given)).Accepts("%d", directions*len(defaults))
	}
	result := make([][]activation, directions)
	for i, a := range given {
		d := i / len(defaults)
		result[d] = append(result[d], activationFunctions[a.Name](float64(a.Alpha), float64(a.Beta)))
	}
	return result, nil
}
