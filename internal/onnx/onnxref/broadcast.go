package onnxref

import "slices"

// strides returns the distance between neighbours of a dense value.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	step := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = step
		step *= dims[i]
	}
	return s
}

// spread returns the strides with which a value of dimensions from is read as
// one of dimensions to: 0 where it repeats.
func spread(from, to []int) []int {
	s := make([]int, len(to))
	dense := strides(from)
	offset := len(to) - len(from)
	for i := range from {
		if from[i] != 1 {
			s[offset+i] = dense[i]
		}
	}
	return s
}

// broadcast returns the dimensions that values make together.
func (c *call) broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	dims := make([]int, rank)
	for i := range dims {
		dims[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			at := &dims[rank-len(s)+i]
			switch {
			case *at == 1:
				*at = d
			case d != 1 && d != *at:
				return nil, c.mismatch("values of dimensions %v do not broadcast", shapes)
			}
		}
	}
	return dims, nil
}

// walk visits dims row by row: do gets the offsets of the row's start in the
// result and in the operands, whose strides are given. A row is the last
// dimension; for rank 0 it is one element.
func walk(dims []int, operands [][]int, do func(at int, offsets []int)) {
	if product(dims) == 0 {
		return
	}
	outer := max(0, len(dims)-1)
	row := 1
	if len(dims) > 0 {
		row = dims[outer]
	}
	index := make([]int, outer)
	offsets := make([]int, len(operands))
	for at := 0; ; at += row {
		do(at, offsets)
		i := outer - 1
		for ; i >= 0; i-- {
			index[i]++
			for k, s := range operands {
				offsets[k] += s[i]
			}
			if index[i] < dims[i] {
				break
			}
			for k, s := range operands {
				offsets[k] -= s[i] * dims[i]
			}
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// last returns the stride within a row.
func last(strides []int) int {
	if len(strides) == 0 {
		return 0
	}
	return strides[len(strides)-1]
}

// zip applies f to two operands as broadcast to dims.
func zip[T, R any](dims []int, out []R, a []T, aDims []int, b []T, bDims []int, f func(x, y T) R) {
	if slices.Equal(aDims, bDims) {
		for i, x := range a {
			out[i] = f(x, b[i])
		}
		return
	}
	sa, sb := spread(aDims, dims), spread(bDims, dims)
	row, da, db := 1, last(sa), last(sb)
	if len(dims) > 0 {
		row = dims[len(dims)-1]
	}
	walk(dims, [][]int{sa, sb}, func(at int, offsets []int) {
		i, j := offsets[0], offsets[1]
		for k := range row {
			out[at+k] = f(a[i], b[j])
			i += da
			j += db
		}
	})
}
