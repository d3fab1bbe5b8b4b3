package importer

import (
	"cmp"
	"context"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
)

// view is a graph with what recognisers ask of it: who makes a value, what is
// constant, what a value is for given inputs.
type view struct {
	ctx       context.Context
	limits    onnxref.Limits // of one evaluation
	model     *onnx.Model
	graph     *onnx.Graph
	order     map[*onnx.Node]int
	maker     map[string]*onnx.Node
	constants tensors         // initializers and what has been folded
	varying   map[string]bool // values that depend on an input or on chance
	samples   tensors         // values of the graph inputs
	opened    tensors         // constants that are initial states, and vary
	front     *front          // what is passed once for all evaluations; nil: nothing
	place     string          // for a graph inside a node: where it is
	loop      *body           // for the body of a loop: the loop
	stretch   int64           // how many times as long as usual the random inputs are; 0: once
	outside   *outside        // what runs the graph to compare with; nil: evaluate
	unread    []error         // recurrences that were found and cannot be read
	exceeded  *error          // the first evaluation of all views that went beyond the limits
}

func newView(ctx context.Context, m *onnx.Model) *view {
	g := m.Graph
	constants, varying := make(tensors, len(g.Initializers)), make(map[string]bool, len(g.Nodes))
	for _, t := range g.Initializers {
		constants[t.Name] = t
	}
	for _, in := range g.Inputs {
		if constants[in.Name] == nil { // before IR 4 initializers are listed as inputs too
			varying[in.Name] = true
		}
	}
	return (&view{ctx: ctx, limits: limitsFor(g), model: m, graph: g, constants: constants, varying: varying, exceeded: new(error)}).index()
}

// limitsFor bounds one evaluation, so that memory stays within a few times the
// file and no upload keeps the processor.
func limitsFor(g *onnx.Graph) onnxref.Limits {
	l := onnxref.Limits{Memory: 12 << 20, Nodes: 200_000, Work: 2 << 30}
	for _, t := range g.Initializers {
		l.Memory += int64(len(t.Raw))
	}
	return l
}

// newInnerView is the view of a graph inside a node, with what is constant and
// what varies of the values around it.
func newInnerView(outer *view, g *onnx.Graph, constants tensors, varying map[string]bool) *view {
	for _, t := range g.Initializers {
		constants[t.Name] = t
	}
	m := *outer.model
	m.Graph = g
	return (&view{ctx: outer.ctx, limits: outer.limits, model: &m, graph: g, constants: constants, varying: varying, exceeded: outer.exceeded}).index()
}

// index notes who makes what and what varies with the inputs.
func (v *view) index() *view {
	n := len(v.graph.Nodes)
	v.order, v.maker = make(map[*onnx.Node]int, n), make(map[string]*onnx.Node, n)
	for i, n := range v.graph.Nodes {
		v.order[n] = i
		varies := chance[n.OpType] || slices.ContainsFunc(n.Reads(), func(name string) bool { return v.varying[name] })
		for _, o := range n.Outputs {
			if o == "" {
				continue
			}
			v.maker[o] = n
			if varies {
				v.varying[o] = true
			}
		}
	}
	return v
}

// replace puts a node in place of another that makes the same values, and
// perhaps more.
func (v *view) replace(old, n *onnx.Node) {
	g := *v.graph
	g.Nodes = slices.Clone(g.Nodes)
	g.Nodes[v.order[old]] = n
	v.graph = &g
	v.order[n] = v.order[old]
	for _, o := range n.Outputs {
		v.maker[o], v.varying[o] = n, true
	}
}

// chance lists the ops whose result is drawn.
var chance = map[string]bool{
	"RandomNormal": true, "RandomUniform": true, "RandomNormalLike": true, "RandomUniformLike": true, "Multinomial": true, "Bernoulli": true,
}

// constant returns a value that depends on no input, folding what makes it; nil
// and no error where it varies.
func (v *view) constant(name string) (*onnx.Tensor, error) {
	if t := v.constants[name]; t != nil {
		return t, nil
	}
	if v.varying[name] || name == "" {
		return nil, nil
	}
	values, err := v.evaluate(nil, name)
	if err != nil {
		return nil, err
	}
	v.constants[name] = values[name]
	return values[name], nil
}

// settled is constant, also for what depends on the sizes of inputs alone.
func (v *view) settled(name string) (*onnx.Tensor, error) {
	t, err := v.constant(name)
	if t != nil || err != nil || !v.varying[name] || !v.ofShape()[name] {
		return t, err
	}
	values, err := v.evaluate(v.sampleInputs(), name)
	if err == nil {
		v.constants[name] = values[name]
		delete(v.varying, name)
	}
	return values[name], err
}

