package onnxref

import (
	"cmp"
	"slices"

	"rnnrep/internal/onnx"
)

func init() { register(topK, "TopK") }

// topK returns the K largest, or smallest, elements along an axis, in order,
// and where they were; of equals the first.
func topK(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", -1), len(v.dims))
	if err != nil {
		return nil, err
	}
	k := c.node.Int("k", 0)
	if c.version >= 10 {
		if k, err = c.integer(1, 0); err != nil {
			return nil, err
		}
	}
	if k < 0 || k > int64(v.dims[axis]) {
		return nil, c.mismatch("the first %d of %d", k, v.dims[axis])
	}
	dims := slices.Clone(v.dims)
	dims[axis] = int(k)
	top, err := c.make(v.kind, dims)
	if err != nil {
		return nil, err
	}
	where, err := c.make(onnx.Int64, dims)
	if err != nil {
		return nil, err
	}
	b := blockOf(v.dims, axis)
	if err := c.reserve(8 * int64(b.n)); err != nil {
		return nil, err
	}
	order := make([]int, b.n)
	largest := c.node.Int("largest", 1) != 0
	b.lines(func(start int) {
		b.sort(order, x, start, largest)
		to := start/(b.n*b.inner)*int(k)*b.inner + start%(b.n*b.inner)
		for i, from := range order[:k] {
			where.ints[to+i*b.inner] = int64(from)
			if top.floats != nil {
				top.floats[to+i*b.inner] = x[start+from*b.inner]
			} else {
				top.ints[to+i*b.inner] = truncate(x[start+from*b.inner])
			}
		}
	})
	return []*value{top, where}, nil
}

// sort puts the indices of a line into the order of its elements.
func (b block) sort(order []int, x []float64, start int, descending bool) {
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		r := cmp.Compare(x[start+i*b.inner], x[start+j*b.inner])
		if descending {
			return -r
		}
		return r
	})
}
