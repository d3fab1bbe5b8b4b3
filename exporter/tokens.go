package exporter

import (
	"math"

	"rnnrep/internal/grad"
)

// lowerLayerNorm brings rows to mean 0 and variance 1, then scales and shifts
// them.
func lowerLayerNorm(l *lowerer, _ *record, in []string) string {
	mean := func(x string) string {
		return l.op("ReduceMean", []string{x}, intsAttribute("axes", 1), intAttribute("keepdims", 1))
	}
	d := l.op("Sub", []string{in[0], mean(in[0])})
	variance := l.op("Add", []string{mean(l.op("Mul", []string{d, d})), l.scalar(grad.LayerNormEpsilon)})
	y := l.op("Div", []string{d, l.op("Sqrt", []string{variance})})
	return l.op("Add", []string{l.op("Mul", []string{y, in[1]}), in[2]})
}

// lowerAttention is multi-head self-attention within sequences of r.time rows of
// queries, keys and values.
func lowerAttention(l *lowerer, r *record, in []string) string {
	if r.models.free() || r.cols.free() || r.rows.factor%r.time != 0 {
		return l.fail("attention of %v heads and %v columns over %v rows in sequences of %d", r.models, r.cols, r.rows, r.time)
	}
	n, heads, d := fixed(r.time), r.models, fixed(r.cols.factor/r.models.factor)
	sequences := dim{r.rows.factor / r.time, r.rows.symbol}
	part := func(i int, perm ...int64) string { // [sequences, heads, ...]
		from, to := int64(i*r.cols.factor), int64((i+1)*r.cols.factor)
		x := l.op("Slice", []string{in[0], l.ints(from), l.ints(to), l.ints(1)})
		return l.op("Transpose", []string{l.reshape(x, sequences, n, heads, d)}, intsAttribute("perm", perm...))
	}
	q, k, v := part(0, 0, 2, 1, 3), part(1, 0, 2, 3, 1), part(2, 0, 2, 1, 3)
	scores := l.op("Mul", []string{l.op("MatMul", []string{q, k}), l.scalar(float32(1 / math.Sqrt(float64(d.factor))))})
	y := l.op("MatMul", []string{l.op("Softmax", []string{scores}, intAttribute("axis", 3)), v})
	return l.reshape(l.op("Transpose", []string{y}, intsAttribute("perm", 0, 2, 1, 3)), r.rows, r.cols)
}

// lowerReshape keeps the order of the numbers.
func lowerReshape(l *lowerer, r *record, in []string) string {
	return l.reshape(in[0], r.rows, r.cols)
}

// lowerTranspose transposes each block of r.time rows.
func lowerTranspose(l *lowerer, r *record, in []string) string {
	x := l.read(r, 0)
	blocks, ok := ratio(x.rows, fixed(r.time))
	if !ok {
		return l.fail("blocks of %d of %v rows", r.time, x.rows)
	}
	y := l.op("Transpose", []string{l.reshape(in[0], blocks, fixed(r.time), x.cols)}, intsAttribute("perm", 0, 2, 1))
	return l.reshape(y, r.rows, r.cols)
}

// ratio is the quotient of two sizes, if it is one.
func ratio(a, b dim) (q dim, ok bool) {
	switch {
	case b.factor == 0 || a.factor%b.factor != 0:
		return unknown, false
	case a.symbol == b.symbol:
		return fixed(a.factor / b.factor), true
	case b.free():
		return unknown, false
	}
	return dim{a.factor / b.factor, a.symbol}, true
}

// axes gives x, the first value that r reads, four axes: the rows are [outer,
// r.models, r.time].
func (l *lowerer) axes(r *record, x string) (reshaped string, outer dim) {
	in := l.read(r, 0)
	of, ok := ratio(in.rows, fixed(r.time))
	if ok {
		outer, ok = ratio(of, r.models)
	}
	if !ok {
		return l.fail("%v blocks of %d rows in %v", r.models, r.time, in.rows), unknown
	}
	return l.reshape(x, outer, r.models, fixed(r.time), in.cols), outer
}

// lowerMean averages over the middle one of three axes of the rows.
func lowerMean(l *lowerer, r *record, in []string) string {
	x, _ := l.axes(r, in[0])
	return l.reshape(l.op("ReduceMean", []string{x}, intsAttribute("axes", 1), intAttribute("keepdims", 0)), r.rows, r.cols)
}

// lowerAddRepeated broadcasts y along the middle one of three axes of the rows.
func lowerAddRepeated(l *lowerer, r *record, in []string) string {
	x, outer := l.axes(r, in[0])
	y := l.reshape(in[1], outer, fixed(1), fixed(r.time), r.cols)
	return l.reshape(l.op("Add", []string{x, y}), r.rows, r.cols)
}
