package grad

import (
	"math"
	"math/rand/v2"
	"testing"
)

// gradientCase builds a scalar loss from variables of the given shapes.
type gradientCase struct {
	name   string
	ops    []Op // the ops whose gradient the case proves
	shapes [][2]int
	build  func(t *Tape, v []Var) Var
}

// weigh turns x into a scalar that depends on every element differently.
func weigh(x Var) Var {
	target := make([]float32, len(x.Value()))
	for i := range target {
		target[i] = float32(math.Sin(float64(3*i + 1)))
	}
	return MeanSquare(x, target)
}

func recurrentCase(op Op, gates, hidden int) gradientCase {
	in, rows, steps := 3, 2, 3
	shapes := [][2]int{{gates * hidden, in}, {gates * hidden, hidden}, {1, gates * hidden}, {1, gates * hidden}, {steps * rows, in}, {rows, hidden}, {rows, hidden}}
	return gradientCase{"recurrent " + op.String(), []Op{op}, shapes, func(t *Tape, v []Var) Var {
		s := State{H: v[5]}
		if op == OpLSTM {
			s.C = v[6]
		}
		h, next := Recurrent(op, Weights{v[0], v[1], v[2], v[3]}, Steps{X: v[4], T: steps}, s)
		if op == OpLSTM {
			return weigh(Concat(h, next.C))
		}
		return weigh(h)
	}}
}

func eachCase(op Op, gates, hidden int) gradientCase {
	models, in, steps := 3, 2, 2
	w := gates * hidden
	shapes := [][2]int{{models, w * in}, {models, w * hidden}, {models, w}, {models, w}, {steps * models, in}, {models, hidden}}
	return gradientCase{"one model a row " + op.String(), []Op{op}, shapes, func(t *Tape, v []Var) Var {
		s := State{H: v[5]}
		if op == OpLSTM {
			s.C = t.Zeros(models, hidden)
		}
		h, _ := Recurrent(op, Weights{v[0], v[1], v[2], v[3]}, Steps{X: v[4], T: steps}, s)
		return weigh(h)
	}}
}

func distributionCase(op Op, f func(Var, []float32) Var) gradientCase {
	return gradientCase{op.String(), []Op{op}, [][2]int{{3, 4}}, func(t *Tape, v []Var) Var {
		return f(v[0], []float32{.1, .2, .3, .4, .7, .1, .1, .1, .25, .25, .25, .25})
	}}
}

func unaryCase(op Op, f func(Var) Var) gradientCase {
	return gradientCase{op.String(), []Op{op}, [][2]int{{3, 5}}, func(t *Tape, v []Var) Var { return weigh(f(v[0])) }}
}

