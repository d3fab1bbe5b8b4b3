package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(softmax(false), "Softmax")
	register(softmax(true), "LogSoftmax")
	register(argExtreme(func(x, best float64) bool { return x > best }), "ArgMax")
	register(argExtreme(func(x, best float64) bool { return x < best }), "ArgMin")
	register(cumSum, "CumSum")
}

// block is a value seen as [outer, n, inner] around an axis.
type block struct{ outer, n, inner int }

func blockOf(dims []int, axis int) block {
	return block{product(dims[:axis]), dims[axis], product(dims[axis+1:])}
}

// lines calls do with the first place of every line along the axis; its
// elements lie inner apart.
func (b block) lines(do func(start int)) {
	if b.outer*b.n*b.inner == 0 {
		return
	}
	for o := range b.outer {
		for i := range b.inner {
			do(o*b.n*b.inner + i)
		}
	}
}

// softmax works along an axis, or before opset 13 over all dimensions from the
// axis on.
func softmax(logarithm bool) operator {
	return func(c *call) ([]*value, error) {
		v, x, err := c.floats(0)
		if err != nil {
			return nil, err
		}
		otherwise := int64(-1)
		if c.version < 13 {
			otherwise = 1
		}
		dims := v.dims
		axis, err := c.axis(c.node.Int("axis", otherwise), len(dims))
		if err != nil {
			return nil, err
		}
		if c.version < 13 {
			dims = []int{product(dims[:axis]), product(dims[axis:])}
			axis = 1
		}
		out, err := c.make(v.kind, v.dims)
		if err != nil {
			return nil, err
		}
		if out.floats == nil {
			return nil, c.fail(errs.InvalidGraph, "an input of data type %d", v.kind).Accepts("a float type")
		}
		b := blockOf(dims, axis)
		b.lines(func(start int) { b.softmax(out.floats, x, start, logarithm) })
		return result(out)
	}
}

func (b block) softmax(out, x []float64, start int, logarithm bool) {
	end := start + b.n*b.inner
	top, sum := math.Inf(-1), 0.0
	for i := start; i < end; i += b.inner {
		top = max(top, x[i])
	}
	for i := start; i < end; i += b.inner {
		out[i] = math.Exp(x[i] - top)
		sum += out[i]
	}
	for i := start; i < end; i += b.inner {
		if logarithm {
			out[i] = x[i] - top - math.Log(sum)
		} else {
			out[i] /= sum
		}
	}
}

// argExtreme finds the first, or the last, extreme of every line.
func argExtreme(better func(x, best float64) bool) operator {
	return func(c *call) ([]*value, error) {
		v, x, err := c.floats(0)
		if err != nil {
			return nil, err
		}
		axis, err := c.axis(c.node.Int("axis", 0), len(v.dims))
		if err != nil {
			return nil, err
		}
		g, err := c.groupsOver(v, []int64{int64(axis)}, c.node.Int("keepdims", 1) != 0)
		if err != nil {
			return nil, err
		}
		out, err := c.make(onnx.Int64, g.dims)
		if err != nil {
			return nil, err
		}
		lastOne := c.node.Int("select_last_index", 0) != 0
		b := blockOf(v.dims, axis)
		at := 0
		b.lines(func(start int) {
			best := 0
			for i := 1; i < b.n; i++ {
				now, top := x[start+i*b.inner], x[start+best*b.inner]
				if better(now, top) || lastOne && now == top {
					best = i
				}
			}
			out.ints[at] = int64(best)
			at++
		})
		return []*value{out}, nil
	}
}

func cumSum(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	a, err := c.integer(1, 0)
	if err != nil {
		return nil, err
	}
	axis, err := c.axis(a, len(v.dims))
	if err != nil {
		return nil, err
	}
	out, err := c.make(v.kind, v.dims)
	if err != nil {
		return nil, err
	}
	exclusive, reverse := c.node.Int("exclusive", 0) != 0, c.node.Int("reverse", 0) != 0
	b := blockOf(v.dims, axis)
	b.lines(func(start int) {
		sum := 0.0
		for i := range b.n {
			if reverse {
				i = b.n - 1 - i
			}
			at := start + i*b.inner
			before := sum
			sum += x[at]
			value := sum
			if exclusive {
				value = before
			}
			if out.floats != nil {
				out.floats[at] = value
			} else {
				out.ints[at] = fromFloat(v.kind, value)
			}
		}
	})
	return result(out)
}
