package onnxref

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() {
	register(ifNode, "If")
	register(loop, "Loop")
	register(scan, "Scan")
}

// subgraph returns a graph attribute.
func (c *call) subgraph(name string) (*onnx.Graph, error) {
	a := c.node.Attributes[name]
	if a == nil || a.Graph == nil {
		return nil, c.fail(errs.InvalidGraph, "it has no graph %q", name)
	}
	return a.Graph, nil
}

// truth returns the only bool of a value.
func (c *call) truth(v *value) (bool, error) {
	if v.sequence || v.kind != onnx.Bool || v.len() != 1 {
		return false, c.fail(errs.InvalidGraph, "a condition of data type %d and dimensions %v", v.kind, v.dims).Accepts("one bool")
	}
	x, err := c.intsOf(v)
	return err == nil && x[0] != 0, err
}

func ifNode(c *call) ([]*value, error) {
	condition, err := c.value(0)
	if err != nil {
		return nil, err
	}
	yes, err := c.truth(condition)
	if err != nil {
		return nil, err
	}
	name := "else_branch"
	if yes {
		name = "then_branch"
	}
	g, err := c.subgraph(name)
	if err != nil {
		return nil, err
	}
	out, err := c.body(g, c.scope)
	c.kept = out
	return out, err
}

// loop runs its body while the condition holds, at most M times. The body takes
// the iteration, the condition and the carried values; it returns the condition,
// the carried values and the scan outputs.
func loop(c *call) ([]*value, error) {
	g, err := c.subgraph("body")
	if err != nil {
		return nil, err
	}
	times, err := c.integer(0, -1)
	if err != nil {
		return nil, err
	}
	bounded := c.has(0)
	condition := &value{kind: onnx.Bool, dims: []int{}, ints: []int64{1}}
	if c.has(1) {
		condition = c.in[1]
	}
	carried := slices.Clone(c.in[min(2, len(c.in)):])
	if slices.Contains(carried, nil) || len(g.Inputs) != 2+len(carried) || len(g.Outputs) < 1+len(carried) {
		return nil, c.fail(errs.InvalidGraph, "the body has %d inputs and %d outputs for %d carried values", len(g.Inputs), len(g.Outputs), len(carried))
	}
	scans := make([][]*value, len(g.Outputs)-1-len(carried))
	for i := int64(0); !bounded || i < times; i++ {
		if on, err := c.truth(condition); err != nil || !on {
			if err != nil {
				return nil, err
			}
			break
		}
		if err := c.turn(); err != nil {
			return nil, err
		}
		out, err := c.body(g, c.scope, slices.Concat([]*value{intScalar(i), condition}, carried)...)
		if err != nil {
			return nil, err
		}
		condition = out[0]
		copy(carried, out[1:])
		for k := range scans {
			scans[k] = append(scans[k], out[1+len(carried)+k])
		}
		c.keep(out, 1+len(carried), i == 0)
	}
	return c.collect(carried, scans, g.Outputs[1+len(carried):])
}

// keep keeps what an iteration made; the first carried values of the iteration
// before are dropped.
func (c *call) keep(out []*value, carried int, first bool) {
	if !first {
		for _, v := range c.kept[:carried] {
			c.drop(v)
		}
		c.kept = append(c.kept, out[carried:]...)
		copy(c.kept, out[:carried])
		return
	}
	c.kept = append(c.kept, out...)
}

// turn counts an iteration, so that a loop with an empty body ends too.
func (c *call) turn() error {
	if c.left.Nodes--; c.left.Nodes < 0 {
		return c.fail(errs.TooLarge, "more than %d nodes and iterations were executed", c.limits.Nodes).Accepts("loops that end sooner")
	}
	return c.poll()
}

