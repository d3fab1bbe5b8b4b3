package onnxref

// gather copies the elements of a strided view into out, row-major. offset and
// strides count elements; strides may be 0 or negative.
func gather(out, from []byte, width int, dims, strides []int, offset int) {
	dims, strides = merge(dims, strides)
	row, step := 1, 1
	if len(dims) > 0 {
		row, step = dims[len(dims)-1], last(strides)
	}
	walk(dims, [][]int{strides}, func(at int, offsets []int) {
		start := (offset + offsets[0]) * width
		to := out[at*width : (at+row)*width]
		if step == 1 {
			copy(to, from[start:start+len(to)])
			return
		}
		copyRow(to, from, width, start, step*width)
	})
}

// copyRow copies elements that lie step bytes apart.
func copyRow(to, from []byte, width, start, step int) {
	switch width {
	case 1:
		for i := range to {
			to[i] = from[start+i*step]
		}
	case 4:
		for i := 0; i+4 <= len(to); i += 4 {
			copy(to[i:i+4], from[start:start+4])
			start += step
		}
	default:
		for i := 0; i+width <= len(to); i += width {
			copy(to[i:i+width], from[start:start+width])
			start += step
		}
	}
}

// merge joins neighbouring dimensions that are dense in one another, so that
// rows are as long as they can be.
func merge(dims, strides []int) ([]int, []int) {
	var d, s []int
	for i := range dims {
		if dims[i] == 1 {
			continue
		}
		if k := len(d) - 1; k >= 0 && s[k] == strides[i]*dims[i] {
			d[k] *= dims[i]
			s[k] = strides[i]
			continue
		}
		d, s = append(d, dims[i]), append(s, strides[i])
	}
	return d, s
}

// strided makes a value of a strided view of v.
func (c *call) strided(v *value, dims, strides []int, offset int) (*value, error) {
	if err := c.bounded(dims); err != nil {
		return nil, err
	}
	if product(dims) == 0 {
		return &value{kind: v.kind, dims: dims, raw: []byte{}}, nil
	}
	if d, s := merge(dims, strides); len(d) == 0 || len(d) == 1 && s[0] == 1 { // dense: share the bytes
		n, width := product(dims), v.kind.Width()
		return &value{kind: v.kind, dims: dims, raw: v.bytes()[offset*width : (offset+n)*width], held: v.held}, nil
	}
	out, err := c.makeRaw(v.kind, dims)
	if err != nil {
		return nil, err
	}
	gather(out.raw, v.bytes(), v.kind.Width(), dims, strides, offset)
	return out, nil
}
