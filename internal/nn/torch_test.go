package nn_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
)

// layerCase is one row of testdata/layers.json.
type layerCase struct {
	Kind          string
	Widths        []int
	Weights       [][]float32
	Input, Output matrix
	Steps         int
	Heads         int
	Weigh         []float32
	Gradients     [][]float32
	InputGradient []float32 `json:"input_gradient"`
}

type matrix struct {
	Rows, Cols int
	Data       []float32
}

// layer is what the layers have in common: parameters and how to apply them.
type layer struct {
	params []*grad.Param
	apply  func(x grad.Var) grad.Var
}

func (c *layerCase) layer() layer {
	r := rand.New(rand.NewPCG(1, 1))
	switch c.Kind {
	case "linear":
		l := nn.NewLinear("linear", c.Widths[0], c.Widths[1], r)
		return layer{l.Params(), l.Apply}
	case "mlp":
		m := nn.NewMLP("mlp", c.Widths, r)
		return layer{m.Params(), m.Apply}
	case "transformer":
		l := nn.NewTransformerLayer("layer", c.Widths[0], c.Heads, c.Widths[1], r)
		return layer{l.Params(), func(x grad.Var) grad.Var { return l.Apply(x, c.Steps) }}
	default:
		l := nn.NewLSTM("lstm", c.Widths[0], c.Widths[1], r)
		return layer{l.Params(), func(x grad.Var) grad.Var {
			h, _ := grad.Recurrent(grad.OpLSTM, l.Bind(x.Tape()), grad.Steps{X: x, T: c.Steps}, grad.State{})
			return h
		}}
	}
}

func TestLayersAgainstTorch(t *testing.T) {
	var f struct {
		Torch string
		Cases []layerCase
	}
	b, err := os.ReadFile("testdata/layers.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Torch == "" {
		t.Fatalf("fixture made by PyTorch %q: %v", f.Torch, err)
	}
	for i := range f.Cases {
		t.Run(f.Cases[i].Kind, func(t *testing.T) { checkLayer(t, &f.Cases[i]) })
	}
}

func checkLayer(t *testing.T, c *layerCase) {
	l := c.layer()
	if len(l.params) != len(c.Weights) {
		t.Fatalf("%d parameters, PyTorch has %d", len(l.params), len(c.Weights))
	}
	for i, w := range c.Weights {
		if n := copy(l.params[i].Value, w); n != len(w) || n != len(l.params[i].Value) {
			t.Fatalf("%s has %d values, PyTorch's has %d", l.params[i].Name, len(l.params[i].Value), len(w))
		}
	}
	tape := grad.NewTape()
	x := tape.Variable("x", c.Input.Rows, c.Input.Cols, c.Input.Data)
	y := l.apply(x)
	tape.Backward(grad.MeanSquare(y, c.Weigh))
	forward := relativeError(t, y.Value(), c.Output.Data)
	if forward > 2e-6 {
		t.Errorf("output: relative error %g", forward)
	}
	worst := relativeError(t, x.Grad(), c.InputGradient)
	for i, want := range c.Gradients {
		e := relativeError(t, l.params[i].Grad, want)
		worst = max(worst, e)
		if e > 1e-5 {
			t.Errorf("gradient of %s: relative error %g", l.params[i].Name, e)
		}
	}
	if worst > 1e-5 {
		t.Errorf("gradients: relative error %g", worst)
	}
	t.Logf("relative error: output %.2g, gradients %.2g", forward, worst)
}

// relativeError is the greatest difference as a share of the greatest wanted value.
func relativeError(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	var worst, scale float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			t.Fatalf("element %d is %v, want %v", i, got[i], w)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(float64(w)))
	}
	return worst / scale
}

// TestTransformerStartsNeutral: norms that change nothing, biases of zero.
func TestTransformerStartsNeutral(t *testing.T) {
	l := nn.NewTransformerLayer("t", 8, 2, 16, rand.New(rand.NewPCG(1, 1)))
	for _, c := range []struct {
		p    *grad.Param
		want float32
	}{{l.Norm1.W, 1}, {l.Norm2.W, 1}, {l.Norm1.B, 0}, {l.Norm2.B, 0}, {l.Attention.In.B, 0}, {l.Attention.Out.B, 0}} {
		for _, v := range c.p.Value {
			if v != c.want {
				t.Errorf("%s has %v, want %v", c.p.Name, v, c.want)
				break
			}
		}
	}
}

// TestInitialWeights: PyTorch's bounds, filled and not exceeded.
func TestInitialWeights(t *testing.T) {
	r := func() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }
	for _, c := range []struct {
		name   string
		params []*grad.Param
		bound  float64
		names  []string
	}{
		{"linear", nn.NewLinear("a", 64, 100, r()).Params(), 1. / 8, []string{"a.weight", "a.bias"}},
		{"mlp", nn.NewMLP("m", []int{16, 16, 40}, r()).Params(), 1. / 4, []string{"m.0.weight", "m.0.bias", "m.1.weight", "m.1.bias"}},
		{"lstm", nn.NewLSTM("l", 5, 25, r()).Params(), 1. / 5, []string{"l.weight_ih", "l.weight_hh", "l.bias_ih", "l.bias_hh"}},
		{"attention", nn.NewAttention("t", 24, 2, r()).Params()[:1], 1. / 4, []string{"t.in.weight"}},
	} {
		var worst, sum float64
		n := 0
		for i, p := range c.params {
			if p.Name != c.names[i] || len(p.Value) != p.Rows*p.Cols {
				t.Errorf("%s: parameter %d is %q of %dx%d", c.name, i, p.Name, p.Rows, p.Cols)
			}
			for _, v := range p.Value {
				worst, sum = max(worst, math.Abs(float64(v))), sum+float64(v)
				n++
			}
		}
		if worst > c.bound || worst < .98*c.bound || math.Abs(sum)/float64(n) > .1*c.bound {
			t.Errorf("%s: greatest weight %v, mean %v; want uniform within %v", c.name, worst, sum/float64(n), c.bound)
		}
	}
}
