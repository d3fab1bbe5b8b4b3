package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
)

func init() {
	register(scatterElements, "ScatterElements", "Scatter")
	register(scatterND, "ScatterND")
}

// scatter writes updates into a copy of a value.
type scatter struct {
	out, updates *value
	write        func(to, from, n int) // n elements
}

// scatter reads inputs 0 and 2 and the attribute reduction.
func (c *call) scatter() (*scatter, error) {
	v, u, err := c.sameType(0, 2)
	if err != nil {
		return nil, err
	}
	reduction := c.node.Text("reduction", "none")
	if reduction != "none" {
		return c.scatterReduced(v, u, reduction)
	}
	out, err := c.makeRaw(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	copy(out.raw, v.bytes())
	from, width := u.bytes(), v.kind.Width()
	return &scatter{out, u, func(to, at, n int) {
		copy(out.raw[to*width:(to+n)*width], from[at*width:])
	}}, nil
}

var scatterReductions = map[string]struct {
	floats func(x, y float64) float64
	ints   func(x, y int64) int64
}{
	"add": {func(x, y float64) float64 { return x + y }, func(x, y int64) int64 { return x + y }},
	"mul": {func(x, y float64) float64 { return x * y }, func(x, y int64) int64 { return x * y }},
	"max": {func(x, y float64) float64 { return max(x, y) }, func(x, y int64) int64 { return max(x, y) }},
	"min": {func(x, y float64) float64 { return min(x, y) }, func(x, y int64) int64 { return min(x, y) }},
}

func (c *call) scatterReduced(v, u *value, name string) (*scatter, error) {
	reduction, ok := scatterReductions[name]
	if !ok {
		return nil, c.fail(errs.UnsupportedOp, "reduction %q", name).Accepts("none, add, mul, max, min")
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	if v.kind.Float() {
		x, err := c.floatsOf(v)
		if err != nil {
			return nil, err
		}
		copy(out.floats, x)
		updates, err := c.floatsOf(u)
		return &scatter{out, u, func(to, from, n int) {
			for i := range n {
				out.floats[to+i] = reduction.floats(out.floats[to+i], updates[from+i])
			}
			round(v.kind, out.floats[to:to+n])
		}}, err
	}
	x, err := c.intsOf(v)
	if err != nil {
		return nil, err
	}
	copy(out.ints, x)
	updates, err := c.intsOf(u)
	return &scatter{out, u, func(to, from, n int) {
		for i := range n {
			out.ints[to+i] = wrap(v.kind, reduction.ints(out.ints[to+i], updates[from+i]))
		}
	}}, err
}

func scatterElements(c *call) ([]*value, error) {
	s, err := c.scatter()
	if err != nil {
		return nil, err
	}
	indices, x, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", 0), len(s.out.dims))
	if err != nil {
		return nil, err
	}
	if !slices.Equal(indices.dims, s.updates.dims) {
		return nil, c.mismatch("indices of dimensions %v and updates of dimensions %v", indices.dims, s.updates.dims)
	}
	err = c.elementwise(indices, x, s.out.dims, axis, func(at, element int) { s.write(element, at, 1) })
	return one(s.out, err)
}

func scatterND(c *call) ([]*value, error) {
	s, err := c.scatter()
	if err != nil {
		return nil, err
	}
	at, x, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	width, dims := last(at.dims), s.out.dims
	if width < 1 || width > len(dims) || !slices.Equal(s.updates.dims, slices.Concat(at.dims[:len(at.dims)-1], dims[width:])) {
		return nil, c.mismatch("indices of dimensions %v and updates of dimensions %v into a value of dimensions %v", at.dims, s.updates.dims, dims)
	}
	n := product(dims[width:])
	if n == 0 {
		return []*value{s.out}, nil
	}
	err = c.tuples(x, width, dims, func(t, slice int) { s.write(slice*n, t*n, n) })
	return one(s.out, err)
}
