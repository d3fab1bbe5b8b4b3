package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// Verifier runs a file's own graph, for comparison with what was recovered from
// it, in an implementation of ONNX that is not this program's. A model is
// self-contained; its inputs and outputs are float32 or int64.
type Verifier interface {
	Name() string // of the implementation
	Run(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error)
}

// outside observes values of a graph in a Verifier.
type outside struct {
	Verifier
	original *onnx.Model // as it came, before it was lowered
	partly   bool        // what was run is the lowered part of the graph
	nodes    bool        // every graph that the view runs goes to the Verifier
}

// stretches are how many times as long as usual the inputs are that are tried:
// what is in front of an RNN may need hundreds of values.
var stretches = []int64{1, 16, 128}

// Tolerances of graphs that compute with 8 or 16 bits where the recovered RNN does
// not. ONNX Runtime rounds the states of a DynamicQuantizeLSTM to 8 bits at every
// step, whoever reads them: with hundreds of units that makes some 0.03.
const (
	roundedTolerance       = quantisedTolerance
	roundedStatesTolerance = 5e-2
)

// outsideTolerance is what the graph as it is may differ by, and a note on that.
// notes are those of lowering.
func outsideTolerance(notes []string, original *onnx.Graph) (float64, string) {
	switch {
	case !slices.Contains(notes, quantisedNote) && !slices.Contains(notes, narrowNote):
		return tolerance, ""
	case slices.ContainsFunc(original.Nodes, func(n *onnx.Node) bool { return n.OpType == "DynamicQuantizeLSTM" }):
		return roundedStatesTolerance, fmt.Sprintf("the graph rounds states to 8 bits at every step, which the RNN here does not: held to %.2g instead of %.2g", roundedStatesTolerance, tolerance)
	}
	return roundedTolerance, fmt.Sprintf("the graph computes with 8 or 16 bits where the RNN here does not: held to %.2g instead of %.2g", roundedTolerance, tolerance)
}

// verifyOutside is verify by a Verifier: the whole graph, or the part of it
// around the RNN, or, where neither runs, the recurrent nodes by themselves.
func verifyOutside(best candidate, m *rnn.Model, original *onnx.Model, verifier Verifier, notes []string, seed uint64) (Verification, error) {
	v := best.wiring.view
	v.outside = &outside{Verifier: verifier, original: original}
	defer func() { v.outside = nil }()
	random := rng.Stream(seed, "importer verification", 0)
	var c comparison
	var err, first error
	for _, v.stretch = range stretches {
		v.outside.partly = false
		if c, err = best.compareGraph(v, m, random); err == nil || errs.CodeOf(err) == errs.VerificationAborted {
			break
		}
		first = cmp.Or(first, err)
	}
	report := Verification{Method: verifier.Name()}
	accepted := tolerance
	if v.outside.partly {
		report.Note = "ran the part of the graph that makes up the RNN"
	} else {
		accepted, report.Note = outsideTolerance(notes, original.Graph)
	}
	if err != nil && errs.CodeOf(err) != errs.VerificationAborted && best.solitary() {
		v.outside.nodes, accepted, report.Note = true, tolerance, "ran the recurrent nodes by themselves, as the graph does not run on random inputs"
		c, err = best.compareNodes(v, m, random)
	}
	if err != nil {
		return Verification{}, incomplete(verifier, cmp.Or(first, err))
	}
	if slices.Contains(notes, rangesNote) {
		accepted = math.MaxFloat32
		report.Note = "not held to a bound, as the graph clips values to the ranges of its QuantizeLinear nodes"
	}
	if err := c.refusal(m, "the graph in "+verifier.Name(), accepted); err != nil {
		return Verification{}, err
	}
	report.MaxAbsError = c.deviation
	return report, nil
}

// incomplete is the refusal of a graph that does not run.
func incomplete(verifier Verifier, err error) error {
	if code := errs.CodeOf(err); code == errs.VerificationIncomplete || code == errs.VerificationAborted {
		return err
	}
	return errs.New(errs.VerificationIncomplete, "the graph does not run on random inputs, to compare with %s: %w", verifier.Name(), err)
}

// observe is evaluate by the Verifier, where there is one. starts name states,
// in whose place there are zeros.
func (v *view) observe(given tensors, starts []string, names []string) (tensors, error) {
	if v.outside == nil {
		if err := v.zero(given, starts); err != nil {
			return nil, err
		}
		return v.evaluate(given, names...)
	}
	p, err := v.outside.whole(v, given, starts, names)
	if errors.Is(err, errNotThere) {
		if err := v.zero(given, starts); err != nil {
			return nil, err
		}
		v.outside.partly = true
		p, err = v.outside.part(v, given, names)
	}
	if err != nil {
		return nil, err
	}
	values, err := v.outside.probe(v, p)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if values[name] == nil {
			values[name] = given[name]
		}
	}
	return values, nil
}

// run runs a graph in the Verifier.
func (o *outside) run(v *view, g *onnx.Graph, inputs tensors) (tensors, error) {
	h := *g
	h.Nodes, h.Inputs = slices.Clone(g.Nodes), slices.Clone(g.Inputs)
	for i := range h.Inputs {
		h.Inputs[i].Type = inputs[h.Inputs[i].Name].Type
	}
	p := &probe{graph: &h}
	if err := p.feed(inputs); err != nil {
		return nil, err
	}
	var names []string
	for _, out := range g.Outputs {
		names = append(names, out.Name)
	}
	p.show(names)
	return o.probe(v, p)
}