var gradientCases = []gradientCase{
	{"linear", []Op{OpLinear}, [][2]int{{4, 3}, {5, 3}, {1, 5}}, func(t *Tape, v []Var) Var { return weigh(Linear(v[0], v[1], v[2])) }},
	{"linear each", []Op{OpLinear}, [][2]int{{4, 3}, {2, 15}, {2, 5}}, func(t *Tape, v []Var) Var { return weigh(LinearEach(v[0], v[1], v[2])) }},
	{"linear each, one row", []Op{OpLinear}, [][2]int{{2, 3}, {2, 15}, {2, 5}}, func(t *Tape, v []Var) Var { return weigh(LinearEach(v[0], v[1], v[2])) }},
	{"linear, weights that outweigh", []Op{OpLinear}, [][2]int{{2, 9}, {6, 9}, {1, 6}}, func(t *Tape, v []Var) Var {
		return weigh(Add(Linear(v[0], v[1], v[2]), Linear(Tanh(v[0]), v[1], v[2])))
	}},
	{"linear of standardized data", []Op{OpLinear, OpStandardize}, [][2]int{{1, 7}, {1, 7}, {6, 7}, {1, 6}}, func(t *Tape, v []Var) Var {
		z := t.Input("", 2, 7, []float32{1, -2, .5, .3, 0, -.7, 1.1, .2, .4, -1, 2, -.3, .8, -1.5})
		x := Standardize(z, v[0], v[1])
		return weigh(Concat(Linear(x, v[2], v[3]), x))
	}},
	{"embed", []Op{OpEmbed}, [][2]int{{4, 3}}, func(t *Tape, v []Var) Var { return weigh(Embed(v[0], []int32{2, 0, 2, 1})) }},
	{"add", []Op{OpAdd}, [][2]int{{2, 3}, {2, 3}}, func(t *Tape, v []Var) Var { return weigh(Add(v[0], v[1])) }},
	{"add at", []Op{OpAddAt}, [][2]int{{4, 3}, {2, 3}}, func(t *Tape, v []Var) Var { return weigh(AddAt(v[0], v[1], 1)) }},
	{"mul", []Op{OpMul}, [][2]int{{2, 3}, {2, 3}}, func(t *Tape, v []Var) Var { return weigh(Mul(v[0], v[1])) }},
	{"concat and slice", []Op{OpConcat, OpSlice}, [][2]int{{2, 3}, {2, 2}}, func(t *Tape, v []Var) Var {
		return weigh(Slice(Concat(v[0], v[1]), 1, 3))
	}},
	{"standardize", []Op{OpStandardize}, [][2]int{{3, 4}, {1, 4}, {1, 4}}, func(t *Tape, v []Var) Var { return weigh(Standardize(v[0], v[1], v[2])) }},
	{"layer norm", []Op{OpLayerNorm}, [][2]int{{3, 5}, {1, 5}, {1, 5}}, func(t *Tape, v []Var) Var { return weigh(LayerNorm(v[0], v[1], v[2])) }},
	{"attention", []Op{OpAttention}, [][2]int{{6, 12}}, func(t *Tape, v []Var) Var { return weigh(Attention(v[0], 3, 2)) }},
	{"attention, its input used twice", []Op{OpAttention}, [][2]int{{4, 6}}, func(t *Tape, v []Var) Var {
		return weigh(Add(Attention(v[0], 4, 1), Slice(v[0], 1, 2)))
	}},
	{"reshape", []Op{OpReshape}, [][2]int{{2, 6}}, func(t *Tape, v []Var) Var {
		return weigh(Concat(Reshape(v[0], 4, 3), Reshape(Mul(v[0], v[0]), 4, 3)))
	}},
	{"transpose", []Op{OpTranspose}, [][2]int{{6, 4}}, func(t *Tape, v []Var) Var { return weigh(Transpose(v[0], 3)) }},
	{"mean", []Op{OpMean}, [][2]int{{12, 2}}, func(t *Tape, v []Var) Var { return weigh(Mean(v[0], 3, 2)) }},
	{"mean of neighbours", []Op{OpMean}, [][2]int{{6, 3}}, func(t *Tape, v []Var) Var { return weigh(Mean(v[0], 2, 1)) }},
	{"add repeated", []Op{OpAddRepeated}, [][2]int{{12, 2}, {4, 2}}, func(t *Tape, v []Var) Var { return weigh(AddRepeated(v[0], v[1], 3, 2)) }},
	{"residual", []Op{OpAdd}, [][2]int{{3, 4}}, func(t *Tape, v []Var) Var {
		x := Tanh(v[0])
		x = Add(x, Mul(x, x))
		return weigh(Add(Add(x, x), Sigmoid(x)))
	}},
	unaryCase(OpScale, func(x Var) Var { return Scale(x, -1.5) }),
	unaryCase(OpTanh, Tanh), unaryCase(OpSigmoid, Sigmoid), unaryCase(OpRelu, Relu), unaryCase(OpGelu, Gelu),
	unaryCase(OpSoftmax, Softmax), unaryCase(OpL2Normalize, L2Normalize),
	recurrentCase(OpLSTM, 4, 3), recurrentCase(OpGRU, 3, 3), recurrentCase(OpElmanTanh, 1, 4), recurrentCase(OpElmanRelu, 1, 4),
	eachCase(OpLSTM, 4, 3), eachCase(OpGRU, 3, 3), eachCase(OpElmanTanh, 1, 4), eachCase(OpElmanRelu, 1, 4),
	{"tokens", []Op{OpLSTM}, [][2]int{{12, 5}, {12, 3}, {1, 12}, {1, 12}}, func(t *Tape, v []Var) Var {
		h, _ := Recurrent(OpLSTM, Weights{v[0], v[1], v[2], v[3]}, Steps{Tokens: []int32{0, 4, 2, 1, 4, 4}, T: 3}, State{})
		return weigh(h)
	}},
	{"tokens of a table", []Op{OpLSTM}, [][2]int{{12, 2}, {12, 3}, {1, 12}, {1, 12}, {3, 2}}, func(t *Tape, v []Var) Var {
		x := Embed(v[4], []int32{0, 2, 2, 1, 2, 2})
		h, _ := Recurrent(OpLSTM, Weights{v[0], v[1], v[2], v[3]}, Steps{X: x, T: 3}, State{})
		return weigh(h)
	}},
	{"tokens of a table, with more at the start", []Op{OpGRU}, [][2]int{{9, 2}, {9, 3}, {1, 9}, {1, 9}, {3, 2}, {2, 2}}, func(t *Tape, v []Var) Var {
		x := AddAt(Embed(v[4], []int32{0, 2, 2, 1, 2, 2}), v[5], 0)
		h, _ := Recurrent(OpGRU, Weights{v[0], v[1], v[2], v[3]}, Steps{X: x, T: 3}, State{})
		return weigh(Concat(h, Scale(x, .5)))
	}},
	{"tokens of a table, with more at every step", []Op{OpLSTM}, [][2]int{{12, 2}, {12, 3}, {1, 12}, {1, 12}, {3, 2}, {2, 2}}, func(t *Tape, v []Var) Var {
		x := AddRepeated(Embed(v[4], []int32{0, 2, 2, 1, 2, 2}), v[5], 3, 2)
		h, _ := Recurrent(OpLSTM, Weights{v[0], v[1], v[2], v[3]}, Steps{X: x, T: 3}, State{})
		return weigh(Concat(h, Scale(x, .5)))
	}},
	{"cross entropy", []Op{OpCrossEntropy}, [][2]int{{3, 4}}, func(t *Tape, v []Var) Var { return CrossEntropy(v[0], []int32{1, -1, 3}) }},
	{"mean square", []Op{OpMeanSquare}, [][2]int{{2, 2}}, func(t *Tape, v []Var) Var { return weigh(v[0]) }},
	{"binary cross entropy", []Op{OpBinaryCrossEntropy}, [][2]int{{2, 2}}, func(t *Tape, v []Var) Var {
		return BinaryCrossEntropy(v[0], []float32{0, 1, .3, .9})
	}},
	distributionCase(OpTotalVariation, TotalVariation), distributionCase(OpKL, KL), distributionCase(OpReverseKL, ReverseKL),
}