// collect stacks the outputs that a loop made at every iteration. With no
// iteration the declared dimensions tell what is empty.
func (c *call) collect(carried []*value, scans [][]*value, declared []onnx.Value) ([]*value, error) {
	out := slices.Clone(carried)
	for k, parts := range scans {
		var v *value
		var err error
		if len(parts) == 0 {
			v, err = c.nothing(declared[k])
		} else {
			v, err = c.stack(parts, 0)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// nothing is an empty stack of values as declared.
func (c *call) nothing(declared onnx.Value) (*value, error) {
	dims := []int{0}
	for _, d := range declared.Dims {
		dims = append(dims, int(max(d, 0)))
	}
	kind := declared.Type
	if kind == 0 {
		kind = onnx.Float32
	}
	return c.make(kind, dims)
}

// stack joins tensors along a new axis.
func (c *call) stack(parts []*value, along int64) (*value, error) {
	first := parts[0]
	if first.sequence {
		return nil, c.fail(errs.UnsupportedOp, "a loop collects sequences").Accepts("tensors")
	}
	axis, err := c.axis(along, len(first.dims)+1)
	if err != nil {
		return nil, err
	}
	views := make([]*value, len(parts))
	for i, p := range parts {
		if p.sequence || !slices.Equal(p.dims, first.dims) {
			return nil, c.mismatch("values of dimensions %v and %v are collected", first.dims, p.dims)
		}
		views[i] = p.view(slices.Insert(slices.Clone(p.dims), axis, 1))
	}
	return c.concatenate(views, int64(axis))
}

// scan runs its body over slices of the scan inputs (opset 9 and later).
func scan(c *call) ([]*value, error) {
	g, err := c.subgraph("body")
	if err != nil {
		return nil, err
	}
	if c.version < 9 {
		return nil, c.fail(errs.UnsupportedOp, "Scan of opset %d", c.version).Accepts("opset 9 or newer")
	}
	in, err := c.all()
	if err != nil {
		return nil, err
	}
	n := c.node.Int("num_scan_inputs", 0)
	if n < 1 || n > int64(len(in)) || len(g.Inputs) != len(in) || len(g.Outputs) < len(in)-int(n) {
		return nil, c.fail(errs.InvalidGraph, "%d scan inputs of %d; the body has %d inputs and %d outputs", n, len(in), len(g.Inputs), len(g.Outputs))
	}
	states, scanned := slices.Clone(in[:len(in)-int(n)]), in[len(in)-int(n):]
	s, err := c.scanInputs(scanned)
	if err != nil {
		return nil, err
	}
	made := make([][]*value, len(g.Outputs)-len(states))
	for t := range s.steps {
		if err := c.turn(); err != nil {
			return nil, err
		}
		now, err := s.at(c, t)
		if err != nil {
			return nil, err
		}
		out, err := c.body(g, c.scope, slices.Concat(states, now)...)
		if err != nil {
			return nil, err
		}
		copy(states, out)
		for k := range made {
			made[k] = append(made[k], out[len(states)+k])
		}
		c.keep(out, len(states), t == 0)
	}
	return c.scanOutputs(g, states, made)
}

// scanned is what a Scan iterates over.
type scanned struct {
	inputs  []*value
	axes    []int
	reverse []bool
	steps   int
}

func (c *call) scanInputs(inputs []*value) (*scanned, error) {
	s := &scanned{inputs: inputs}
	for i, v := range inputs {
		axis, err := c.axis(nth(c.node.Ints("scan_input_axes"), i), len(v.dims))
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.steps = v.dims[axis]
		}
		if v.dims[axis] != s.steps {
			return nil, c.mismatch("scan inputs of %d and %d steps", s.steps, v.dims[axis])
		}
		s.axes = append(s.axes, axis)
		s.reverse = append(s.reverse, nth(c.node.Ints("scan_input_directions"), i) != 0)
	}
	return s, nil
}

// nth returns an element of a list that may be absent.
func nth(list []int64, i int) int64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// at returns the slices of step t.
func (s *scanned) at(c *call, t int) ([]*value, error) {
	views := make([]*value, len(s.inputs))
	for i, v := range s.inputs {
		step := t
		if s.reverse[i] {
			step = s.steps - 1 - t
		}
		axis, from := s.axes[i], strides(v.dims)
		var err error
		views[i], err = c.strided(v, slices.Delete(slices.Clone(v.dims), axis, axis+1), slices.Delete(slices.Clone(from), axis, axis+1), step*from[axis])
		if err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (c *call) scanOutputs(g *onnx.Graph, states []*value, made [][]*value) ([]*value, error) {
	out := states
	for k, parts := range made {
		declared := g.Outputs[len(states)+k]
		if len(parts) == 0 {
			v, err := c.nothing(declared)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
			continue
		}
		if nth(c.node.Ints("scan_output_directions"), k) != 0 {
			slices.Reverse(parts)
		}
		v, err := c.stack(parts, nth(c.node.Ints("scan_output_axes"), k))
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
