package onnxref

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// Limits bound what an evaluation may cost; a zero field takes its default.
// They are checked before memory is allocated.
type Limits struct {
	Memory int64 // bytes of the values that nodes make, at a time; 512 MiB
	Nodes  int64 // executions, those inside loops each time; 1 Mi
	Work   int64 // scalar operations inside nodes; 16 Gi
}

func (l Limits) withDefaults() Limits {
	if l.Memory <= 0 {
		l.Memory = 512 << 20
	}
	if l.Nodes <= 0 {
		l.Nodes = 1 << 20
	}
	if l.Work <= 0 {
		l.Work = 1 << 34
	}
	return l
}

// pollEvery is the work between two looks at the context.
const pollEvery = 1 << 20

// maxRank is the largest number of dimensions a value may have.
const maxRank = 16

// runner carries the limits through an evaluation.
type runner struct {
	ctx       context.Context
	opsets    map[string]int64
	limits    Limits
	left      Limits
	unpolled  int64
	held      int64 // bytes of values
	constants map[*onnx.Graph]map[string]*value
	dead      map[*onnx.Graph][][]string // by lastReads
	ended     []*call                    // to be used again
	guard     bool                       // a panic inside an operator becomes an error
}

func newRunner(ctx context.Context, m *onnx.Model, l Limits) *runner {
	l = l.withDefaults()
	return &runner{ctx: ctx, opsets: m.Opsets, limits: l, left: l, guard: true, constants: map[*onnx.Graph]map[string]*value{}, dead: map[*onnx.Graph][][]string{}}
}

// scope is the values that a graph knows by name, those of the graphs around it
// included.
type scope struct {
	values  map[string]*value
	outer   *scope
	dropped int // nodes after which dead values have been dropped
}

func (s *scope) get(name string) *value {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v
		}
	}
	return nil
}

// Run evaluates m on named inputs and returns its outputs, which may share the
// bytes of inputs and initializers. Inputs that have an initializer may be left
// out. Errors carry the codes unsupported_op, shape_mismatch, invalid_graph,
// too_large and timeout.
func Run(ctx context.Context, m *onnx.Model, inputs map[string]*onnx.Tensor, l Limits) (map[string]*onnx.Tensor, error) {
	return newRunner(ctx, m, l).run(m.Graph, inputs)
}

func (r *runner) run(g *onnx.Graph, inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error) {
	s := &scope{values: make(map[string]*value, len(g.Nodes)+len(inputs)+len(g.Initializers))}
	for name, v := range r.initializers(g) {
		s.values[name] = v
	}
	declared := map[string]bool{}
	for _, v := range g.Inputs {
		declared[v.Name] = true
		t := inputs[v.Name]
		if t == nil {
			if s.values[v.Name] == nil {
				return nil, fmt.Errorf("onnxref: no input %q", v.Name)
			}
			continue
		}
		if err := accepts(v, t); err != nil {
			return nil, err
		}
		s.values[v.Name] = fromTensor(t)
	}
	for name := range inputs {
		if !declared[name] {
			return nil, fmt.Errorf("onnxref: the model has no input %q", name)
		}
	}
	outputs, err := r.nodes(g, s)
	if err != nil {
		return nil, err
	}
	result := make(map[string]*onnx.Tensor, len(outputs))
	for i, v := range outputs {
		name := g.Outputs[i].Name
		if v.sequence {
			return nil, errs.New(errs.UnsupportedOp, "output %q is a sequence", name).At(name).Accepts("tensors")
		}
		result[name] = v.tensor(name)
	}
	return result, nil
}

// accepts compares a tensor with the declaration of its input.
func accepts(v onnx.Value, t *onnx.Tensor) error {
	fits := v.Dims == nil || len(v.Dims) == len(t.Dims)
	for i := 0; fits && i < len(v.Dims); i++ {
		fits = v.Dims[i] < 0 || v.Dims[i] == int64(t.Dims[i])
	}
	if len(t.Raw) != t.Len()*t.Type.Width() {
		return fmt.Errorf("onnxref: input %q of dimensions %v has %d bytes", v.Name, t.Dims, len(t.Raw))
	}
	if v.Type != 0 && v.Type != t.Type || !fits {
		return errs.New(errs.ShapeMismatch, "input %q of type %d and dimensions %v is given type %d and dimensions %v", v.Name, v.Type, v.Dims, t.Type, t.Dims).At(v.Name)
	}
	return nil
}

// initializers are the constants of a graph, made once however often it runs.
func (r *runner) initializers(g *onnx.Graph) map[string]*value {
	values, ok := r.constants[g]
	if !ok {
		values = make(map[string]*value, len(g.Initializers))
		for _, t := range g.Initializers {
			v := fromTensor(t)
			v.held = &holding{names: 1} // its other forms
			values[t.Name] = v
		}
		r.constants[g] = values
	}
	return values
}

