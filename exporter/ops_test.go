package exporter

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

const testDim = 3

// fakeEncoder is an encoder made of one function.
type fakeEncoder struct {
	encode func(t *grad.Tape, p *rnn.Population) grad.Var
	params []*grad.Param
	spec   rnn.Spec
}

func (e *fakeEncoder) Params() []*grad.Param { return e.params }
func (e *fakeEncoder) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return e.encode(t, p)
}
func (e *fakeEncoder) Accepts() encoders.Acceptance { return encoders.Acceptance{TrainedOn: e.spec} }

// fakeBundle puts the encoder into a bundle of RNNs with 4 units, 5 outputs.
func fakeBundle(t testing.TB, e *fakeEncoder) *encoders.Bundle {
	t.Helper()
	e.spec = rnn.Uniform("lstm", 3, 4, 2, 5)
	b := enctest.Bundle(t, encoders.Config{Kind: "layerwise_statistics", Dim: testDim, Spec: e.spec, Options: json.RawMessage(`{"hidden":[2]}`)})
	b.Encoder = e
	return b
}

// opCases uses every operation that an encoder may use. Each function returns
// some matrix of N times k rows, whose first rows and columns become embeddings.
type opCase struct {
	name   string
	encode func(c *opContext) grad.Var
}

// opContext makes values for a case.
type opContext struct {
	t      *grad.Tape
	p      *rnn.Population
	e      *fakeEncoder
	traced int // parameters used so far in this run
}

// slot is a tensor of the RNNs, [N, size].
func (c *opContext) slot(name string) grad.Var {
	v, ok := c.p.Slot(name)
	if !ok {
		panic("no tensor " + name)
	}
	return v
}

// param is a trained matrix, drawn on the first run.
func (c *opContext) param(rows, cols int) grad.Var {
	if c.traced == len(c.e.params) {
		r := rng.Stream(1, "parameter", uint64(c.traced))
		p := grad.NewParam("p"+string(rune('a'+c.traced)), rows, cols)
		for i := range p.Value {
			p.Value[i] = float32(r.NormFloat64()) / 2
		}
		c.e.params = append(c.e.params, p)
	}
	c.traced++
	return c.t.Param(c.e.params[c.traced-1])
}

// layer is a recurrent layer's weights, of the encoder or one per RNN.
func (c *opContext) layer(gates, inputs, hidden int) grad.Weights {
	return grad.Weights{IH: c.param(gates*hidden, inputs), HH: c.param(gates*hidden, hidden), BIH: c.param(1, gates*hidden), BHH: c.param(1, gates*hidden)}
}

func (c *opContext) probed() grad.Weights {
	return grad.Weights{IH: c.slot("weight_ih_l0"), HH: c.slot("weight_hh_l0"), BIH: c.slot("bias_ih_l0"), BHH: c.slot("bias_hh_l0")}
}

// spread makes k rows for each RNN, [N*k, 5].
func (c *opContext) spread(k int) grad.Var {
	index := make([]int32, c.p.Models*k)
	for i := range index {
		index[i] = int32(i % k)
	}
	return grad.Embed(c.param(k, 5), index)
}