// probe runs a probe and returns what it shows.
func (o *outside) probe(v *view, p *probe) (tensors, error) {
	model := onnx.Marshal(&onnx.Model{IRVersion: v.model.IRVersion, Opsets: v.model.Opsets, Graph: p.graph})
	got, err := o.Run(context.WithoutCancel(v.ctx), model, p.fed, slices.Collect(maps.Values(p.seen)))
	if err != nil {
		return nil, err
	}
	values := tensors{}
	for name, seen := range p.seen {
		values[name] = got[seen]
	}
	return values, nil
}

// errNotThere says that the original graph does not have a value.
var errNotThere = errors.New("the graph has no such value")

// probe is a graph to run, with its inputs and, for each value to see, the name
// of the output that shows it.
type probe struct {
	graph *onnx.Graph
	fed   map[string]*onnx.Tensor
	seen  map[string]string
}

// whole makes a probe of the original graph, less the nodes that nothing to see
// needs.
func (o *outside) whole(v *view, given tensors, starts, names []string) (*probe, error) {
	g := *o.original.Graph
	if v.place != "" {
		return nil, errNotThere
	}
	known := map[string]bool{}
	for _, in := range g.Inputs {
		known[in.Name] = true
	}
	var zeroed []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(starts))) {
		if t := given[name]; t != nil && v.opened[name] == nil {
			given[name] = &onnx.Tensor{Name: name, Type: t.Type, Dims: t.Dims, Raw: make([]byte, len(t.Raw))}
		} else {
			zeroed = append(zeroed, name)
		}
	}
	for _, t := range g.Initializers {
		known[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, out := range n.Outputs {
			known[out] = true
		}
	}
	for _, name := range append(slices.Clone(names), zeroed...) {
		if !known[name] {
			return nil, fmt.Errorf("%w: %q", errNotThere, name)
		}
	}
	g.Nodes = slices.Clone(g.Nodes)
	for _, name := range zeroed {
		if err := zeroInGraph(&g, name); err != nil {
			return nil, err
		}
	}
	p := &probe{graph: &g}
	p.lengthen()
	if err := p.feed(given); err != nil {
		return nil, err
	}
	p.show(names)
	(&lowering{graph: &g}).prune()
	return p, nil
}

// part makes a probe of the nodes that make what is to be seen.
func (o *outside) part(v *view, given tensors, names []string) (*probe, error) {
	g, err := v.part(given, names)
	if err != nil {
		return nil, err
	}
	p := &probe{graph: g}
	p.lengthen()
	if err := p.feed(given); err != nil {
		return nil, err
	}
	p.show(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return given[name] != nil }))
	return p, nil
}

// zeroInGraph lets the readers of a value read zeros of its size and type.
func zeroInGraph(g *onnx.Graph, name string) error {
	zeros := name + "'zeros"
	for i, n := range g.Nodes {
		if !slices.Contains(n.Reads(), name) {
			continue
		}
		m := *n
		m.Inputs = slices.Clone(n.Inputs)
		for k := range m.Inputs {
			if m.Inputs[k] == name {
				m.Inputs[k] = zeros
			}
		}
		if slices.Contains(m.Reads(), name) { // in a graph inside it
			return fmt.Errorf("%w: zeros in place of %q", errNotThere, name)
		}
		g.Nodes[i] = &m
	}
	made := slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, name) }) // -1: an initializer
	g.Nodes = slices.Insert(g.Nodes, made+1, &onnx.Node{OpType: "Sub", Inputs: []string{name, name}, Outputs: []string{zeros}})
	return nil
}

// lengthen lets the recurrent nodes read every sequence to its end.
func (p *probe) lengthen() {
	for i, n := range p.graph.Nodes {
		if isRecurrentOp(n) && n.Input(inputLengths) != "" {
			m := *n
			m.Inputs = slices.Clone(n.Inputs)
			m.Inputs[inputLengths] = ""
			p.graph.Nodes[i] = &m
		}
	}
}

// feed gives the graph's inputs their values. Of other types than float32 and
// int64, a Cast makes them.
func (p *probe) feed(given tensors) error {
	g := p.graph
	g.Inputs = slices.Clone(g.Inputs)
	stored := map[string]bool{}
	for _, t := range g.Initializers {
		stored[t.Name] = true
	}
	p.fed = map[string]*onnx.Tensor{}
	for i := range g.Inputs {
		in := &g.Inputs[i]
		t := given[in.Name]
		switch {
		case stored[in.Name]:
			continue
		case t == nil:
			return fmt.Errorf("there is no value for the input %q", in.Name)
		}
		wanted, name := in.Type, in.Name
		var fed *onnx.Tensor
		if t.Type.Float() {
			fed = onnx.NewFloats(name, t.Float32s(), t.Dims...)
		} else {
			fed = onnx.NewInts(name, t.Int64s(), t.Dims...)
		}
		if wanted != fed.Type {
			name += "'fed"
			g.Nodes = slices.Insert(g.Nodes, 0, cast(name, in.Name, wanted))
			in.Name, in.Type = name, fed.Type
		}
		p.fed[name] = fed
	}
	return nil
}

// show makes outputs of values, as float32.
func (p *probe) show(names []string) {
	p.graph.Outputs, p.seen = nil, map[string]string{}
	for _, name := range names {
		if name == "" || p.seen[name] != "" {
			continue
		}
		p.seen[name] = name + "'seen"
		p.graph.Nodes = append(p.graph.Nodes, cast(name, p.seen[name], onnx.Float32))
		p.graph.Outputs = append(p.graph.Outputs, onnx.Value{Name: p.seen[name], Type: onnx.Float32})
	}
}

func cast(from, to string, kind onnx.DType) *onnx.Node {
	return &onnx.Node{OpType: "Cast", Inputs: []string{from}, Outputs: []string{to}, Attributes: map[string]*onnx.Attribute{"to": {Type: onnx.AttributeInt, Int: int64(kind)}}}
}
