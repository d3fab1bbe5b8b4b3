package importer

import (
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() { register(recogniseLoops) }

// maxStates bounds the carried values of one loop that are tried as states.
const maxStates = 12

// maxLoops bounds the loops that are looked into.
const maxLoops = 64

// recogniseLoops finds recurrences in Loop and Scan nodes: carried values that
// an iteration changes as a cell does.
func recogniseLoops(v *view) ([]*recurrence, error) {
	var found []*recurrence
	var first error
	loops := 0
	for _, n := range v.graph.Nodes {
		b, ok := openBody(v, n)
		if !ok {
			continue
		}
		if loops++; loops > maxLoops {
			return found, errs.New(errs.TooLarge, "the graph has more than %d loops", maxLoops).At(n.Label())
		}
		here := append(b.ops(), b.recurrences()...)
		if len(here) == 0 && len(b.states) > 0 && first == nil {
			first = errs.New(errs.UnsupportedCell, "node %q (%s) carries values from step to step in no way that an LSTM, GRU or Elman cell does", n.Label(), n.OpType).
				At(n.Label()).Accepts("loops whose body is one step of such cells")
		}
		found = append(found, here...)
	}
	return found, first
}

// recurrences finds the cells in the body.
func (b *body) recurrences() []*recurrence {
	var found []*recurrence
	used := map[string]bool{}
	for _, s := range b.steps() {
		if used[s.h] || used[s.c] {
			continue
		}
		c, ok := s.cell()
		if !ok || !c.identity() {
			continue
		}
		used[s.h], used[s.c] = true, s.c != ""
		names := b.record(c.input.data, s.next)
		p := &loopPorts{node: b.node, cell: c, read: names[0], state: names[1]}
		if c.input.source {
			p.project(b.outer)
		}
		for _, before := range []string{s.h, s.c} {
			if outside := b.outside(before); outside != "" {
				p.initial = append(p.initial, outside)
			}
		}
		found = append(found, &recurrence{name: b.node.Label(), form: c.form() + " in " + b.node.OpType, layer: c.layer, load: c.load, ports: p})
	}
	return found
}

// steps lists the pairs of carried values that may be the states of a cell, with
// a cell state before those without.
func (b *body) steps() []*step {
	if len(b.states) > maxStates {
		return nil
	}
	var pairs, singles []*step
	for _, h := range b.states {
		if !b.given[h[0]].Type.Float() || b.given[h[0]].Len() == 0 {
			continue
		}
		singles = append(singles, &step{v: b.inner, given: b.given, h: h[0], next: h[1], inLoop: true})
		for _, c := range b.states {
			if c != h && b.given[c[0]].Type.Float() && b.given[c[0]].Len() == b.given[h[0]].Len() {
				pairs = append(pairs, &step{v: b.inner, given: b.given, h: h[0], next: h[1], c: c[0], nextC: c[1], inLoop: true})
			}
		}
	}
	return append(pairs, singles...)
}

// outside names the initial value of a carried one.
func (b *body) outside(before string) string {
	for i, in := range b.node.Attributes["body"].Graph.Inputs { // they correspond one to one
		if in.Name == before && i < len(b.node.Inputs) {
			return b.node.Inputs[i]
		}
	}
	return ""
}

// loopPorts tie a recurrence inside a Loop or Scan, whose inner values of every
// iteration have been made outputs.
type loopPorts struct {
	node        *onnx.Node
	cell        *stepCell
	read, state string // recorded: the input product's data, the hidden state
	outside     *projection
	initial     []string
}

func (p *loopPorts) needs() []string {
	if p.outside != nil {
		return []string{p.outside.data, p.read}
	}
	return []string{p.read}
}

func (p *loopPorts) observed() []string { return []string{p.state} }
func (p *loopPorts) starts() []string   { return p.initial }
func (p *loopPorts) outputs() []string  { return p.node.Outputs }

// input reads the recorded data, a slice for every step.
func (p *loopPorts) input(values tensors) (sequence, error) {
	if p.outside != nil {
		return p.outside.input(values[p.outside.data], len(unstack(values[p.read])))
	}
	var parts []sequence
	for _, data := range unstack(values[p.read]) {
		x, batch, err := p.cell.vectors(data)
		if err != nil {
			return sequence{}, err
		}
		parts = append(parts, sequence{1, batch, p.cell.layer.Inputs, x})
	}
	if len(parts) == 0 {
		return sequence{}, errs.New(errs.ShapeMismatch, "the loop %q makes no step", p.node.Label()).At(p.node.Label())
	}
	return join(parts)
}

// unstack cuts a tensor along its first axis.
func unstack(t *onnx.Tensor) []*onnx.Tensor {
	if len(t.Dims) == 0 || t.Len() == 0 {
		return nil
	}
	list := make([]*onnx.Tensor, t.Dims[0])
	n := len(t.Raw) / len(list)
	for i := range list {
		list[i] = &onnx.Tensor{Type: t.Type, Dims: t.Dims[1:], Raw: t.Raw[i*n : (i+1)*n]}
	}
	return list
}

// emit computes the outputs; the graph's own values stay.
func (p *loopPorts) emit(_ *wiring, r *recurrence, x sequence) (sequence, error) { return r.apply(x) }

func (p *loopPorts) deviation(values tensors, y sequence) float64 {
	states := unstack(values[p.state])
	if len(states) != y.steps {
		return inf
	}
	worst := 0.0
	for t, state := range states {
		worst = max(worst, p.cell.distance(state, y, t))
	}
	return worst
}

func (p *loopPorts) remarks(*wiring) []string { return nil }
