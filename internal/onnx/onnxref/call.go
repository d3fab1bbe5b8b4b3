package onnxref

import (
	"fmt"
	"math"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// operator computes the outputs of a node; an output may be nil where the node
// does not name it.
type operator func(c *call) ([]*value, error)

type opKey struct{ domain, name string }

var operators = map[opKey]operator{}

// register adds operators of the default domain.
func register(run operator, names ...string) { registerIn("", run, names...) }

func registerIn(domain string, run operator, names ...string) {
	for _, name := range names {
		key := opKey{domain, name}
		if operators[key] != nil {
			panic("onnxref: two operators are named " + name)
		}
		operators[key] = run
	}
}

// call is one execution of a node.
type call struct {
	*runner
	node    *onnx.Node
	version int64    // of the node's opset
	in      []*value // nil where absent
	own     *holding // what it allocates; nil: nothing yet
	kept    []*value // that it holds until its outputs have names
	scope   *scope   // what graphs inside the node can read
}

// fail makes an error that names the node.
func (c *call) fail(code errs.Code, format string, args ...any) *errs.Error {
	return errs.New(code, "node %q (%s): %w", c.node.Label(), c.node.OpType, fmt.Errorf(format, args...)).At(c.node.Label())
}

// mismatch refuses shapes that do not fit.
func (c *call) mismatch(format string, args ...any) *errs.Error {
	return c.fail(errs.ShapeMismatch, format, args...)
}

// has tells whether an optional input is there.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// value returns a tensor that must be there.
func (c *call) value(i int) (*value, error) {
	if !c.has(i) {
		return nil, c.fail(errs.InvalidGraph, "input %d is missing", i)
	}
	v := c.in[i]
	switch {
	case v.sequence:
		return nil, c.fail(errs.InvalidGraph, "input %d is a sequence", i).Accepts("a tensor")
	case v.kind.Width() == 0:
		return nil, c.fail(errs.UnsupportedOp, "input %d has data type %d", i, v.kind)
	}
	return v, c.bounded(v.dims)
}

// bounded refuses dimensions whose product, zeros aside, is beyond the limits:
// loops over the dimensions of an empty tensor end too.
func (c *call) bounded(dims []int) error {
	if len(dims) > maxRank {
		return c.fail(errs.TooLarge, "a value of %d dimensions", len(dims)).Accepts("up to %d", maxRank)
	}
	size := int64(1)
	for _, d := range dims {
		if d < 0 {
			return c.mismatch("dimensions %v", dims)
		}
		if d > 1 {
			if size > math.MaxInt32/int64(d) {
				return c.fail(errs.TooLarge, "a value of dimensions %v", dims).Accepts("up to %d values", math.MaxInt32)
			}
			size *= int64(d)
		}
	}
	return nil
}

// all returns every input, at least one.
func (c *call) all() ([]*value, error) {
	if len(c.in) == 0 {
		return nil, c.fail(errs.InvalidGraph, "it has no inputs")
	}
	for i := range c.in {
		if _, err := c.value(i); err != nil {
			return nil, err
		}
	}
	return c.in, nil
}

// size checks the dimensions of a value about to be allocated, whose elements
// take so many bytes each.
func (c *call) size(dims []int, each int) (int, error) {
	if err := c.bounded(dims); err != nil {
		return 0, err
	}
	n := product(dims)
	if err := c.reserve(int64(n) * int64(each)); err != nil {
		return 0, c.fail(errs.CodeOf(err), "a value of dimensions %v: %w", dims, err)
	}
	return n, nil
}

// make returns a value to be filled: floats or ints by its type. It may be asked
// for its bytes, too.
func (c *call) make(kind onnx.DType, dims []int) (*value, error) {
	n, err := c.size(dims, 8+kind.Width())
	if err != nil {
		return nil, err
	}
	v := &value{kind: kind, dims: dims, held: c.own}
	switch {
	case kind.Float():
		v.floats = make([]float64, n)
	case kind.Width() > 0:
		v.ints = make([]int64, n)
	default:
		return nil, c.fail(errs.UnsupportedOp, "data type %d", kind)
	}
	return v, nil
}

// makeRaw returns a value whose bytes are to be filled.
func (c *call) makeRaw(kind onnx.DType, dims []int) (*value, error) {
	n, err := c.size(dims, kind.Width())
	if err != nil {
		return nil, err
	}
	return &value{kind: kind, dims: dims, raw: make([]byte, n*kind.Width()), held: c.own}, nil
}

// view returns v under other dimensions, which are checked.
func (c *call) view(v *value, dims []int) (*value, error) {
	if err := c.bounded(dims); err != nil {
		return nil, err
	}
	if product(dims) != v.len() {
		return nil, c.mismatch("a value of dimensions %v cannot have dimensions %v", v.dims, dims)
	}
	return v.view(dims), nil
}

// floatsOf returns the numbers of v; those of a float type are kept with it.
func (c *call) floatsOf(v *value) ([]float64, error) {
	if v.floats != nil {
		return v.floats, nil
	}
	n := v.len()
	if err := c.reserveFor(v, 8*int64(n)); err != nil {
		return nil, err
	}
	if v.kind.Float() {
		v.floats = fromBytes(v).Float64s()
		return v.floats, nil
	}
	ints, err := c.intsOf(v)
	if err != nil {
		return nil, err
	}
	floats := make([]float64, n)
	for i, x := range ints {
		floats[i] = intToFloat(v.kind, x)
	}
	return floats, nil
}

// intsOf returns the integers of v, which must not be of a float type.
func (c *call) intsOf(v *value) ([]int64, error) {
	if v.kind.Float() {
		return nil, c.fail(errs.InvalidGraph, "a value of data type %d", v.kind).Accepts("integers or bools")
	}
	if v.ints == nil {
		if err := c.reserveFor(v, 8*int64(v.len())); err != nil {
			return nil, err
		}
		v.ints = fromBytes(v).Int64s()
	}
	return v.ints, nil
}

// integers reads the integers of v one by one; those of 8 bits as they are in the
// file, as large weights would take eight times as much.
func (c *call) integers(v *value) (func(i int) int64, error) {
	if v.ints == nil && v.raw != nil {
		switch v.kind {
		case onnx.Int8:
			return func(i int) int64 { return int64(int8(v.raw[i])) }, nil
		case onnx.Uint8:
			return func(i int) int64 { return int64(v.raw[i]) }, nil
		}
	}
	ints, err := c.intsOf(v)
	return func(i int) int64 { return ints[i] }, err
}

func fromBytes(v *value) *onnx.Tensor {
	return &onnx.Tensor{Type: v.kind, Dims: v.dims, Raw: v.bytes()}
}

// floats returns the numbers of an input.
func (c *call) floats(i int) (*value, []float64, error) {
	v, err := c.value(i)
	if err != nil {
		return nil, nil, err
	}
	f, err := c.floatsOf(v)
	return v, f, err
}

// ints returns the integers of an input.
func (c *call) ints(i int) (*value, []int64, error) {
	v, err := c.value(i)
	if err != nil {
		return nil, nil, err
	}
	x, err := c.intsOf(v)
	return v, x, err
}

// scalar returns the only number of an optional input, or its default.
func (c *call) scalar(i int, otherwise float64) (float64, error) {
	if !c.has(i) {
		return otherwise, nil
	}
	v, f, err := c.floats(i)
	if err != nil {
		return 0, err
	}
	if len(f) != 1 {
		return 0, c.mismatch("input %d has dimensions %v", i, v.dims)
	}
	return f[0], nil
}

// integer is scalar for integers.
func (c *call) integer(i int, otherwise int64) (int64, error) {
	if !c.has(i) {
		return otherwise, nil
	}
	v, x, err := c.ints(i)
	if err != nil {
		return 0, err
	}
	if len(x) != 1 {
		return 0, c.mismatch("input %d has dimensions %v", i, v.dims)
	}
	return x[0], nil
}

// axis resolves an axis, which counts from the end if negative.
func (c *call) axis(a int64, rank int) (int, error) {
	if a < -int64(rank) || a >= int64(rank) {
		return 0, c.mismatch("axis %d of a value of rank %d", a, rank)
	}
	if a < 0 {
		a += int64(rank)
	}
	return int(a), nil
}

// list returns integers that are input i since an opset, and an attribute
// before; nil where absent.
func (c *call) list(name string, i int, since int64) ([]int64, error) {
	if c.version < since {
		return c.node.Ints(name), nil
	}
	if !c.has(i) {
		return nil, nil
	}
	_, x, err := c.ints(i)
	if x == nil && err == nil {
		x = []int64{}
	}
	return x, err
}

// axes marks the axes of a list.
func (c *call) axes(list []int64, rank int) ([]bool, error) {
	marked := make([]bool, rank)
	for _, a := range list {
		axis, err := c.axis(a, rank)
		if err != nil {
			return nil, err
		}
		if marked[axis] {
			return nil, c.mismatch("axis %d is named twice", a)
		}
		marked[axis] = true
	}
	return marked, nil
}

// one wraps an operator's only output.
func one(v *value, err error) ([]*value, error) {
	if err != nil {
		return nil, err
	}
	return []*value{v}, nil
}

// result rounds floats to their type and returns the only output.
func result(v *value) ([]*value, error) {
	round(v.kind, v.floats)
	return []*value{v}, nil
}

// toInts converts dimensions.
func toInts(list []int64) []int {
	r := make([]int, len(list))
	for i, x := range list {
		r[i] = int(x)
	}
	return r
}