// TestGradients compares every gradient with central differences.
func TestGradients(t *testing.T) {
	proven := map[Op]bool{}
	for _, c := range gradientCases {
		for _, op := range c.ops {
			proven[op] = true
		}
		t.Run(c.name, func(t *testing.T) { checkGradients(t, c) })
	}
	for op := range opCount {
		if op.Differentiable() && !proven[op] {
			t.Errorf("%v has a gradient but no row in gradientCases", op)
		}
	}
}

func checkGradients(t *testing.T, c gradientCase) {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([][]float32, len(c.shapes))
	for i, s := range c.shapes {
		data[i] = make([]float32, s[0]*s[1])
		for j := range data[i] {
			data[i][j] = float32(r.NormFloat64()) * 0.7
		}
	}
	tape := NewTape()
	run := func() (Var, []Var) {
		tape.Reset()
		vars := make([]Var, len(data))
		for i, s := range c.shapes {
			vars[i] = tape.Variable("", s[0], s[1], data[i])
		}
		return c.build(tape, vars), vars
	}
	loss, vars := run()
	tape.Backward(loss)
	got := make([][]float32, len(vars))
	for i, v := range vars {
		got[i] = append([]float32(nil), v.Grad()...)
	}
	const h = 1e-2
	for i := range data {
		for j := range data[i] {
			x := data[i][j]
			at := func(d float32) float64 {
				data[i][j] = x + d
				l, _ := run()
				return float64(l.Value()[0])
			}
			// Richardson: the error of the difference is of fourth order.
			want := (8*(at(h/2)-at(-h/2)) - (at(h) - at(-h))) / (6 * h)
			data[i][j] = x
			if d := math.Abs(want - float64(got[i][j])); d > 2e-4+5e-3*math.Abs(want) {
				t.Errorf("input %d element %d: gradient %g, differences say %g", i, j, got[i][j], want)
			}
		}
	}
}

