package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(shape, "Shape")
	register(size, "Size")
	register(reshape, "Reshape")
	register(flatten, "Flatten")
	register(squeeze, "Squeeze")
	register(unsqueeze, "Unsqueeze")
	register(identity, "Identity")
	register(dropout, "Dropout")
}

// shapeRange returns the part of the dimensions that Shape asks for.
func shapeRange(n *onnx.Node, rank int) (from, to int) {
	bound := func(name string, otherwise int64) int {
		at := n.Int(name, otherwise)
		if at < 0 {
			at += int64(rank)
		}
		return int(min(max(at, 0), int64(rank)))
	}
	from, to = bound("start", 0), bound("end", int64(rank))
	return from, max(from, to)
}

func shape(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	from, to := shapeRange(c.node, len(v.dims))
	return []*value{intVector(v.dims[from:to])}, nil
}

func intVector(dims []int) *value {
	v := &value{kind: onnx.Int64, dims: []int{len(dims)}, ints: make([]int64, len(dims))}
	for i, d := range dims {
		v.ints[i] = int64(d)
	}
	return v
}

func intScalar(x int64) *value {
	return &value{kind: onnx.Int64, dims: []int{}, ints: []int64{x}}
}

func size(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	return []*value{intScalar(int64(v.len()))}, nil
}

// reshape copies the dimensions given as 0 and infers the one given as -1.
func reshape(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	_, want, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	dims := toInts(want)
	unknown, rest := -1, 1
	for i, d := range dims {
		switch {
		case d == 0 && c.node.Int("allowzero", 0) == 0:
			if i >= len(v.dims) {
				return nil, c.mismatch("dimension %d of a value of dimensions %v", i, v.dims)
			}
			dims[i] = v.dims[i]
		case d == -1 && unknown < 0:
			unknown = i
			dims[i] = 1
		case d < 0:
			return nil, c.mismatch("the shape %v", want)
		}
	}
	if err := c.bounded(dims); err != nil {
		return nil, err
	}
	if rest = product(dims); unknown >= 0 {
		if rest == 0 {
			return nil, c.mismatch("the shape %v of a value of dimensions %v", want, v.dims)
		}
		dims[unknown] = v.len() / rest
	}
	return one(c.view(v, dims))
}

func flatten(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	at := c.node.Int("axis", 1)
	if at < 0 {
		at += int64(len(v.dims))
	}
	if at < 0 || at > int64(len(v.dims)) {
		return nil, c.mismatch("axis %d of a value of rank %d", at, len(v.dims))
	}
	return one(c.view(v, []int{product(v.dims[:at]), product(v.dims[at:])}))
}

func squeeze(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 1, 13)
	if err != nil {
		return nil, err
	}
	drop, err := c.axes(list, len(v.dims))
	if err != nil {
		return nil, err
	}
	dims := []int{}
	for i, d := range v.dims {
		if list == nil {
			drop[i] = d == 1
		}
		switch {
		case !drop[i]:
			dims = append(dims, d)
		case d != 1:
			return nil, c.mismatch("axis %d of a value of dimensions %v", i, v.dims)
		}
	}
	return one(c.view(v, dims))
}

func unsqueeze(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	list, err := c.list("axes", 1, 13)
	if err != nil {
		return nil, err
	}
	rank := len(v.dims) + len(list)
	if rank > maxRank {
		return nil, c.fail(errs.TooLarge, "a value of %d dimensions", rank).Accepts("up to %d", maxRank)
	}
	added, err := c.axes(list, rank)
	if err != nil {
		return nil, err
	}
	dims, rest := make([]int, rank), slices.Clone(v.dims)
	for i := range dims {
		dims[i] = 1
		if !added[i] {
			dims[i], rest = rest[0], rest[1:]
		}
	}
	return one(c.view(v, dims))
}

func identity(c *call) ([]*value, error) {
	if c.has(0) && c.in[0].sequence {
		return []*value{c.in[0]}, nil
	}
	return one(c.value(0))
}

// dropout is the identity, as at inference; training mode is refused.
func dropout(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	training, err := c.integer(2, 0)
	if err != nil {
		return nil, err
	}
	ratio, err := c.scalar(1, 0.5)
	if err != nil {
		return nil, err
	}
	if training != 0 && ratio != 0 {
		return nil, c.fail(errs.UnsupportedOp, "it is in training mode").Accepts("inference mode")
	}
	if len(c.node.Outputs) < 2 {
		return []*value{v}, nil
	}
	mask, err := c.make(onnx.Bool, v.dims)
	if err != nil {
		return nil, err
	}
	for i := range mask.ints {
		mask.ints[i] = 1
	}
	return []*value{v, mask}, nil
}
