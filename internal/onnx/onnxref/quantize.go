package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(quantizeLinear, "QuantizeLinear")
	register(dequantizeLinear, "DequantizeLinear")
	register(dynamicQuantizeLinear, "DynamicQuantizeLinear")
	register(matMulInteger, "MatMulInteger")
}

// quantization is the scale and zero point of the elements of a value: per
// tensor, along an axis, or in blocks along it.
type quantization struct {
	scale []float64
	zero  []int64
	at    func(i int) int // the scale of element i
	kind  onnx.DType      // of the scale
	zeros onnx.DType      // of the zero point; 0 without
}

// quantization reads inputs 1 and 2 for a value of dimensions dims.
func (c *call) quantization(dims []int) (*quantization, error) {
	s, scale, err := c.floats(1)
	if err != nil {
		return nil, err
	}
	q := &quantization{scale: scale, zero: make([]int64, len(scale)), kind: s.kind}
	if c.has(2) {
		z, zero, err := c.ints(2)
		if err != nil {
			return nil, err
		}
		if len(zero) != len(scale) {
			return nil, c.mismatch("%d zero points for %d scales", len(zero), len(scale))
		}
		q.zero, q.zeros = zero, z.kind
	}
	if len(scale) == 1 && len(s.dims) <= 1 {
		q.at = func(int) int { return 0 }
		return q, nil
	}
	axis, err := c.axis(c.node.Int("axis", 1), len(dims))
	if err != nil {
		return nil, err
	}
	b := blockOf(dims, axis)
	size := c.node.Int("block_size", 0)
	switch {
	case size == 0 && len(s.dims) == 1 && len(scale) == b.n:
		q.at = func(i int) int { return i / b.inner % b.n }
	case size > 0 && len(s.dims) == len(dims) && int64(b.n) <= size*int64(s.dims[axis]) && len(scale) == b.outer*s.dims[axis]*b.inner:
		q.at = func(i int) int {
			return (i/(b.n*b.inner)*s.dims[axis]+i/b.inner%b.n/int(size))*b.inner + i%b.inner
		}
	default:
		return nil, c.mismatch("scales of dimensions %v for a value of dimensions %v along axis %d", s.dims, dims, axis)
	}
	return q, nil
}

func dequantizeLinear(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	x, err := c.integers(v)
	if err != nil {
		return nil, err
	}
	q, err := c.quantization(v.dims)
	if err != nil {
		return nil, err
	}
	out, err := c.make(q.kind, v.dims)
	if err != nil {
		return nil, err
	}
	if out.floats == nil {
		return nil, c.fail(errs.InvalidGraph, "a scale of data type %d", q.kind).Accepts("a float type")
	}
	for i := range out.floats {
		k := q.at(i)
		out.floats[i] = float64(x(i)-q.zero[k]) * q.scale[k]
	}
	return result(out)
}

// saturate rounds to even and clamps to an integer type of 8 or 16 bits.
func saturate(kind onnx.DType, x float64) int64 {
	lo, hi := 0.0, math.Exp2(float64(8*kind.Width()))-1
	if kind == onnx.Int8 || kind == onnx.Int16 {
		hi = math.Exp2(float64(8*kind.Width()-1)) - 1
		lo = -hi - 1
	}
	return truncate(min(max(math.RoundToEven(x), lo), hi))
}

// quantized divides in float32, which decides ties.
func quantized(kind onnx.DType, x, scale float64, zero int64) int64 {
	return saturate(kind, math.RoundToEven(float64(float32(x/scale)))+float64(zero))
}

func quantizeLinear(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	q, err := c.quantization(v.dims)
	if err != nil {
		return nil, err
	}
	kind := q.zeros
	if kind == 0 {
		kind = onnx.DType(c.node.Int("output_dtype", int64(onnx.Uint8)))
	}
	out, err := c.make(kind, v.dims)
	if err != nil {
		return nil, err
	}
	if kind.Width() > 2 || out.ints == nil {
		return nil, c.fail(errs.UnsupportedOp, "a zero point of data type %d", kind).Accepts("integers of 8 or 16 bits")
	}
	for i, x := range x {
		k := q.at(i)
		out.ints[i] = quantized(kind, x, q.scale[k], q.zero[k])
	}
	return []*value{out}, nil
}

// dynamicQuantizeLinear quantises to uint8 by the range of the data.
func dynamicQuantizeLinear(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	out, err := c.make(onnx.Uint8, v.dims)
	if err != nil {
		return nil, err
	}
	scale, zero := dynamicRange(x)
	for i, x := range x {
		out.ints[i] = quantized(onnx.Uint8, x, scale, zero)
	}
	return []*value{
		out,
		{kind: onnx.Float32, dims: []int{}, floats: []float64{scale}},
		{kind: onnx.Uint8, dims: []int{}, ints: []int64{zero}},
	}, nil
}

// dynamicRange returns the scale and zero point of DynamicQuantizeLinear, in
// float32 as the operator defines them.
func dynamicRange(x []float64) (scale float64, zero int64) {
	lo, hi := float32(0), float32(0)
	for _, x := range x {
		lo, hi = min(lo, float32(x)), max(hi, float32(x))
	}
	s := (hi - lo) / 255
	if s == 0 {
		return 1, 0
	}
	return float64(s), saturate(onnx.Uint8, float64(-lo/s))
}

// matMulInteger multiplies after taking the zero points off.
func matMulInteger(c *call) ([]*value, error) {
	var operands [2]*value
	aside := c.aside()
	defer aside.settle()
	for i := range operands {
		v, err := c.value(i)
		if err != nil {
			return nil, err
		}
		x, err := c.integers(v)
		if err != nil {
			return nil, err
		}
		w, err := aside.make(onnx.Float64, v.dims)
		if err != nil {
			return nil, err
		}
		zero := []int64{0}
		if c.has(2 + i) {
			if _, zero, err = c.ints(2 + i); err != nil {
				return nil, err
			}
		}
		at, err := c.zeroOf(v, len(zero), i)
		if err != nil {
			return nil, err
		}
		for k := range w.floats {
			w.floats[k] = float64(x(k) - zero[at(k)])
		}
		operands[i] = w
	}
	aside.in = operands[:]
	product, err := matMul(aside)
	if err != nil {
		return nil, err
	}
	return one(c.convert(product[0], onnx.Int32))
}

// zeroOf tells which of n zero points belongs to an element: one for all, one a
// row of the left operand, or one a column of the right.
func (c *call) zeroOf(v *value, n, operand int) (func(i int) int, error) {
	rank := len(v.dims)
	switch {
	case n == 1:
		return func(int) int { return 0 }, nil
	case rank == 2 && operand == 0 && n == v.dims[0]:
		return func(i int) int { return i / v.dims[1] }, nil
	case rank >= 2 && operand == 1 && n == v.dims[rank-1]:
		return func(i int) int { return i % n }, nil
	}
	return nil, c.mismatch("%d zero points for a value of dimensions %v", n, v.dims)
}
