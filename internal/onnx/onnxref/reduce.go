package onnxref

import (
	"math"
	"slices"

	"rnnrep/internal/errs"
)

// reduction folds the elements of a group; finish gets the sum and their number.
type reduction struct {
	start  float64
	step   func(sum, x float64) float64
	finish func(sum float64, n int) float64
	axes   int64 // the opset since which the axes are an input
}

func init() {
	add := func(s, x float64) float64 { return s + x }
	square := func(s, x float64) float64 { return s + x*x }
	for name, r := range map[string]reduction{
		"ReduceSum":       {0, add, nil, 13},
		"ReduceMean":      {0, add, func(s float64, n int) float64 { return s / float64(n) }, 18},
		"ReduceProd":      {1, func(s, x float64) float64 { return s * x }, nil, 18},
		"ReduceMax":       {math.Inf(-1), func(s, x float64) float64 { return max(s, x) }, nil, 18},
		"ReduceMin":       {math.Inf(1), func(s, x float64) float64 { return min(s, x) }, nil, 18},
		"ReduceL1":        {0, func(s, x float64) float64 { return s + math.Abs(x) }, nil, 18},
		"ReduceL2":        {0, square, func(s float64, _ int) float64 { return math.Sqrt(s) }, 18},
		"ReduceSumSquare": {0, square, nil, 18},
		"ReduceLogSum":    {0, add, func(s float64, _ int) float64 { return math.Log(s) }, 18},
	} {
		register(r.run, name)
	}
	register(reduceLogSumExp, "ReduceLogSumExp")
}

// groups tells for a reduction over some axes where the result of an element
// goes: the strides of the result seen with the input's dimensions.
type groups struct {
	dims  []int // of the result
	steps []int
	n     int // elements of a group
	noop  bool
}

func (c *call) groups(v *value, since int64) (*groups, error) {
	list, err := c.list("axes", 1, since)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		if c.node.Int("noop_with_empty_axes", 0) != 0 {
			return &groups{noop: true}, nil
		}
		list = nil
		for i := range v.dims {
			list = append(list, int64(i))
		}
	}
	return c.groupsOver(v, list, c.node.Int("keepdims", 1) != 0)
}

func (c *call) groupsOver(v *value, list []int64, keep bool) (*groups, error) {
	reduced, err := c.axes(list, len(v.dims))
	if err != nil {
		return nil, err
	}
	g := &groups{dims: []int{}, n: 1}
	kept := make([]int, len(v.dims)) // dimensions with keepdims
	for i, d := range v.dims {
		kept[i] = d
		if reduced[i] {
			kept[i] = 1
			g.n *= d
		}
		if keep || !reduced[i] {
			g.dims = append(g.dims, kept[i])
		}
	}
	g.steps = spread(kept, v.dims)
	return g, nil
}

// each visits the elements of a value of dimensions dims with the place of
// their group.
func (g *groups) each(dims []int, do func(at, group int)) {
	row, step := 1, last(g.steps)
	if len(dims) > 0 {
		row = dims[len(dims)-1]
	}
	walk(dims, [][]int{g.steps}, func(at int, offsets []int) {
		for k := range row {
			do(at+k, offsets[0]+k*step)
		}
	})
}

func (r reduction) run(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	g, err := c.groups(v, r.axes)
	if err != nil {
		return nil, err
	}
	if g.noop {
		return []*value{v}, nil
	}
	out, err := c.make(v.kind, g.dims)
	if err != nil {
		return nil, err
	}
	if err := c.spend(int64(len(x))); err != nil {
		return nil, err
	}
	sums := make([]float64, out.len())
	for i := range sums {
		sums[i] = r.start
	}
	g.each(v.dims, func(at, group int) { sums[group] = r.step(sums[group], x[at]) })
	for i, s := range sums {
		if r.finish != nil {
			s = r.finish(s, g.n)
		}
		if out.floats != nil {
			out.floats[i] = s
		} else {
			out.ints[i] = fromFloat(v.kind, s)
		}
	}
	return result(out)
}

func reduceLogSumExp(c *call) ([]*value, error) {
	v, x, err := c.floats(0)
	if err != nil {
		return nil, err
	}
	g, err := c.groups(v, 18)
	if err != nil {
		return nil, err
	}
	if g.noop {
		return []*value{v}, nil
	}
	if !v.kind.Float() {
		return nil, c.fail(errs.UnsupportedOp, "an input of data type %d", v.kind).Accepts("a float type")
	}
	out, err := c.make(v.kind, g.dims)
	if err != nil {
		return nil, err
	}
	top := slices.Repeat([]float64{math.Inf(-1)}, out.len())
	g.each(v.dims, func(at, group int) { top[group] = max(top[group], x[at]) })
	for i := range top {
		if math.IsInf(top[i], 0) {
			top[i] = 0
		}
	}
	g.each(v.dims, func(at, group int) { out.floats[group] += math.Exp(x[at] - top[group]) })
	for i, s := range out.floats {
		out.floats[i] = math.Log(s) + top[i]
	}
	return result(out)
}
