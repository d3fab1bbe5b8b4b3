package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
)

func init() {
	register(transpose, "Transpose")
	register(expand, "Expand")
	register(tile, "Tile")
	register(concat, "Concat")
	register(split, "Split")
	register(slice, "Slice")
	register(reverseSequence, "ReverseSequence")
	register(trilu, "Trilu")
}

func transpose(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	rank := len(v.dims)
	perm := c.node.Ints("perm")
	if perm == nil {
		for i := range rank {
			perm = append(perm, int64(rank-1-i))
		}
	}
	if _, err := c.axes(perm, rank); err != nil || len(perm) != rank {
		return nil, c.mismatch("perm %v of a value of dimensions %v", perm, v.dims)
	}
	from := strides(v.dims)
	dims, steps := make([]int, rank), make([]int, rank)
	for i, p := range perm {
		a, _ := c.axis(p, rank)
		dims[i], steps[i] = v.dims[a], from[a]
	}
	return one(c.strided(v, dims, steps, 0))
}

func expand(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	_, want, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	if err := c.bounded(toInts(want)); err != nil {
		return nil, err
	}
	dims, err := c.broadcast(v.dims, toInts(want))
	if err != nil {
		return nil, err
	}
	return one(c.strided(v, dims, spread(v.dims, dims), 0))
}

func tile(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	_, repeats, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	if len(repeats) != len(v.dims) {
		return nil, c.mismatch("%d repeats of a value of dimensions %v", len(repeats), v.dims)
	}
	if err := c.bounded(toInts(repeats)); err != nil {
		return nil, err
	}
	from := strides(v.dims)
	var dims, parts, steps []int
	for i, d := range v.dims {
		dims = append(dims, d*int(repeats[i]))
		parts = append(parts, int(repeats[i]), d)
		steps = append(steps, 0, from[i])
	}
	out, err := c.makeRaw(v.kind, dims)
	if err != nil {
		return nil, err
	}
	gather(out.raw, v.bytes(), v.kind.Width(), parts, steps, 0)
	return []*value{out}, nil
}

func concat(c *call) ([]*value, error) {
	in, err := c.all()
	if err != nil {
		return nil, err
	}
	return one(c.concatenate(in, c.node.Int("axis", 1)))
}

