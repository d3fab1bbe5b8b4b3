package exporter

import (
	"fmt"
	"slices"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// A trace is one run of a bundle's encoder and predictors over some RNNs, as
// the tape recorded it. Values are told by the index of their record; absent
// ones are -1.
type trace struct {
	spec   rnn.Spec
	n      int // RNNs
	nodes  []grad.Node
	values [][]float32 // of inputs
	index  map[grad.Var]int
	probe  *probeTrace
	heads  heads
}

// heads are the values that become outputs.
type heads struct{ embedding, accuracy, gap, stage, task int }

// probeTrace says which records are a prober's: those before begin make script
// and initial state, those before end take one step.
type probeTrace struct {
	begin, end    int
	script, given int      // the script and the row given to the step; -1: none
	names         []string // of the state's parts
	before, after []int    // the state's parts, before and after the step
}

// newTrace runs the bundle over n RNNs of zero weights.
func newTrace(b *encoders.Bundle, spec rnn.Spec, n int) *trace {
	t := grad.NewTape().Inference()
	p := rnn.Bind(t, slices.Repeat([]*rnn.Model{rnn.NewModel(spec)}, n)...)
	var z, script, given grad.Var
	var begin, end int
	var before, after encoders.Probe
	prober, probes := b.Encoder.(encoders.Prober)
	if probes {
		script, before = prober.Script(t), prober.Begin(t, p)
		given = encoders.Given(script, 0, n)
		begin = records(t)
		after = prober.Advance(p, given, before)
		end = records(t)
		z = grad.L2Normalize(prober.Finish(after))
	} else {
		z = encoders.Embeddings(t, b.Encoder, p)
	}
	outputs := b.Predictors.Apply(z)
	tr := &trace{spec: spec, n: n, index: map[grad.Var]int{{}: -1}}
	for v, node := range t.Nodes() {
		tr.index[v] = len(tr.nodes)
		tr.nodes = append(tr.nodes, node)
		var value []float32
		if node.Op == grad.OpInput {
			value = v.Value()
		}
		tr.values = append(tr.values, value)
	}
	tr.heads = heads{tr.index[z], tr.index[outputs.Accuracy], tr.index[outputs.Gap], tr.index[outputs.Stage], tr.index[outputs.Task]}
	if probes {
		tr.probe = &probeTrace{begin: begin, end: end, script: tr.index[script], given: tr.index[given]}
		tr.probe.names, tr.probe.before = tr.state(before)
		_, tr.probe.after = tr.state(after)
	}
	return tr
}

func records(t *grad.Tape) (n int) {
	for range t.Nodes() {
		n++
	}
	return n
}

// state lists the parts of a prober's state that are there.
func (tr *trace) state(p encoders.Probe) (names []string, parts []int) {
	add := func(of string, states []grad.State) {
		for i, s := range states {
			for _, part := range []struct {
				name string
				v    grad.Var
			}{{"h", s.H}, {"c", s.C}} {
				if part.v != (grad.Var{}) {
					names, parts = append(names, fmt.Sprintf("%s_%s%d", of, part.name, i)), append(parts, tr.index[part.v])
				}
			}
		}
	}
	add("rnn", p.RNN)
	add("interrogator", p.Interrogator)
	if p.Answer != (grad.Var{}) {
		names, parts = append(names, "answer"), append(parts, tr.index[p.Answer])
	}
	return names, parts
}

// dim is a size in the file: a number, or a multiple of a named one.
type dim struct {
	factor int
	symbol string
}

// fixed is a size that is a plain number.
func fixed(n int) dim { return dim{factor: n} }

// free reports whether the size is not a plain number.
func (d dim) free() bool { return d.symbol != "" }

// String is the size as a dim_param.
func (d dim) String() string {
	switch {
	case !d.free():
		return fmt.Sprint(d.factor)
	case d.factor == 1:
		return d.symbol
	}
	return fmt.Sprintf("%d*%s", d.factor, d.symbol)
}

// unknown stands for a size that is no multiple of one symbol.
var unknown = dim{0, "?"}

// A record is what the traces have in common at one place of the tape.
type record struct {
	id         int
	op         grad.Op
	in         []int
	rows, cols dim
	models     dim
	offset     dim // scalar, where it counts rows or columns
	scalar     float32
	same       bool // the scalar is the same in every trace
	time       int  // steps of a recurrent op
	name       string
	param      *grad.Param
	value      []float32 // of a constant
	index      [][]int32 // of the traces
}

// A program is what an encoder computes for any number of RNNs and, if it is a
// prober, any hidden sizes: the traces of several sizes, laid over one another.
type program struct {
	traces  []*trace
	symbols []symbol // symbol i is one more in trace i+1 than in the others
	slots   []rnn.Slot
	shapes  [][]dim // of slots
	records []record
}

// A symbol is a size that a user of the file chooses.
type symbol struct {
	name string
	of   func(*trace) int
}

// count is the number of RNNs.
var count = symbol{"n", func(tr *trace) int { return tr.n }}

// hidden is the number of units of a layer.
func hidden(layer int) symbol {
	return symbol{fmt.Sprintf("h%d", layer), func(tr *trace) int { return tr.spec.Layers[layer].Hidden }}
}

// newProgram traces a bundle.
func newProgram(b *encoders.Bundle) (*program, error) {
	spec := b.Manifest.Encoder.Spec
	p := &program{symbols: []symbol{count}, traces: []*trace{newTrace(b, spec, 2), newTrace(b, spec, 3)}}
	for _, i := range freeLayers(b) {
		p.symbols = append(p.symbols, hidden(i))
		p.traces = append(p.traces, newTrace(b, widen(spec, i), 2))
	}
	if err := p.overlay(); err != nil {
		return nil, fmt.Errorf("tracing %s: %w", b.Name(), err)
	}
	p.slots = spec.Layout()
	for i, s := range p.slots {
		shape := []dim{{1, count.name}}
		for j := range s.Shape {
			shape = append(shape, p.size(func(tr *trace) int { return tr.spec.Layout()[i].Shape[j] }))
		}
		p.shapes = append(p.shapes, shape)
	}
	return p, nil
}

// freeLayers are the layers whose hidden size a user of the file chooses: a
// prober does not look inside the RNN, only at its outputs.
func freeLayers(b *encoders.Bundle) (layers []int) {
	spec := b.Manifest.Encoder.Spec
	if _, ok := b.Encoder.(encoders.Prober); !ok {
		return nil
	}
	for i := range spec.Layers {
		if i < len(spec.Layers)-1 || spec.Outputs > 0 {
			layers = append(layers, i)
		}
	}
	return layers
}

// widen returns s with one more unit in layer i.
func widen(s rnn.Spec, i int) rnn.Spec {
	s.Layers = slices.Clone(s.Layers)
	s.Layers[i].Hidden++
	if i+1 < len(s.Layers) {
		s.Layers[i+1].Inputs = s.Layers[i].Width()
	}
	return s
}

// size says how a size depends on the symbols.
func (p *program) size(of func(*trace) int) dim {
	base := of(p.traces[0])
	d := fixed(base)
	for i, s := range p.symbols {
		v := of(p.traces[i+1])
		if v == base {
			continue
		}
		was, is := s.of(p.traces[0]), s.of(p.traces[i+1])
		if d.free() || base%was != 0 || v != base/was*is {
			return unknown
		}
		d = dim{base / was, s.name}
	}
	return d
}

// overlay makes the records, and fails where the traces do different things.
func (p *program) overlay() error {
	first := p.traces[0]
	for _, tr := range p.traces[1:] {
		if len(tr.nodes) != len(first.nodes) {
			return fmt.Errorf("it takes %d operations for %d RNNs of %s, but %d for %d of %s", len(first.nodes), first.n, first.spec, len(tr.nodes), tr.n, tr.spec)
		}
	}
	for i, n := range first.nodes {
		r := record{id: i, op: n.Op, in: first.inputs(i), time: n.Steps, name: n.Name, param: n.Param, scalar: n.Scalar, same: true, value: first.values[i]}
		for _, tr := range p.traces {
			m := tr.nodes[i]
			if m.Op != n.Op || !slices.Equal(tr.inputs(i), r.in) || m.Name != n.Name || m.Param != n.Param || m.Steps != n.Steps {
				return fmt.Errorf("operation %d is %v for %d RNNs of %s, but %v for %d of %s", i, n.Op, first.n, first.spec, m.Op, tr.n, tr.spec)
			}
			r.same = r.same && m.Scalar == n.Scalar
			r.index = append(r.index, m.Index)
		}
		r.rows = p.size(func(tr *trace) int { return tr.nodes[i].Rows })
		r.cols = p.size(func(tr *trace) int { return tr.nodes[i].Cols })
		r.models = p.size(func(tr *trace) int { return tr.nodes[i].Models })
		r.offset = p.size(func(tr *trace) int { return int(tr.nodes[i].Scalar) })
		p.records = append(p.records, r)
	}
	return nil
}

// inputs are the records that record i reads.
func (tr *trace) inputs(i int) []int {
	var in []int
	for _, v := range tr.nodes[i].In {
		in = append(in, tr.index[v])
	}
	return in
}
