package onnxref

import (
	"slices"
)

func init() {
	register(gatherSlices, "Gather")
	register(gatherElements, "GatherElements")
	register(gatherND, "GatherND")
}

// index resolves an index along a dimension, which counts from the end if
// negative.
func (c *call) index(i int64, d int) (int, error) {
	if i < -int64(d) || i >= int64(d) {
		return 0, c.mismatch("index %d in a dimension of %d", i, d)
	}
	if i < 0 {
		i += int64(d)
	}
	return int(i), nil
}

func gatherSlices(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	at, indices, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", 0), len(v.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Concat(v.dims[:axis], at.dims, v.dims[axis+1:])
	if len(indices) == 1 { // often one step of a sequence: a view
		i, err := c.index(indices[0], v.dims[axis])
		if err != nil {
			return nil, err
		}
		from := slices.Clone(v.dims)
		from[axis] = 1
		steps := strides(v.dims)
		out, err := c.strided(v, from, steps, i*steps[axis])
		if err != nil {
			return nil, err
		}
		return one(c.view(out, dims))
	}
	out, err := c.makeRaw(v.kind, dims)
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	from := v.bytes()
	width := v.kind.Width() * product(v.dims[axis+1:])
	to := out.raw
	for outer := range product(v.dims[:axis]) {
		for _, x := range indices {
			i, err := c.index(x, v.dims[axis])
			if err != nil {
				return nil, err
			}
			start := (outer*v.dims[axis] + i) * width
			copy(to[:width], from[start:])
			to = to[width:]
		}
	}
	return []*value{out}, nil
}

// elementwise visits the positions of indices, along an axis of a value of
// dimensions dims: do gets the position in indices and the one in the value.
func (c *call) elementwise(indices *value, x []int64, dims []int, axis int, do func(at, element int)) error {
	if len(indices.dims) != len(dims) {
		return c.mismatch("indices of dimensions %v into a value of dimensions %v", indices.dims, dims)
	}
	for i, d := range indices.dims {
		if i != axis && d > dims[i] {
			return c.mismatch("indices of dimensions %v into a value of dimensions %v", indices.dims, dims)
		}
	}
	steps := strides(dims)
	along := steps[axis]
	steps[axis] = 0
	var err error
	row := last(indices.dims)
	walk(indices.dims, [][]int{steps}, func(at int, offsets []int) {
		for k := range row {
			i, e := c.index(x[at+k], dims[axis])
			if e != nil {
				err = e
				return
			}
			do(at+k, offsets[0]+k*last(steps)+i*along)
		}
	})
	return err
}

func gatherElements(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	indices, x, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", 0), len(v.dims))
	if err != nil {
		return nil, err
	}
	out, err := c.makeRaw(v.kind, indices.dims)
	if err != nil {
		return nil, err
	}
	from, width := v.bytes(), v.kind.Width()
	err = c.elementwise(indices, x, v.dims, axis, func(at, element int) {
		copy(out.raw[at*width:(at+1)*width], from[element*width:])
	})
	return one(out, err)
}

// tuples resolves the index tuples of GatherND and ScatterND: do gets the
// number of the tuple and the position, in slices, of the slice it names.
func (c *call) tuples(x []int64, width int, dims []int, do func(tuple, slice int)) error {
	for t := range len(x) / max(1, width) {
		at := 0
		for k := range width {
			i, err := c.index(x[t*width+k], dims[k])
			if err != nil {
				return err
			}
			at = at*dims[k] + i
		}
		do(t, at)
	}
	return nil
}

func gatherND(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	at, x, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	batch := int(c.node.Int("batch_dims", 0))
	if batch < 0 || len(at.dims) == 0 || batch >= len(at.dims) || batch > len(v.dims) || !slices.Equal(at.dims[:batch], v.dims[:batch]) {
		return nil, c.mismatch("batch_dims %d, indices of dimensions %v into a value of dimensions %v", batch, at.dims, v.dims)
	}
	width := last(at.dims)
	inner := v.dims[batch:]
	if width < 1 || width > len(inner) {
		return nil, c.mismatch("indices of dimensions %v into a value of dimensions %v", at.dims, v.dims)
	}
	dims := slices.Concat(at.dims[:len(at.dims)-1], inner[width:])
	out, err := c.makeRaw(v.kind, dims)
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	from, n := v.bytes(), v.kind.Width()*product(inner[width:])
	groups := product(v.dims[:batch])
	tuples := len(x) / width / groups
	for g := range groups {
		base := g * product(inner[:width])
		err := c.tuples(x[g*tuples*width:(g+1)*tuples*width], width, inner, func(t, slice int) {
			copy(out.raw[(g*tuples+t)*n:(g*tuples+t+1)*n], from[(base+slice)*n:])
		})
		if err != nil {
			return nil, err
		}
	}
	return []*value{out}, nil
}