// concatenate joins tensors along an axis.
func (c *call) concatenate(in []*value, along int64) (*value, error) {
	first := in[0]
	axis, err := c.axis(along, len(first.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	dims[axis] = 0
	for _, v := range in {
		fits := v.kind == first.kind && len(v.dims) == len(dims)
		for i := 0; fits && i < len(dims); i++ {
			fits = i == axis || v.dims[i] == dims[i]
		}
		if !fits {
			return nil, c.mismatch("dimensions %v and %v joined along axis %d", first.dims, v.dims, axis)
		}
		dims[axis] += v.dims[axis]
	}
	out, err := c.makeRaw(first.kind, dims)
	if err != nil || len(out.raw) == 0 {
		return out, err
	}
	width := first.kind.Width() * product(dims[axis+1:])
	row, at := width*dims[axis], 0
	for _, v := range in {
		n := width * v.dims[axis]
		b := v.bytes()
		for i := range product(dims[:axis]) {
			copy(out.raw[i*row+at:], b[i*n:(i+1)*n])
		}
		at += n
	}
	return out, nil
}

func split(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(c.node.Int("axis", 0), len(v.dims))
	if err != nil {
		return nil, err
	}
	sizes, err := c.list("split", 1, 13)
	if err != nil {
		return nil, err
	}
	parts := int64(len(c.node.Outputs))
	if sizes == nil {
		parts = c.node.Int("num_outputs", parts)
		if parts <= 0 || parts > int64(len(c.node.Outputs)) {
			return nil, c.mismatch("%d parts for %d outputs", parts, len(c.node.Outputs))
		}
		sizes = chunks(int64(v.dims[axis]), parts)
	}
	return c.parts(v, axis, sizes)
}

// chunks cuts n into equal parts, the last one smaller if need be.
func chunks(n, parts int64) []int64 {
	sizes := make([]int64, parts)
	chunk := (n + parts - 1) / parts
	for i := range sizes {
		sizes[i] = min(chunk, n)
		n -= sizes[i]
	}
	return sizes
}

// parts cuts v along an axis.
func (c *call) parts(v *value, axis int, sizes []int64) ([]*value, error) {
	out := make([]*value, len(sizes))
	steps := strides(v.dims)
	at := int64(0)
	for i, n := range sizes {
		if n < 0 || n > int64(v.dims[axis])-at {
			return nil, c.mismatch("parts of %v along axis %d of a value of dimensions %v", sizes, axis, v.dims)
		}
		dims := slices.Clone(v.dims)
		dims[axis] = int(n)
		var err error
		if out[i], err = c.strided(v, dims, steps, int(at)*steps[axis]); err != nil {
			return nil, err
		}
		at += n
	}
	if at != int64(v.dims[axis]) {
		return nil, c.mismatch("parts of %v along axis %d of a value of dimensions %v", sizes, axis, v.dims)
	}
	return out, nil
}

// slice has its bounds in attributes before opset 10 and in inputs since.
func slice(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if lists[i], err = c.list(name, i+1, 10); err != nil {
			return nil, err
		}
	}
	starts, ends, axes, by := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || by != nil && len(by) != len(starts) {
		return nil, c.mismatch("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(by))
	}
	if _, err := c.axes(axes, len(v.dims)); err != nil {
		return nil, err
	}
	dims, steps, offset := slices.Clone(v.dims), strides(v.dims), 0
	for i, a := range axes {
		axis, _ := c.axis(a, len(v.dims))
		step := int64(1)
		if by != nil {
			step = by[i]
		}
		if step == 0 {
			return nil, c.mismatch("a step of 0")
		}
		start, n, stride := sliceRange(starts[i], ends[i], step, int64(v.dims[axis]))
		offset += int(start) * steps[axis]
		dims[axis] = int(n)
		steps[axis] *= int(stride)
	}
	if product(dims) == 0 {
		offset = 0
	}
	return one(c.strided(v, dims, steps, offset))
}

// sliceRange clamps a range to a dimension: its first index, its length, and
// the step, itself bounded by the dimension.
func sliceRange(start, end, step, d int64) (first, n, by int64) {
	if start < 0 {
		start += d
	}
	if end < 0 && end >= -d {
		end += d
	} else if end < -d {
		end = -1
	}
	step = min(max(step, -d-1), d+1)
	if step > 0 {
		start, end = min(max(start, 0), d), min(max(end, 0), d)
		return start, max(0, (end-start+step-1)/step), step
	}
	start, end = min(max(start, 0), d-1), min(max(end, -1), d-1)
	return max(start, 0), max(0, (start-end-step-1)/-step), step
}

// reverseSequence reverses the first steps of every sequence in a batch.
func reverseSequence(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	_, lens, err := c.ints(1)
	if err != nil {
		return nil, err
	}
	time, batch := c.node.Int("time_axis", 0), c.node.Int("batch_axis", 1)
	if time+batch != 1 || time*batch != 0 || len(v.dims) < 2 || len(lens) != v.dims[batch] {
		return nil, c.mismatch("time_axis %d, batch_axis %d, %d lengths, dimensions %v", time, batch, len(lens), v.dims)
	}
	out, err := c.makeRaw(v.kind, v.dims)
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	from, step := v.bytes(), strides(v.dims)
	width := v.kind.Width() * product(v.dims[2:])
	inner := product(v.dims[2:])
	for b, n := range lens {
		if n < 0 || n > int64(v.dims[time]) {
			return nil, c.mismatch("a length of %d in a sequence of %d steps", n, v.dims[time])
		}
		for t := range v.dims[time] {
			s := t
			if t < int(n) {
				s = int(n) - 1 - t
			}
			at := func(t int) int { return (t*step[time] + b*step[batch]) / inner * width }
			copy(out.raw[at(t):at(t)+width], from[at(s):])
		}
	}
	return []*value{out}, nil
}

// trilu keeps the upper or the lower triangle of matrices.
func trilu(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	k, err := c.integer(1, 0)
	if err != nil {
		return nil, err
	}
	rank := len(v.dims)
	if rank < 2 {
		return nil, c.fail(errs.ShapeMismatch, "a value of dimensions %v", v.dims).Accepts("matrices")
	}
	out, err := c.makeRaw(v.kind, v.dims)
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	rows, cols := v.dims[rank-2], v.dims[rank-1]
	upper := c.node.Int("upper", 1) != 0
	width, from := v.kind.Width(), v.bytes()
	k = min(max(k, -int64(rows)), int64(cols)) // beyond, nothing changes
	for i := range v.len() / cols {
		// The diagonal of row i begins at column at.
		at := min(max(i%rows+int(k), 0), cols)
		lo, hi := at, cols
		if !upper {
			lo, hi = 0, min(max(i%rows+int(k)+1, 0), cols)
		}
		if lo < hi {
			copy(out.raw[(i*cols+lo)*width:(i*cols+hi)*width], from[(i*cols+lo)*width:])
		}
	}
	return []*value{out}, nil
}
