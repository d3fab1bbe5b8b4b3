package onnxref

import (
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(arithmetic(func(x, y float64) float64 { return x + y }, func(x, y int64) int64 { return x + y }), "Add")
	register(arithmetic(func(x, y float64) float64 { return x - y }, func(x, y int64) int64 { return x - y }), "Sub")
	register(arithmetic(func(x, y float64) float64 { return x * y }, func(x, y int64) int64 { return x * y }), "Mul")
	register(div, "Div")
	register(mod, "Mod")
	register(pow, "Pow")
	register(variadic(func(x, y float64) float64 { return x + y }, func(x, y int64) int64 { return x + y }), "Sum")
	register(variadic(func(x, y float64) float64 { return max(x, y) }, func(x, y int64) int64 { return max(x, y) }), "Max")
	register(variadic(func(x, y float64) float64 { return min(x, y) }, func(x, y int64) int64 { return min(x, y) }), "Min")
	register(mean, "Mean")
	register(arithmetic(leakyRelu, func(x, slope int64) int64 { return max(x, 0) + slope*min(x, 0) }), "PRelu")
}

// sameType returns two inputs, which must be of one type.
func (c *call) sameType(i, j int) (a, b *value, err error) {
	if a, err = c.value(i); err != nil {
		return
	}
	if b, err = c.value(j); err != nil {
		return
	}
	return a, b, c.alike(a, b)
}

// alike refuses operands of two types.
func (c *call) alike(a, b *value) error {
	if a.kind != b.kind {
		return c.fail(errs.InvalidGraph, "operands of data types %d and %d", a.kind, b.kind)
	}
	return nil
}

// pair returns two operands of one type and the dimensions they make.
func (c *call) pair(i, j int) (a, b *value, dims []int, err error) {
	if a, b, err = c.sameType(i, j); err != nil {
		return
	}
	dims, err = c.broadcast(a.dims, b.dims)
	return
}

// combine applies f or g, by their type, to two operands.
func (c *call) combine(a, b *value, f func(x, y float64) float64, g func(x, y int64) int64) (*value, error) {
	if err := c.alike(a, b); err != nil {
		return nil, err
	}
	dims, err := c.broadcast(a.dims, b.dims)
	if err != nil {
		return nil, err
	}
	out, err := c.make(a.kind, dims)
	if err != nil {
		return nil, err
	}
	if a.kind.Float() {
		x, err := c.floatsOf(a)
		if err != nil {
			return nil, err
		}
		y, err := c.floatsOf(b)
		if err != nil {
			return nil, err
		}
		zip(dims, out.floats, x, a.dims, y, b.dims, f)
		round(out.kind, out.floats)
		return out, nil
	}
	x, err := c.intsOf(a)
	if err != nil {
		return nil, err
	}
	y, err := c.intsOf(b)
	if err != nil {
		return nil, err
	}
	kind := out.kind
	zip(dims, out.ints, x, a.dims, y, b.dims, func(x, y int64) int64 { return wrap(kind, g(x, y)) })
	return out, nil
}

// arithmetic is an operator of two operands of one type.
func arithmetic(f func(x, y float64) float64, g func(x, y int64) int64) operator {
	return func(c *call) ([]*value, error) {
		a, b, err := c.sameType(0, 1)
		if err != nil {
			return nil, err
		}
		return one(c.combine(a, b, f, g))
	}
}

// variadic folds an operator over any number of operands.
func variadic(f func(x, y float64) float64, g func(x, y int64) int64) operator {
	return func(c *call) ([]*value, error) {
		in, err := c.all()
		if err != nil {
			return nil, err
		}
		v := in[0]
		for _, next := range in[1:] {
			if v, err = c.combine(v, next, f, g); err != nil {
				return nil, err
			}
		}
		return []*value{v}, nil
	}
}

func mean(c *call) ([]*value, error) {
	in, err := c.all()
	if err != nil {
		return nil, err
	}
	sum := in[0]
	if !sum.kind.Float() {
		return nil, c.fail(errs.InvalidGraph, "operands of data type %d", sum.kind).Accepts("a float type")
	}
	for _, next := range in[1:] {
		if sum, err = c.combine(sum, next, func(x, y float64) float64 { return x + y }, nil); err != nil {
			return nil, err
		}
	}
	x, err := c.floatsOf(sum)
	if err != nil {
		return nil, err
	}
	out, err := c.make(sum.kind, sum.dims)
	if err != nil {
		return nil, err
	}
	for i := range x {
		out.floats[i] = x[i] / float64(len(in))
	}
	return result(out)
}

// nonZero refuses integer divisors of zero.
func (c *call) nonZero(v *value) error {
	if v.kind.Float() {
		return nil
	}
	x, err := c.intsOf(v)
	if err != nil {
		return err
	}
	for _, x := range x {
		if x == 0 {
			return c.fail(errs.InvalidGraph, "an integer is divided by zero")
		}
	}
	return nil
}

func div(c *call) ([]*value, error) {
	a, b, err := c.sameType(0, 1)
	if err != nil {
		return nil, err
	}
	if err := c.nonZero(b); err != nil {
		return nil, err
	}
	quotient := func(x, y int64) int64 { return x / y }
	if a.kind == onnx.Uint64 {
		quotient = func(x, y int64) int64 { return int64(uint64(x) / uint64(y)) }
	}
	return one(c.combine(a, b, func(x, y float64) float64 { return x / y }, quotient))
}

// mod takes the divisor's sign, or the dividend's with fmod.
func mod(c *call) ([]*value, error) {
	a, b, err := c.sameType(0, 1)
	if err != nil {
		return nil, err
	}
	if err := c.nonZero(b); err != nil {
		return nil, err
	}
	fmod := c.node.Int("fmod", 0) != 0
	floats := math.Mod
	if !fmod {
		floats = func(x, y float64) float64 {
			r := math.Mod(x, y)
			if r != 0 && (r < 0) != (y < 0) {
				r += y
			}
			return r
		}
	}
	ints := func(x, y int64) int64 {
		r := x % y
		if !fmod && r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		return r
	}
	if a.kind == onnx.Uint64 {
		ints = func(x, y int64) int64 { return int64(uint64(x) % uint64(y)) }
	}
	return one(c.combine(a, b, floats, ints))
}

// pow has the type of its base; the exponent may have another.
func pow(c *call) ([]*value, error) {
	a, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	b, y, err := c.floats(1)
	if err != nil {
		return nil, err
	}
	dims, err := c.broadcast(a.dims, b.dims)
	if err != nil {
		return nil, err
	}
	out, err := c.make(a.kind, dims)
	if err != nil {
		return nil, err
	}
	if a.kind.Float() {
		zip(dims, out.floats, x, a.dims, y, b.dims, math.Pow)
		return result(out)
	}
	zip(dims, out.ints, x, a.dims, y, b.dims, func(x, y float64) int64 { return wrap(a.kind, truncate(math.Pow(x, y))) })
	return []*value{out}, nil
}

// truncate converts to an integer; what does not fit becomes the nearest that
// does, NaN zero.
func truncate(x float64) int64 {
	switch {
	case x != x:
		return 0
	case x >= 1<<63:
		return math.MaxInt64
	case x < -1<<63:
		return math.MinInt64
	}
	return int64(x)
}
