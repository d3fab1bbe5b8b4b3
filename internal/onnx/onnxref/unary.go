package onnxref

import (
	"math"

	"rnnrep/internal/errs"
)

func init() {
	for name, f := range map[string]func(float64) float64{
		"Sqrt": math.Sqrt, "Exp": math.Exp, "Log": math.Log, "Erf": math.Erf,
		"Sin": math.Sin, "Cos": math.Cos, "Tan": math.Tan, "Asin": math.Asin, "Acos": math.Acos, "Atan": math.Atan,
		"Sinh": math.Sinh, "Cosh": math.Cosh, "Asinh": math.Asinh, "Acosh": math.Acosh, "Atanh": math.Atanh,
		"Tanh": math.Tanh, "Sigmoid": sigmoid, "Softsign": softsign, "Softplus": softplus,
		"Reciprocal": func(x float64) float64 { return 1 / x },
		"Mish":       func(x float64) float64 { return x * math.Tanh(softplus(x)) },
		"HardSwish":  func(x float64) float64 { return x * hardSigmoid(x, 1.0/6, 0.5) },
		"Ceil":       math.Ceil, "Floor": math.Floor, "Round": math.RoundToEven,
	} {
		register(unary(f), name)
	}
	register(unaryAttributes, "Elu", "LeakyRelu", "HardSigmoid", "Selu", "Celu", "ThresholdedRelu", "Gelu", "Swish")
	register(signed(relu, func(x int64) int64 { return max(x, 0) }), "Relu")
	register(signed(func(x float64) float64 { return -x }, func(x int64) int64 { return -x }), "Neg")
	register(signed(math.Abs, func(x int64) int64 { return max(x, -x) }), "Abs")
	register(signed(sign, func(x int64) int64 { return min(max(x, -1), 1) }), "Sign")
	register(floatTest(func(x float64) bool { return x != x }), "IsNaN")
	register(isInf, "IsInf")
}

func sigmoid(x float64) float64 {
	if x < 0 { // no overflow
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func relu(x float64) float64 {
	if x < 0 {
		return 0
	}
	return x // NaN too
}

func softsign(x float64) float64 { return x / (1 + math.Abs(x)) }

func softplus(x float64) float64 {
	return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func hardSigmoid(x, alpha, beta float64) float64 {
	return math.Max(0, math.Min(1, alpha*x+beta))
}

func elu(x, alpha float64) float64 {
	if x < 0 {
		return alpha * math.Expm1(x)
	}
	return x
}

func leakyRelu(x, alpha float64) float64 {
	if x < 0 {
		return alpha * x
	}
	return x
}

func thresholdedRelu(x, alpha float64) float64 {
	if x > alpha || x != x {
		return x
	}
	return 0
}

// unary evaluates a function of floats.
func unary(f func(float64) float64) operator {
	return func(c *call) ([]*value, error) { return c.mapFloats(f) }
}

func (c *call) mapFloats(f func(float64) float64) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	if !v.kind.Float() {
		return nil, c.fail(errs.InvalidGraph, "an input of data type %d", v.kind).Accepts("a float type")
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	for i, x := range x {
		out.floats[i] = f(x)
	}
	return result(out)
}

// signed evaluates a function of floats or integers.
func signed(f func(float64) float64, g func(int64) int64) operator {
	return func(c *call) ([]*value, error) {
		v, err := c.value(0)
		if err != nil {
			return nil, err
		}
		if v.kind.Float() {
			return c.mapFloats(f)
		}
		x, err := c.intsOf(v)
		if err != nil {
			return nil, err
		}
		out, err := c.make(v.kind, v.dims)
		if err != nil {
			return nil, err
		}
		for i, x := range x {
			out.ints[i] = wrap(v.kind, g(x))
		}
		return []*value{out}, nil
	}
}

// unaryAttributes evaluates the functions that have parameters.
func unaryAttributes(c *call) ([]*value, error) {
	attribute := func(name string, otherwise float32) float64 {
		return float64(c.node.Float(name, otherwise))
	}
	switch c.node.OpType {
	case "Elu":
		alpha := attribute("alpha", 1)
		return c.mapFloats(func(x float64) float64 { return elu(x, alpha) })
	case "LeakyRelu":
		alpha := attribute("alpha", 0.01)
		return c.mapFloats(func(x float64) float64 { return leakyRelu(x, alpha) })
	case "HardSigmoid":
		alpha, beta := attribute("alpha", 0.2), attribute("beta", 0.5)
		return c.mapFloats(func(x float64) float64 { return hardSigmoid(x, alpha, beta) })
	case "Selu":
		alpha, gamma := attribute("alpha", 1.67326319217681884765625), attribute("gamma", 1.05070102214813232421875)
		return c.mapFloats(func(x float64) float64 { return gamma * elu(x, alpha) })
	case "Celu":
		alpha := attribute("alpha", 1)
		return c.mapFloats(func(x float64) float64 {
			return math.Max(0, x) + math.Min(0, alpha*math.Expm1(x/alpha))
		})
	case "ThresholdedRelu":
		alpha := attribute("alpha", 1)
		return c.mapFloats(func(x float64) float64 { return thresholdedRelu(x, alpha) })
	case "Swish":
		alpha := attribute("alpha", 1)
		return c.mapFloats(func(x float64) float64 { return x * sigmoid(alpha*x) })
	}
	if c.node.Text("approximate", "none") == "tanh" { // Gelu
		return c.mapFloats(func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})
	}
	return c.mapFloats(func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) })
}