// evaluate runs the part of the graph that makes targets, with given in place
// of the values of those names.
func (v *view) evaluate(given tensors, targets ...string) (tensors, error) {
	part, err := v.part(given, targets)
	if err != nil {
		return nil, err
	}
	inputs := tensors{}
	for _, in := range part.Inputs {
		inputs[in.Name] = given[in.Name]
	}
	values, err := v.run(part, inputs)
	if err != nil {
		return nil, err
	}
	for _, name := range targets { // what needs no node
		if t := given[name]; t != nil {
			values[name] = t
		} else if t := v.constants[name]; t != nil {
			values[name] = t
		}
	}
	return values, nil
}

// run evaluates a graph under the model's opsets.
func (v *view) run(g *onnx.Graph, inputs tensors) (tensors, error) {
	if v.outside != nil && v.outside.nodes {
		return v.outside.run(v, g, inputs)
	}
	values, err := onnxref.Run(v.ctx, &onnx.Model{IRVersion: v.model.IRVersion, Opsets: v.model.Opsets, Graph: g}, inputs, v.limits)
	if code := errs.CodeOf(err); *v.exceeded == nil && v.limits.Work != reachWork && (code == errs.TooLarge || code == errs.Timeout) {
		*v.exceeded = err
	}
	return values, err
}

// part is the graph of the nodes that targets need when given is known.
func (v *view) part(given tensors, targets []string) (*onnx.Graph, error) {
	g := &onnx.Graph{Name: "part"}
	seen := make(map[string]bool, 2*len(targets))
	taken := make([]bool, len(v.graph.Nodes))
	for open := slices.Clone(targets); len(open) > 0; {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[name] || name == "" {
			continue
		}
		seen[name] = true
		if given[name] != nil {
			g.Inputs = append(g.Inputs, onnx.Value{Name: name, Type: given[name].Type})
			continue
		}
		if t := v.constants[name]; t != nil {
			g.Initializers = append(g.Initializers, t)
			continue
		}
		n := v.maker[name]
		if n == nil {
			return nil, errs.New(errs.InvalidGraph, "%q depends on an input without a value", name).At(name)
		}
		if i := v.order[n]; !taken[i] {
			taken[i] = true
			g.Nodes = append(g.Nodes, n)
			open = append(open, n.Reads()...)
		}
	}
	slices.SortFunc(g.Nodes, func(a, b *onnx.Node) int { return cmp.Compare(v.order[a], v.order[b]) })
	for _, name := range targets {
		if given[name] == nil && v.constants[name] == nil {
			g.Outputs = append(g.Outputs, onnx.Value{Name: name})
		}
	}
	return g, nil
}

// sort puts recurrences in the order of the graph.
func (v *view) sort(found []*recurrence) {
	slices.SortStableFunc(found, func(a, b *recurrence) int {
		return cmp.Compare(v.position(a), v.position(b))
	})
}

// position is the place of the first node that makes one of r's outputs.
func (v *view) position(r *recurrence) int {
	at := len(v.graph.Nodes)
	for _, name := range r.outputs() {
		if n := v.maker[name]; n != nil {
			at = min(at, v.order[n])
		}
	}
	return at
}

// below lists the values that the named ones depend on, themselves included.
func (v *view) below(names ...string) map[string]bool { return v.belowUntil(nil, names...) }

// belowUntil is below without what stands behind the values in stop.
func (v *view) belowUntil(stop map[string]bool, names ...string) map[string]bool {
	seen := map[string]bool{}
	for open := slices.Clone(names); len(open) > 0; {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		if n := v.maker[name]; n != nil && !stop[name] {
			open = append(open, n.Reads()...)
		}
	}
	return seen
}

// above lists the values that depend on the named ones, themselves included.
func (v *view) above(names ...string) map[string]bool {
	seen := map[string]bool{}
	first := len(v.graph.Nodes)
	for _, name := range names {
		seen[name] = true
		if n := v.maker[name]; n != nil {
			first = min(first, v.order[n])
		} else {
			first = 0
		}
	}
	delete(seen, "")
	for _, n := range v.graph.Nodes[min(first, len(v.graph.Nodes)):] {
		if slices.ContainsFunc(n.Reads(), func(name string) bool { return seen[name] }) {
			for _, o := range n.Outputs {
				seen[o] = true
			}
		}
	}
	delete(seen, "")
	return seen
}

// readers lists the nodes that read a value.
func (v *view) readers(name string) []*onnx.Node {
	var list []*onnx.Node
	for _, n := range v.graph.Nodes {
		if slices.Contains(n.Reads(), name) {
			list = append(list, n)
		}
	}
	return list
}