var opCases = []opCase{
	{"input and slice", func(c *opContext) grad.Var { return grad.Slice(c.slot("linear.weight"), 7, 5) }},
	{"constant", func(c *opContext) grad.Var {
		x := c.slot("linear.bias")
		return grad.Standardize(x, c.t.Input("", 1, 5, []float32{1, 2, 3, 4, 5}), c.param(1, 5))
	}},
	{"zeros", func(c *opContext) grad.Var {
		return grad.Add(grad.Concat(c.t.Zeros(c.p.Models, 2), grad.Slice(c.slot("linear.bias"), 0, 3)), grad.Linear(c.t.Zeros(c.p.Models, 4), c.param(5, 4), c.t.Zeros(1, 5)))
	}},
	{"linear", func(c *opContext) grad.Var { return grad.Linear(c.slot("linear.bias"), c.param(4, 5), c.param(1, 4)) }},
	{"linear per model", func(c *opContext) grad.Var {
		x := grad.Linear(c.slot("linear.bias"), c.param(4, 5), c.param(1, 4))
		return grad.LinearEach(x, c.slot("linear.weight"), c.slot("linear.bias"))
	}},
	{"linear per model, several rows", func(c *opContext) grad.Var {
		y := grad.LinearEach(grad.Linear(c.spread(3), c.param(4, 5), c.param(1, 4)), c.slot("linear.weight"), c.slot("linear.bias"))
		return firstRows(y, c.p.Models)
	}},
	{"weights of another shape", func(c *opContext) grad.Var { // [12, 4] read as [16, 3]
		return grad.LinearEach(grad.Slice(c.slot("linear.bias"), 0, 3), c.slot("weight_ih_l0"), c.slot("bias_ih_l0"))
	}},
	{"add at a row", func(c *opContext) grad.Var {
		n := c.p.Models
		sum := grad.AddAt(c.spread(3), c.slot("linear.bias"), n)
		return grad.Concat(rowsFrom(sum, n, n), rowsFrom(sum, 0, n))
	}},
	{"rows of a table, each for all", func(c *opContext) grad.Var {
		index := make([]int32, 2*c.p.Models)
		for i := range index {
			index[i] = int32(2 - i/c.p.Models)
		}
		all := grad.Embed(c.param(3, 5), index)
		return grad.Add(c.slot("linear.bias"), grad.Add(rowsFrom(all, 0, c.p.Models), rowsFrom(all, c.p.Models, c.p.Models)))
	}},
	{"elementwise", func(c *opContext) grad.Var {
		x := c.slot("linear.bias")
		y := grad.Mul(grad.Tanh(x), grad.Sigmoid(x))
		return grad.Concat(grad.Relu(y), grad.Gelu(grad.Scale(x, 3)), grad.Softmax(x))
	}},
	{"unit length", func(c *opContext) grad.Var {
		return grad.Concat(grad.L2Normalize(c.slot("weight_hh_l1")), grad.L2Normalize(c.t.Zeros(c.p.Models, 3)))
	}},
	{"statistics", func(c *opContext) grad.Var {
		return grad.Concat(grad.Statistics(c.slot("linear.weight")), grad.Statistics(grad.Slice(c.slot("linear.bias"), 1, 1)))
	}},
	{"layer norm", func(c *opContext) grad.Var {
		return grad.LayerNorm(grad.Scale(c.slot("linear.bias"), 7), c.param(1, 5), c.param(1, 5))
	}},
	{"attention", func(c *opContext) grad.Var { // 5 sequences of 4 rows a model, 2 heads of 1 column
		x := grad.Linear(grad.Reshape(c.slot("linear.weight"), 5*c.p.Models, 4), c.param(24, 4), c.param(1, 24))
		y := grad.Attention(grad.Reshape(x, 20*c.p.Models, 6), 4, 2)
		return grad.Reshape(y, c.p.Models, 40)
	}},
	{"transpose and mean", func(c *opContext) grad.Var { // [5, 4] of a model, then gates as columns
		x := grad.Mean(grad.Transpose(grad.Reshape(c.slot("linear.weight"), 5*c.p.Models, 4), 5), 4, 1)
		gates := grad.Transpose(grad.Reshape(c.slot("weight_hh_l0"), 4*c.p.Models, 16), 4)
		return grad.Concat(x, grad.Reshape(grad.Mean(gates, 4, 4), c.p.Models, 16))
	}},
	{"repeated over rows and over models", func(c *opContext) grad.Var {
		x := grad.Reshape(c.slot("linear.weight"), 5*c.p.Models, 4)
		x = grad.AddRepeated(x, grad.Slice(c.slot("linear.bias"), 1, 4), 5, 1)
		return grad.Reshape(grad.AddRepeated(x, c.param(5, 4), c.p.Models, 5), c.p.Models, 20)
	}},
	{"recurrent step", func(c *opContext) grad.Var { return recurrentCases(c, 1) }},
	{"recurrent over time", func(c *opContext) grad.Var { return recurrentCases(c, 4) }},
	{"recurrent per model", func(c *opContext) grad.Var {
		x := grad.Steps{X: grad.Linear(c.spread(6), c.param(3, 5), c.param(1, 3)), T: 2} // 3 rows of each RNN at each step
		h, s := grad.Recurrent(grad.OpLSTM, c.probed(), x, grad.State{})
		return grad.Add(firstRows(h, c.p.Models), firstRows(s.C, c.p.Models))
	}},
}

