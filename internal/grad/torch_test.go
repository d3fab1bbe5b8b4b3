package grad

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// opCase is one row of testdata/ops.json: an op, its inputs and arguments, and
// what PyTorch says of its value and gradients.
type opCase struct {
	Name, Op  string
	Inputs    []matrix
	Index     []int32
	Target    []float32
	At, Cols  int
	Factor    float32
	Steps     int
	Heads     int
	Inner     int
	Initial   bool
	Output    matrix
	Weigh     []float32 // of a matrix: the loss is its mean square distance from these
	Gradients [][]float32
}

type matrix struct {
	Rows, Cols int
	Data       []float32
}

// builders apply a case's op.
var builders = map[string]struct {
	op    Op
	apply func(c *opCase, v []Var) Var
}{
	"add":                  {OpAdd, func(_ *opCase, v []Var) Var { return Add(v[0], v[1]) }},
	"mul":                  {OpMul, func(_ *opCase, v []Var) Var { return Mul(v[0], v[1]) }},
	"square":               {OpMul, func(_ *opCase, v []Var) Var { return Mul(v[0], v[0]) }},
	"add_at":               {OpAddAt, func(c *opCase, v []Var) Var { return AddAt(v[0], v[1], c.At) }},
	"scale":                {OpScale, func(c *opCase, v []Var) Var { return Scale(v[0], c.Factor) }},
	"concat":               {OpConcat, func(_ *opCase, v []Var) Var { return Concat(v...) }},
	"slice":                {OpSlice, func(c *opCase, v []Var) Var { return Slice(v[0], c.At, c.Cols) }},
	"standardize":          {OpStandardize, func(_ *opCase, v []Var) Var { return Standardize(v[0], v[1], v[2]) }},
	"tanh":                 {OpTanh, func(_ *opCase, v []Var) Var { return Tanh(v[0]) }},
	"sigmoid":              {OpSigmoid, func(_ *opCase, v []Var) Var { return Sigmoid(v[0]) }},
	"relu":                 {OpRelu, func(_ *opCase, v []Var) Var { return Relu(v[0]) }},
	"gelu":                 {OpGelu, func(_ *opCase, v []Var) Var { return Gelu(v[0]) }},
	"softmax":              {OpSoftmax, func(_ *opCase, v []Var) Var { return Softmax(v[0]) }},
	"l2_normalize":         {OpL2Normalize, func(_ *opCase, v []Var) Var { return L2Normalize(v[0]) }},
	"linear":               {OpLinear, func(_ *opCase, v []Var) Var { return Linear(v[0], v[1], v[2]) }},
	"linear_each":          {OpLinear, func(_ *opCase, v []Var) Var { return LinearEach(v[0], v[1], v[2]) }},
	"embed":                {OpEmbed, func(c *opCase, v []Var) Var { return Embed(v[0], c.Index) }},
	"layer_norm":           {OpLayerNorm, func(_ *opCase, v []Var) Var { return LayerNorm(v[0], v[1], v[2]) }},
	"attention":            {OpAttention, func(c *opCase, v []Var) Var { return Attention(v[0], c.Steps, c.Heads) }},
	"reshape":              {OpReshape, func(c *opCase, v []Var) Var { return Reshape(v[0], c.Steps, c.Cols) }},
	"transpose":            {OpTranspose, func(c *opCase, v []Var) Var { return Transpose(v[0], c.Steps) }},
	"mean":                 {OpMean, func(c *opCase, v []Var) Var { return Mean(v[0], c.Steps, c.Inner) }},
	"add_repeated":         {OpAddRepeated, func(c *opCase, v []Var) Var { return AddRepeated(v[0], v[1], c.Steps, c.Inner) }},
	"statistics":           {OpStatistics, func(_ *opCase, v []Var) Var { return Statistics(v[0]) }},
	"lstm":                 {OpLSTM, recurrent(OpLSTM)},
	"gru":                  {OpGRU, recurrent(OpGRU)},
	"rnn_tanh":             {OpElmanTanh, recurrent(OpElmanTanh)},
	"rnn_relu":             {OpElmanRelu, recurrent(OpElmanRelu)},
	"cross_entropy":        {OpCrossEntropy, func(c *opCase, v []Var) Var { return CrossEntropy(v[0], c.Index) }},
	"mean_square":          {OpMeanSquare, func(c *opCase, v []Var) Var { return MeanSquare(v[0], c.Target) }},
	"binary_cross_entropy": {OpBinaryCrossEntropy, func(c *opCase, v []Var) Var { return BinaryCrossEntropy(v[0], c.Target) }},
	"total_variation":      {OpTotalVariation, func(c *opCase, v []Var) Var { return TotalVariation(v[0], c.Target) }},
	"kl":                   {OpKL, func(c *opCase, v []Var) Var { return KL(v[0], c.Target) }},
	"reverse_kl":           {OpReverseKL, func(c *opCase, v []Var) Var { return ReverseKL(v[0], c.Target) }},
}

