package onnxref

import (
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(cast, "Cast")
	register(castLike, "CastLike")
}

func cast(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	return one(c.convert(v, onnx.DType(c.node.Int("to", 0))))
}

func castLike(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	like, err := c.value(1)
	if err != nil {
		return nil, err
	}
	return one(c.convert(v, like.kind))
}

// convert changes the type of a value. Floats are truncated to integers.
func (c *call) convert(v *value, kind onnx.DType) (*value, error) {
	if kind == v.kind {
		return v, nil
	}
	if kind.Width() == 0 {
		return nil, c.fail(errs.UnsupportedOp, "data type %d", kind)
	}
	out, err := c.make(kind, v.dims)
	if err != nil {
		return nil, err
	}
	if kind.Float() {
		x, err := c.floatsOf(v)
		if err != nil {
			return nil, err
		}
		copy(out.floats, x)
		round(kind, out.floats)
		return out, nil
	}
	if v.kind.Float() {
		x, err := c.floatsOf(v)
		if err != nil {
			return nil, err
		}
		for i, x := range x {
			out.ints[i] = fromFloat(kind, x)
		}
		return out, nil
	}
	x, err := c.intsOf(v)
	if err != nil {
		return nil, err
	}
	for i, x := range x {
		out.ints[i] = wrap(kind, x)
	}
	return out, nil
}

// fromFloat truncates a float to an integer type.
func fromFloat(kind onnx.DType, x float64) int64 {
	switch {
	case kind == onnx.Bool:
		if x != 0 {
			return 1
		}
		return 0
	case kind == onnx.Uint64 && x >= 1<<63 && x < 1<<64:
		return int64(uint64(x))
	}
	return wrap(kind, truncate(x))
}