// recurrentCases runs every cell, from a zero state and from a given one.
func recurrentCases(c *opContext, time int) grad.Var {
	n := c.p.Models
	h0 := grad.Slice(c.slot("linear.bias"), 0, 2)
	in := grad.Steps{X: c.spread(time), T: time}
	lstm, s := grad.Recurrent(grad.OpLSTM, c.layer(4, 5, 2), in, grad.State{H: h0, C: h0})
	gru, _ := grad.Recurrent(grad.OpGRU, c.layer(3, 5, 2), in, grad.State{})
	tanh, _ := grad.Recurrent(grad.OpElmanTanh, c.layer(1, 5, 2), in, grad.State{H: h0})
	relu, _ := grad.Recurrent(grad.OpElmanRelu, c.layer(1, 5, 2), in, grad.State{})
	all := grad.Concat(lstm, s.C, gru, tanh, relu)
	return rowsFrom(all, (time-1)*n, n) // the last step
}

// rowsFrom takes n rows of x from row first on.
func rowsFrom(x grad.Var, first, n int) grad.Var {
	index := make([]int32, n)
	for i := range index {
		index[i] = int32(first + i)
	}
	return grad.Embed(x, index)
}

func firstRows(x grad.Var, n int) grad.Var { return rowsFrom(x, 0, n) }

// run is the case as an encoder.
func (c opCase) encoder() *fakeEncoder {
	e := &fakeEncoder{}
	e.encode = func(t *grad.Tape, p *rnn.Population) grad.Var {
		x := c.encode(&opContext{t: t, p: p, e: e})
		w := x.Cols() // every column counts for the embedding
		return grad.Linear(x, t.Input("", testDim, w, mixing(testDim*w)), t.Input("", 1, testDim, []float32{.1, .2, .3}))
	}
	return e
}

func mixing(n int) []float32 {
	r := rng.Stream(2, "mixing", uint64(n))
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	return w
}

// TestOperations exports an encoder for every case and compares it with the
// tape, in every evaluator at hand.
func TestOperations(t *testing.T) {
	for _, c := range opCases {
		t.Run(c.name, func(t *testing.T) {
			b := fakeBundle(t, c.encoder())
			verifyAll(t, export(t, b), b)
		})
	}
}

// losses are what no encoder computes.
var losses = []grad.Op{grad.OpCrossEntropy, grad.OpTotalVariation, grad.OpKL, grad.OpReverseKL, grad.OpMeanSquare, grad.OpBinaryCrossEntropy}

// TestEveryOperationIsLowered: an operation that encoders may use has a row in
// lowerings, and a case above that proves the row.
func TestEveryOperationIsLowered(t *testing.T) {
	used := map[grad.Op]bool{}
	for _, c := range opCases {
		for _, n := range newTrace(fakeBundle(t, c.encoder()), rnn.Uniform("lstm", 3, 4, 2, 5), 2).nodes {
			used[n.Op] = true
		}
	}
	for op := range grad.Op(grad.Ops) {
		switch {
		case slices.Contains(losses, op):
		case lowerings[op] == nil:
			t.Errorf("%v has no lowering to ONNX", op)
		case !used[op]:
			t.Errorf("%v is in none of opCases", op)
		}
	}
}

var stray = grad.NewParam("stray", 5, 5)

// TestUnlowerable: what cannot be exported is refused with the reason.
func TestUnlowerable(t *testing.T) {
	cases := []struct {
		name, reason string
		encode       func(c *opContext) grad.Var
	}{
		{"loss", "CrossEntropy has no lowering", func(c *opContext) grad.Var {
			x := c.slot("linear.bias")
			return grad.Linear(grad.CrossEntropy(x, make([]int32, x.Rows())), c.t.Zeros(5, 1), c.t.Zeros(1, 5))
		}},
		{"depends on the number", "operations", func(c *opContext) grad.Var {
			x := c.slot("linear.bias")
			for range c.p.Models {
				x = grad.Tanh(x)
			}
			return x
		}},
		{"factor depends on the number", "a factor depends", func(c *opContext) grad.Var {
			return grad.Scale(c.slot("linear.bias"), 1/float32(c.p.Models))
		}},
		{"constant for each", "neither a tensor of the RNN nor a constant", func(c *opContext) grad.Var {
			return c.t.Input("", c.p.Models, 5, make([]float32, 5*c.p.Models))
		}},
		{"unknown parameter", "belongs to neither", func(c *opContext) grad.Var {
			return grad.Linear(c.slot("linear.bias"), c.t.Param(stray), c.t.Zeros(1, 5))
		}},
		{"rows in no pattern", "do not repeat", func(c *opContext) grad.Var {
			return grad.Embed(c.param(3, 5), []int32{2, 0, 1}[:c.p.Models])
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := WriteEncoder(io.Discard, fakeBundle(t, opCase{encode: c.encode}.encoder()), Options{})
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error is %v, not about %q", err, c.reason)
			}
		})
	}
}
