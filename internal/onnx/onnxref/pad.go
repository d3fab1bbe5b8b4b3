package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
)

func init() { register(pad, "Pad") }

// pad has its amounts in an attribute before opset 11 and in an input since;
// axes are an input since opset 18.
func pad(c *call) ([]*value, error) {
	v, err := c.value(0)
	if err != nil {
		return nil, err
	}
	amounts, err := c.list("pads", 1, 11)
	if err != nil {
		return nil, err
	}
	axes, err := c.list("axes", 3, 18)
	if err != nil {
		return nil, err
	}
	if axes == nil {
		for i := range v.dims {
			axes = append(axes, int64(i))
		}
	}
	if _, err := c.axes(axes, len(v.dims)); err != nil {
		return nil, err
	}
	if len(amounts) != 2*len(axes) {
		return nil, c.mismatch("%d pads for %d axes", len(amounts), len(axes))
	}
	dims, before := slices.Clone(v.dims), make([]int, len(v.dims))
	for i, a := range axes {
		axis, _ := c.axis(a, len(v.dims))
		lo, hi := amounts[i], amounts[len(axes)+i]
		if lo != int64(int32(lo)) || hi != int64(int32(hi)) {
			return nil, c.fail(errs.TooLarge, "pads %v", amounts)
		}
		before[axis] = int(lo)
		dims[axis] += int(lo + hi)
	}
	fill, err := c.padValue(v)
	if err != nil {
		return nil, err
	}
	out, err := c.makeRaw(v.kind, dims)
	if err != nil || len(out.raw) == 0 {
		return one(out, err)
	}
	maps, err := c.padMaps(v.dims, dims, before)
	if err != nil {
		return nil, err
	}
	copyMapped(out, v, maps, fill)
	return []*value{out}, nil
}

// padValue returns the bytes that constant padding is made of.
func (c *call) padValue(v *value) ([]byte, error) {
	fill := &value{kind: v.kind, dims: []int{}}
	switch {
	case c.version >= 11 && c.has(2):
		given, err := c.value(2)
		if err != nil {
			return nil, err
		}
		if given.kind != v.kind || given.len() != 1 {
			return nil, c.mismatch("a fill value of data type %d and dimensions %v", given.kind, given.dims)
		}
		return given.bytes(), nil
	case v.kind.Float():
		fill.floats = []float64{float64(c.node.Float("value", 0))}
	default:
		fill.ints = []int64{0}
	}
	return fill.bytes(), nil
}

// padMaps tells for every dimension which source index an index reads; -1 is
// padding.
func (c *call) padMaps(from, to, before []int) ([][]int, error) {
	mode := c.node.Text("mode", "constant")
	maps := make([][]int, len(to))
	for axis, n := range to {
		if err := c.reserve(8 * int64(n)); err != nil {
			return nil, err
		}
		d := from[axis]
		maps[axis] = make([]int, n)
		for i := range maps[axis] {
			at := i - before[axis]
			if at < 0 || at >= d {
				switch {
				case mode == "constant":
					at = -1
				case d == 0:
					return nil, c.mismatch("mode %q on dimensions %v", mode, from)
				case mode == "edge":
					at = min(max(at, 0), d-1)
				case mode == "wrap":
					at = (at%d + d) % d
				case mode == "reflect":
					at = reflect(at, d)
				default:
					return nil, c.fail(errs.UnsupportedOp, "mode %q", mode).Accepts("constant, reflect, edge, wrap")
				}
			}
			maps[axis][i] = at
		}
	}
	return maps, nil
}

// reflect mirrors an index at the first and the last element.
func reflect(at, d int) int {
	if d == 1 {
		return 0
	}
	period := 2 * (d - 1)
	at = (at%period + period) % period
	return min(at, period-at)
}

// copyMapped fills out with the elements of v that maps names.
func copyMapped(out, v *value, maps [][]int, fill []byte) {
	width, from, steps := v.kind.Width(), v.bytes(), strides(v.dims)
	index := make([]int, len(out.dims))
	for at := 0; at < len(out.raw); at += width {
		source := 0
		for axis, i := range index {
			if m := maps[axis][i]; m < 0 || source < 0 {
				source = -1
			} else {
				source += m * steps[axis]
			}
		}
		if source < 0 {
			copy(out.raw[at:], fill)
		} else {
			copy(out.raw[at:at+width], from[source*width:])
		}
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < out.dims[axis] {
				break
			}
			index[axis] = 0
		}
	}
}