// body runs a graph inside a node on its inputs in order. The node holds the
// outputs until they are dropped.
func (r *runner) body(g *onnx.Graph, outer *scope, inputs ...*value) ([]*value, error) {
	if len(inputs) != len(g.Inputs) {
		return nil, errs.New(errs.InvalidGraph, "the graph %q has %d inputs and is given %d", g.Name, len(g.Inputs), len(inputs)).At(g.Name)
	}
	constants := &scope{values: r.initializers(g), outer: outer}
	s := &scope{values: make(map[string]*value, len(inputs)+len(g.Nodes)), outer: constants}
	for i, v := range g.Inputs {
		s.values[v.Name] = inputs[i]
		r.hold(inputs[i])
	}
	outputs, err := r.nodes(g, s)
	if err != nil {
		return nil, err
	}
	for _, v := range outputs {
		r.hold(v)
	}
	for _, v := range s.values {
		r.drop(v)
	}
	return outputs, nil
}

// nodes executes a graph's nodes and returns its outputs.
func (r *runner) nodes(g *onnx.Graph, s *scope) ([]*value, error) {
	for i, n := range g.Nodes {
		if err := r.exec(n, s); err != nil {
			return nil, err
		}
		r.dropDead(g, s, i)
	}
	outputs := make([]*value, len(g.Outputs))
	for i, o := range g.Outputs {
		if outputs[i] = s.get(o.Name); outputs[i] == nil {
			return nil, errs.New(errs.InvalidGraph, "nothing makes the output %q", o.Name).At(o.Name)
		}
	}
	return outputs, nil
}

// exec runs one node and adds its outputs to the scope.
func (r *runner) exec(n *onnx.Node, s *scope) error {
	if r.left.Nodes--; r.left.Nodes < 0 {
		return errs.New(errs.TooLarge, "more than %d nodes were executed", r.limits.Nodes).At(n.Label()).Accepts("loops that end sooner")
	}
	run, ok := operators[opKey{n.Domain, n.OpType}]
	if !ok {
		name := n.OpType
		if n.Domain != "" {
			name = n.Domain + "." + name
		}
		return errs.New(errs.UnsupportedOp, "node %q: the operator %s is not evaluated", n.Label(), name).At(n.Label())
	}
	c := r.begin(n, s)
	defer r.end(c)
	if n.Domain == "" && c.version < 7 {
		return c.fail(errs.UnsupportedOp, "opset %d", c.version).Accepts("opset 7 or newer")
	}
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		if c.in[i] = s.get(name); c.in[i] == nil {
			return c.fail(errs.InvalidGraph, "nothing makes its input %q", name)
		}
	}
	outputs, err := c.protect(run)
	if err != nil {
		return c.locate(err)
	}
	for i, name := range n.Outputs {
		if name == "" || i >= len(outputs) || outputs[i] == nil { // the latter: an error once somebody reads it
			continue
		}
		s.values[name] = outputs[i]
		r.hold(outputs[i])
	}
	for _, v := range c.kept {
		r.drop(v)
	}
	c.settle()
	return nil
}

// begin returns a call of n, which may have been one that has ended: nothing
// keeps them.
func (r *runner) begin(n *onnx.Node, s *scope) *call {
	c := &call{}
	if last := len(r.ended) - 1; last >= 0 {
		c, r.ended = r.ended[last], r.ended[:last]
	}
	in := slices.Grow(c.in[:0], len(n.Inputs))[:len(n.Inputs)]
	clear(in)
	*c = call{runner: r, node: n, version: r.opsets[n.Domain], scope: s, in: in}
	return c
}

func (r *runner) end(c *call) { r.ended = append(r.ended, c) }

// protect runs an operator. Operators check what they read; should one fail to,
// the graph is refused and the process lives.
func (c *call) protect(run operator) (outputs []*value, err error) {
	if err := c.poll(); err != nil {
		return nil, err
	}
	if c.guard {
		defer func() {
			if p := recover(); p != nil {
				err = c.fail(errs.InvalidGraph, "%v", p)
			}
		}()
	}
	return run(c)
}

// locate names the node in an error that names none.
func (c *call) locate(err error) error {
	var e *errs.Error
	switch {
	case !errors.As(err, &e):
		return c.fail(errs.InvalidGraph, "%w", err)
	case e.Node != "":
		return err
	}
	named := c.fail(e.Code, "%s: %w", e.Detail, e.Unwrap())
	if e.Unwrap() == nil {
		named = c.fail(e.Code, "%s", e.Detail)
	}
	named.Accepted, named.Hint = e.Accepted, e.Hint
	return named
}

// poll looks at the context.
func (r *runner) poll() error {
	if err := r.ctx.Err(); err != nil {
		return errs.New(errs.Timeout, "the graph was still running: %w", err).Accepts("a graph that is evaluated in time")
	}
	return nil
}

// spend accounts for work inside a node.
func (r *runner) spend(work int64) error {
	r.left.Work -= work
	r.unpolled += work
	if r.left.Work < 0 {
		return errs.New(errs.TooLarge, "the graph takes more than %d operations", r.limits.Work)
	}
	if r.unpolled < pollEvery {
		return nil
	}
	r.unpolled = 0
	return r.poll()
}