// TestInferenceEqualsTraining: a tape without gradients computes the same values.
func TestInferenceEqualsTraining(t *testing.T) {
	for _, c := range gradientCases {
		values := func(tape *Tape) float32 {
			r := rand.New(rand.NewPCG(3, 4))
			var vars []Var
			for _, s := range c.shapes {
				d := make([]float32, s[0]*s[1])
				for j := range d {
					d[j] = float32(r.NormFloat64())
				}
				vars = append(vars, tape.Variable("", s[0], s[1], d))
			}
			return c.build(tape, vars).Value()[0]
		}
		if a, b := values(NewTape()), values(NewTape().Inference()); a != b {
			t.Errorf("%s: %v in training, %v in inference", c.name, a, b)
		}
	}
}

// TestZeroAllocations: a second pass of the same shape allocates nothing.
func TestZeroAllocations(t *testing.T) {
	t.Run("recurrent", recurrentAllocations)
	t.Run("transformer", transformerAllocations)
}

// transformerAllocations passes through the ops of an encoder of tokens.
func transformerAllocations(t *testing.T) {
	const d, n, sequences = 8, 70, 2
	x := NewParam("x", sequences*n, d)
	scale, shift, position := NewParam("scale", 1, d), NewParam("shift", 1, d), NewParam("position", n, d)
	qkv, zero := NewParam("qkv", 3*d, d), NewParam("zero", 1, 3*d)
	tape := NewTape()
	pass := func() {
		tape.Reset()
		h := AddRepeated(tape.Param(x), tape.Param(position), sequences, n)
		h = LayerNorm(h, tape.Param(scale), tape.Param(shift))
		h = Add(h, Attention(Linear(h, tape.Param(qkv), tape.Param(zero)), n, 2))
		h = Transpose(Reshape(Gelu(h), 2*sequences*n, d/2), 4)
		h = Reshape(Mean(h, 7, 4), 10, 16)
		tape.Backward(CrossEntropy(h, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}))
	}
	pass()
	pass()
	if n := testing.AllocsPerRun(20, pass); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
}

func recurrentAllocations(t *testing.T) {
	w := Weights{}
	params := []*Param{NewParam("ih", 32, 4), NewParam("hh", 32, 8), NewParam("bih", 1, 32), NewParam("bhh", 1, 32), NewParam("w", 5, 8), NewParam("b", 1, 5)}
	tokens, targets := make([]int32, 24), make([]int32, 24)
	tape := NewTape()
	pass := func() {
		tape.Reset()
		w = Weights{tape.Param(params[0]), tape.Param(params[1]), tape.Param(params[2]), tape.Param(params[3])}
		h, _ := Recurrent(OpLSTM, w, Steps{Tokens: tokens, T: 6}, State{})
		tape.Backward(CrossEntropy(Linear(h, tape.Param(params[4]), tape.Param(params[5])), targets))
	}
	pass()
	if n := testing.AllocsPerRun(20, pass); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
}
