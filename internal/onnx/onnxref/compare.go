package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(comparison(func(x, y float64) bool { return x == y }, func(x, y int64) bool { return x == y }), "Equal")
	register(comparison(func(x, y float64) bool { return x > y }, func(x, y int64) bool { return x > y }), "Greater")
	register(comparison(func(x, y float64) bool { return x >= y }, func(x, y int64) bool { return x >= y }), "GreaterOrEqual")
	register(comparison(func(x, y float64) bool { return x < y }, func(x, y int64) bool { return x < y }), "Less")
	register(comparison(func(x, y float64) bool { return x <= y }, func(x, y int64) bool { return x <= y }), "LessOrEqual")
	register(logic(func(x, y int64) int64 { return x & y }), "And")
	register(logic(func(x, y int64) int64 { return x | y }), "Or")
	register(logic(func(x, y int64) int64 { return x ^ y }), "Xor")
	register(not, "Not")
	register(where, "Where")
}

func comparison(f func(x, y float64) bool, g func(x, y int64) bool) operator {
	test := func(ok bool) int64 {
		if ok {
			return 1
		}
		return 0
	}
	return func(c *call) ([]*value, error) {
		a, b, dims, err := c.pair(0, 1)
		if err != nil {
			return nil, err
		}
		out, err := c.make(onnx.Bool, dims)
		if err != nil {
			return nil, err
		}
		if a.kind.Float() {
			_, x, err := c.floats(0)
			if err != nil {
				return nil, err
			}
			_, y, err := c.floats(1)
			if err != nil {
				return nil, err
			}
			zip(dims, out.ints, x, a.dims, y, b.dims, func(x, y float64) int64 { return test(f(x, y)) })
			return []*value{out}, nil
		}
		_, x, err := c.ints(0)
		if err != nil {
			return nil, err
		}
		_, y, err := c.ints(1)
		if err != nil {
			return nil, err
		}
		flip := int64(0) // turns the order of uint64 into that of int64
		if a.kind == onnx.Uint64 {
			flip = math.MinInt64
		}
		zip(dims, out.ints, x, a.dims, y, b.dims, func(x, y int64) int64 { return test(g(x^flip, y^flip)) })
		return []*value{out}, nil
	}
}

func logic(g func(x, y int64) int64) operator {
	return func(c *call) ([]*value, error) {
		a, b, err := c.sameType(0, 1)
		if err != nil {
			return nil, err
		}
		if a.kind != onnx.Bool {
			return nil, c.fail(errs.InvalidGraph, "operands of data type %d", a.kind).Accepts("bools")
		}
		return one(c.combine(a, b, nil, g))
	}
}

func not(c *call) ([]*value, error) {
	v, x, err := c.ints(0)
	if err != nil {
		return nil, err
	}
	out, err := c.make(onnx.Bool, v.dims)
	if err != nil {
		return nil, err
	}
	for i := range x {
		if x[i] == 0 {
			out.ints[i] = 1
		}
	}
	return []*value{out}, nil
}

// floatTest is a predicate of floats.
func floatTest(f func(float64) bool) operator {
	return func(c *call) ([]*value, error) {
		v, x, err := c.floats(0)
		if err != nil {
			return nil, err
		}
		out, err := c.make(onnx.Bool, v.dims)
		if err != nil {
			return nil, err
		}
		for i, x := range x {
			if f(x) {
				out.ints[i] = 1
			}
		}
		return []*value{out}, nil
	}
}

func isInf(c *call) ([]*value, error) {
	positive, negative := c.node.Int("detect_positive", 1) != 0, c.node.Int("detect_negative", 1) != 0
	return floatTest(func(x float64) bool {
		return positive && math.IsInf(x, 1) || negative && math.IsInf(x, -1)
	})(c)
}

// where moves bytes, so it takes any type.
func where(c *call) ([]*value, error) {
	condition, choose, err := c.ints(0)
	if err != nil {
		return nil, err
	}
	a, b, err := c.sameType(1, 2)
	if err != nil {
		return nil, err
	}
	dims, err := c.broadcast(condition.dims, a.dims, b.dims)
	if err != nil {
		return nil, err
	}
	out, err := c.makeRaw(a.kind, dims)
	if err != nil {
		return nil, err
	}
	width, x, y := a.kind.Width(), a.bytes(), b.bytes()
	sc, sa, sb := spread(condition.dims, dims), spread(a.dims, dims), spread(b.dims, dims)
	row := 1
	if len(dims) > 0 {
		row = dims[len(dims)-1]
	}
	walk(dims, [][]int{sc, sa, sb}, func(at int, offsets []int) {
		for k := range row {
			from, i := x, offsets[1]+k*last(sa)
			if choose[offsets[0]+k*last(sc)] == 0 {
				from, i = y, offsets[2]+k*last(sb)
			}
			copy(out.raw[(at+k)*width:(at+k+1)*width], from[i*width:])
		}
	})
	return []*value{out}, nil
}
