package onnxref

import (
	"math"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(constant, "Constant")
	register(constantOfShape, "ConstantOfShape")
	register(rangeOf, "Range")
	register(eyeLike, "EyeLike")
	register(oneHot, "OneHot")
}

func constant(c *call) ([]*value, error) {
	for name, a := range c.node.Attributes {
		switch name {
		case "value":
			if a.Tensor != nil {
				return []*value{fromTensor(a.Tensor)}, nil
			}
		case "value_int":
			return []*value{intScalar(a.Int)}, nil
		case "value_ints":
			return []*value{{kind: onnx.Int64, dims: []int{len(a.Ints)}, ints: append([]int64{}, a.Ints...)}}, nil
		case "value_float":
			return []*value{{kind: onnx.Float32, dims: []int{}, floats: []float64{float64(a.Float)}}}, nil
		case "value_floats":
			v, err := c.make(onnx.Float32, []int{len(a.Floats)})
			if err != nil {
				return nil, err
			}
			for i, x := range a.Floats {
				v.floats[i] = float64(x)
			}
			return []*value{v}, nil
		}
	}
	return nil, c.fail(errs.UnsupportedOp, "it has no number").Accepts("value, value_float, value_floats, value_int, value_ints")
}

func constantOfShape(c *call) ([]*value, error) {
	shape, dims, err := c.ints(0)
	if err != nil {
		return nil, err
	}
	if len(shape.dims) != 1 {
		return nil, c.mismatch("a shape of dimensions %v", shape.dims)
	}
	fill := onnx.NewFloats("", []float32{0})
	if a := c.node.Attributes["value"]; a != nil && a.Tensor != nil {
		fill = a.Tensor
	}
	if len(fill.Raw) == 0 || fill.Len() != 1 {
		return nil, c.mismatch("a fill value of dimensions %v", fill.Dims)
	}
	out, err := c.makeRaw(fill.Type, toInts(dims))
	if err != nil {
		return nil, err
	}
	fillWith(out.raw, fill.Raw)
	return []*value{out}, nil
}

// fillWith repeats an element.
func fillWith(b, element []byte) {
	if slices.Max(element) == 0 {
		return
	}
	for n := copy(b, element); n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func rangeOf(c *call) ([]*value, error) {
	start, err := c.value(0)
	if err != nil {
		return nil, err
	}
	var f [3]float64
	for i := range f {
		if f[i], err = c.scalar(i, 0); err != nil {
			return nil, err
		}
	}
	n := math.Ceil((f[1] - f[0]) / f[2])
	if f[2] == 0 || n != n || n > math.MaxInt32 {
		return nil, c.fail(errs.TooLarge, "a range from %g to %g by %g", f[0], f[1], f[2])
	}
	out, err := c.make(start.kind, []int{int(max(n, 0))})
	if err != nil {
		return nil, err
	}
	for i := range out.floats {
		out.floats[i] = f[0] + float64(i)*f[2]
	}
	for i := range out.ints {
		out.ints[i] = wrap(out.kind, truncate(f[0])+int64(i)*truncate(f[2]))
	}
	return result(out)
}

func eyeLike(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	if len(v.dims) != 2 {
		return nil, c.mismatch("a value of dimensions %v", v.dims).Accepts("a matrix")
	}
	out, err := c.make(onnx.DType(c.node.Int("dtype", int64(v.kind))), v.dims)
	if err != nil {
		return nil, err
	}
	if out.len() == 0 {
		return []*value{out}, nil
	}
	k := c.node.Int("k", 0)
	for i := range int64(v.dims[0]) {
		j := i + k
		switch {
		case j < 0 || j >= int64(v.dims[1]):
		case out.floats != nil:
			out.floats[i*int64(v.dims[1])+j] = 1
		default:
			out.ints[i*int64(v.dims[1])+j] = 1
		}
	}
	return []*value{out}, nil
}

func oneHot(c *call) ([]*value, error) {
	indices, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	depth, err := c.scalar(1, 0)
	if err != nil {
		return nil, err
	}
	values, err := c.value(2)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", -1), len(indices.dims)+1)
	if err != nil {
		return nil, err
	}
	if values.len() != 2 || depth != math.Trunc(depth) || depth < 0 || depth > math.MaxInt32 {
		return nil, c.mismatch("depth %g and values of dimensions %v", depth, values.dims)
	}
	d := int(depth)
	out, err := c.makeRaw(values.kind, slices.Insert(slices.Clone(indices.dims), axis, d))
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	width := values.kind.Width()
	off, on := values.bytes()[:width], values.bytes()[width:]
	fillWith(out.raw, off)
	inner := product(indices.dims[axis:])
	for i, x := range x {
		if x < 0 {
			x += depth
		}
		if x >= 0 && x < depth && x == math.Trunc(x) {
			at := (i/inner*d+int(x))*inner + i%inner
			copy(out.raw[at*width:], on)
		}
	}
	return []*value{out}, nil
}
