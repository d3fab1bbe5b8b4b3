package exporter

import (
	"rnnrep/internal/grad"
	"rnnrep/internal/onnx"
)

// A lowering writes one record, whose inputs have the names in, and returns its
// value's name.
type lowering func(l *lowerer, r *record, in []string) string

// lowerings has a row for every operation but losses, which no encoder uses.
var lowerings = [grad.Ops]lowering{
	grad.OpInput:       lowerInput,
	grad.OpZeros:       lowerZeros,
	grad.OpParam:       lowerParam,
	grad.OpLinear:      lowerLinear,
	grad.OpEmbed:       lowerEmbed,
	grad.OpAdd:         same("Add"),
	grad.OpAddAt:       lowerAddAt,
	grad.OpMul:         same("Mul"),
	grad.OpScale:       lowerScale,
	grad.OpTanh:        same("Tanh"),
	grad.OpRelu:        same("Relu"),
	grad.OpSigmoid:     same("Sigmoid"),
	grad.OpGelu:        lowerGelu,
	grad.OpSoftmax:     func(l *lowerer, _ *record, in []string) string { return l.softmax(in[0]) },
	grad.OpConcat:      func(l *lowerer, _ *record, in []string) string { return l.op("Concat", in, intAttribute("axis", 1)) },
	grad.OpSlice:       lowerSlice,
	grad.OpL2Normalize: lowerL2Normalize,
	grad.OpStandardize: lowerStandardize,
	grad.OpStatistics:  lowerStatistics,
	grad.OpLayerNorm:   lowerLayerNorm,
	grad.OpAttention:   lowerAttention,
	grad.OpReshape:     lowerReshape,
	grad.OpTranspose:   lowerTranspose,
	grad.OpMean:        lowerMean,
	grad.OpAddRepeated: lowerAddRepeated,
	grad.OpLSTM:        recurrent(lstmStep),
	grad.OpGRU:         recurrent(gruStep),
	grad.OpElmanTanh:   recurrent(elmanStep("Tanh")),
	grad.OpElmanRelu:   recurrent(elmanStep("Relu")),
	grad.OpCell:        func(l *lowerer, r *record, _ []string) string { return l.cells[r.in[0]] },
}

// same lowers to the ONNX op of that name.
func same(op string) lowering {
	return func(l *lowerer, _ *record, in []string) string { return l.op(op, in) }
}

// lowerInput flattens a tensor of the RNNs, or writes a constant.
func lowerInput(l *lowerer, r *record, _ []string) string {
	for i, s := range l.program.slots {
		if s.Name == r.name {
			flat := l.op("Reshape", []string{s.Name, l.ints(0, -1)})
			l.torch[flat] = i
			return flat
		}
	}
	if r.name != "" || r.rows.free() || r.cols.free() {
		return l.fail("input %q of %v rows and %v columns is neither a tensor of the RNN nor a constant", r.name, r.rows, r.cols)
	}
	return l.initializer(onnx.NewFloats("constant", r.value, r.rows.factor, r.cols.factor))
}

func lowerZeros(l *lowerer, r *record, _ []string) string {
	return l.zeros(r.rows, r.cols)
}

// zeros is a matrix of zeros.
func (l *lowerer) zeros(rows, cols dim) string {
	return l.op("ConstantOfShape", []string{l.shape(rows, cols)})
}

func lowerParam(l *lowerer, r *record, _ []string) string {
	name, ok := l.params[r.param]
	if !ok {
		return l.fail("parameter %q belongs to neither encoder nor predictors", r.name)
	}
	return l.initializer(onnx.NewFloats(name, r.param.Value, r.param.Rows, r.param.Cols))
}

func lowerScale(l *lowerer, r *record, in []string) string {
	if !r.same {
		return l.fail("a factor depends on the RNN's size")
	}
	return l.op("Mul", []string{in[0], l.scalar(r.scalar)})
}

// geluScale and geluCubic are grad.Gelu's constants.
const (
	geluScale = 0.7978845608028654 // sqrt(2/pi)
	geluCubic = 0.044715
)

// lowerGelu is the tanh form of GELU; ONNX's own Gelu needs opset 20.
func lowerGelu(l *lowerer, _ *record, in []string) string {
	x := in[0]
	mul := func(a, b string) string { return l.op("Mul", []string{a, b}) }
	cubic := mul(mul(mul(x, x), x), l.scalar(geluCubic))
	inner := mul(l.op("Add", []string{x, cubic}), l.scalar(geluScale))
	return mul(mul(x, l.scalar(0.5)), l.op("Add", []string{l.op("Tanh", []string{inner}), l.scalar(1)}))
}

// softmax is over each row.
func (l *lowerer) softmax(x string) string {
	return l.op("Softmax", []string{x}, intAttribute("axis", 1))
}

func lowerSlice(l *lowerer, r *record, in []string) string {
	return l.op("Slice", []string{in[0], l.size(r.offset), l.sum(r.offset, r.cols), l.ints(1)})
}

// normFloor is grad.L2Normalize's least length.
const normFloor = 1e-12

func lowerL2Normalize(l *lowerer, _ *record, in []string) string {
	length := l.op("ReduceL2", in, intsAttribute("axes", 1), intAttribute("keepdims", 1))
	return l.op("Div", []string{in[0], l.op("Max", []string{length, l.scalar(normFloor)})})
}

func lowerStandardize(l *lowerer, _ *record, in []string) string {
	return l.op("Add", []string{l.op("Mul", []string{in[0], in[1]}), in[2]})
}

// lowerStatistics writes mean, standard deviation and the quantiles 0, 1/4, ...
// 1, interpolated between neighbours of the sorted row.
func lowerStatistics(l *lowerer, r *record, in []string) string {
	x, cols := in[0], l.read(r, 0).cols
	if cols.free() {
		return l.fail("statistics of rows of free length")
	}
	n := cols.factor
	rowMean := func(x string) string {
		return l.op("ReduceMean", []string{x}, intsAttribute("axes", 1), intAttribute("keepdims", 1))
	}
	mean := rowMean(x)
	d := l.op("Sub", []string{x, mean})
	deviation := l.op("Sqrt", []string{rowMean(l.op("Mul", []string{d, d}))})
	sorted := l.node("TopK", "topk", 2, []string{x, l.ints(int64(n))}, intAttribute("axis", 1), intAttribute("largest", 0))[0]
	var low, high []int64
	var between []float32
	for q := range 5 {
		at := float64(q) / 4 * float64(n-1)
		low = append(low, int64(at))
		high = append(high, min(int64(at)+1, int64(n-1)))
		between = append(between, float32(at-float64(int64(at))))
	}
	below := l.op("Gather", []string{sorted, l.ints(low...)}, intAttribute("axis", 1))
	above := l.op("Gather", []string{sorted, l.ints(high...)}, intAttribute("axis", 1))
	share := l.op("Mul", []string{l.op("Sub", []string{above, below}), l.floats(between...)})
	return l.op("Concat", []string{mean, deviation, l.op("Add", []string{below, share})}, intAttribute("axis", 1))
}

// lowerAddAt adds y to the rows of x from offset on.
func lowerAddAt(l *lowerer, r *record, in []string) string {
	x, y := in[0], in[1]
	end := l.sum(r.offset, l.read(r, 1).rows)
	rows := func(from, to string) string { return l.op("Slice", []string{x, from, to, l.ints(0)}) }
	return l.op("Concat", []string{
		rows(l.ints(0), l.size(r.offset)),
		l.op("Add", []string{rows(l.size(r.offset), end), y}),
		rows(end, l.size(r.rows)),
	}, intAttribute("axis", 0))
}