// recurrent applies a cell to the inputs ih, hh, bih, bhh[, x][, h][, c].
func recurrent(op Op) func(*opCase, []Var) Var {
	return func(c *opCase, v []Var) Var {
		in, rest := Steps{T: c.Steps}, v[4:]
		if c.Index != nil {
			in.Tokens = c.Index
		} else {
			in.X, rest = rest[0], rest[1:]
		}
		var s State
		if c.Initial {
			s.H = rest[0]
			if op == OpLSTM {
				s.C = rest[1]
			}
		}
		h, next := Recurrent(op, Weights{IH: v[0], HH: v[1], BIH: v[2], BHH: v[3]}, in, s)
		if op == OpLSTM {
			return Concat(h, next.C)
		}
		return h
	}
}

// Tolerances, relative to the greatest value of a matrix.
const (
	forwardTolerance  = 2e-6
	gradientTolerance = 1e-5
)

func TestOpsAgainstTorch(t *testing.T) {
	var f struct {
		Torch, Numpy string
		Cases        []opCase
	}
	b, err := os.ReadFile("testdata/ops.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if f.Torch == "" || f.Numpy == "" {
		t.Error("the fixture does not say which versions made it")
	}
	proven := map[Op]bool{}
	for i := range f.Cases {
		c := &f.Cases[i]
		proven[builders[c.Op].op] = true
		t.Run(c.Name, func(t *testing.T) { checkOp(t, c) })
	}
	for i := range Ops {
		// OpCell is proven with OpLSTM, whose case puts both outputs side by side.
		if op := Op(i); op.Differentiable() && !proven[op] {
			t.Errorf("%v has no PyTorch numbers", op)
		}
	}
}

func checkOp(t *testing.T, c *opCase) {
	build, ok := builders[c.Op]
	if !ok {
		t.Fatalf("no builder for op %q", c.Op)
	}
	tape := NewTape()
	var vars []Var
	for _, m := range c.Inputs {
		vars = append(vars, tape.Variable("", m.Rows, m.Cols, m.Data))
	}
	y := build.apply(c, vars)
	if y.Rows() != c.Output.Rows || y.Cols() != c.Output.Cols {
		t.Fatalf("output is %dx%d, want %dx%d", y.Rows(), y.Cols(), c.Output.Rows, c.Output.Cols)
	}
	forward := relativeError(t, y.Value(), c.Output.Data)
	if forward > forwardTolerance {
		t.Errorf("value: relative error %.3g: %v, want %v", forward, y.Value(), c.Output.Data)
	}
	if c.Gradients == nil {
		t.Logf("relative error: value %.2g", forward)
		return
	}
	loss := y
	if c.Weigh != nil {
		loss = MeanSquare(y, c.Weigh)
	}
	tape.Backward(loss)
	worst := 0.0
	for i, want := range c.Gradients {
		e := relativeError(t, vars[i].Grad(), want)
		worst = max(worst, e)
		if e > gradientTolerance {
			t.Errorf("gradient of input %d: relative error %.3g: %v, want %v", i, e, vars[i].Grad(), want)
		}
	}
	t.Logf("relative error: value %.2g, gradients %.2g", forward, worst)
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
	if scale == 0 {
		return worst
	}
	return worst / scale
}
