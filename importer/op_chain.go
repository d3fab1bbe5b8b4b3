package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// join puts sequences one after the other in time.
func join(parts []sequence) (sequence, error) {
	s := sequence{batch: parts[0].batch, width: parts[0].width}
	for _, p := range parts {
		if p.batch != s.batch || p.width != s.width {
			return s, errs.New(errs.ShapeMismatch, "steps of %d by %d and %d by %d values follow each other", s.batch, s.width, p.batch, p.width)
		}
		s.steps += p.steps
		s.data = append(s.data, p.data...)
	}
	return s, nil
}

// chainOps makes one recurrence of nodes that share their weights and start from
// each other's final states: a cell called step by step.
func (v *view) chainOps(found []*recurrence) []*recurrence {
	var out []*recurrence
	for _, r := range found {
		i := slices.IndexFunc(out, func(o *recurrence) bool { return v.continues(o, r) })
		if i < 0 {
			out = append(out, r)
			continue
		}
		links := []*opPorts{r.ports.(*opPorts)}
		if c, ok := out[i].ports.(*chainPorts); ok {
			links = append(slices.Clone(c.links), links...)
		} else {
			links = append([]*opPorts{out[i].ports.(*opPorts)}, links...)
		}
		chained := *out[i]
		chained.form = "unrolled " + r.form
		chained.ports = &chainPorts{links}
		out[i] = &chained
	}
	return out
}

// continues tells whether the node r goes on where o ends.
func (v *view) continues(o, r *recurrence) bool {
	last, ok := o.ports.(*opPorts)
	if c, chained := o.ports.(*chainPorts); chained {
		last, ok = c.links[len(c.links)-1], true
	}
	if !ok || o.layer != r.layer || r.layer.Bidirectional || r.layer.Reverse {
		return false
	}
	for _, i := range []int{inputW, inputR, inputB, inputP} {
		if v.constants[last.node.Input(i)] != v.constants[r.op.Input(i)] {
			return false
		}
	}
	from := v.moved(r.op.Input(inputH))
	return from != "" && slices.Contains(last.node.Outputs, from)
}

// moved is the value that a value is, in another shape.
func (v *view) moved(name string) string {
	for n := v.maker[name]; n != nil && n.Domain == "" && moves[n.OpType] && v.varying[n.Inputs[0]]; n = v.maker[name] {
		name = n.Inputs[0]
	}
	return name
}

// chainPorts tie nodes that continue each other.
type chainPorts struct{ links []*opPorts }

func (p *chainPorts) each(names func(*opPorts) []string) (all []string) {
	for _, l := range p.links {
		all = append(all, names(l)...)
	}
	return all
}

func (p *chainPorts) needs() []string    { return p.each((*opPorts).needs) }
func (p *chainPorts) outputs() []string  { return p.each((*opPorts).outputs) }
func (p *chainPorts) observed() []string { return p.each((*opPorts).observed) }
func (p *chainPorts) starts() []string   { return p.links[0].starts() }

func (p *chainPorts) input(values tensors) (sequence, error) {
	var parts []sequence
	for _, l := range p.links {
		s, err := l.input(values)
		if err != nil {
			return s, err
		}
		parts = append(parts, s)
	}
	return join(parts)
}

// emit computes the outputs; the graph's own values stay.
func (p *chainPorts) emit(_ *wiring, r *recurrence, x sequence) (sequence, error) { return r.apply(x) }

func (p *chainPorts) deviation(values tensors, y sequence) float64 {
	worst, at := 0.0, 0
	for _, l := range p.links {
		s, err := l.input(values)
		if err != nil {
			return inf
		}
		n := s.steps * y.batch * y.width
		worst = max(worst, l.deviation(values, sequence{s.steps, y.batch, y.width, y.data[at : at+n]}))
		at += n
	}
	return worst
}

func (p *chainPorts) remarks(w *wiring) []string { return p.links[0].remarks(w) }

// ops finds recurrent nodes in the body of a loop that carry their state from
// one iteration to the next: each is a step.
func (b *body) ops() []*recurrence {
	inner, err := recogniseOps(b.inner)
	if err != nil {
		b.outer.unread = append(b.outer.unread, err)
	}
	var found []*recurrence
	for _, r := range inner {
		op, ok := r.ports.(*opPorts)
		if !ok || !b.carries(op.node) {
			continue
		}
		names := b.record(op.node.Inputs[inputX], op.observed()[0])
		p := &loopOpPorts{op: op, node: b.node, read: names[0], made: names[1]}
		for _, start := range op.starts() {
			if outside := b.outside(b.inner.moved(start)); outside != "" {
				p.initial = append(p.initial, outside)
			}
		}
		found = append(found, &recurrence{name: r.name, form: r.form + " in " + b.node.OpType, layer: r.layer, load: r.load, ports: p})
	}
	return found
}

// carries tells whether a node starts an iteration from where it ended the last.
func (b *body) carries(n *onnx.Node) bool {
	start := b.inner.moved(n.Input(inputH))
	for _, s := range b.states {
		if s[0] == start && slices.Contains(n.Outputs, b.inner.moved(s[1])) {
			return true
		}
	}
	return false
}

// loopOpPorts tie a recurrent node that is a step of a loop.
type loopOpPorts struct {
	op         *opPorts
	node       *onnx.Node
	read, made string // recorded: X, and Y or Y_h
	initial    []string
}

func (p *loopOpPorts) needs() []string    { return []string{p.read} }
func (p *loopOpPorts) observed() []string { return []string{p.made} }
func (p *loopOpPorts) starts() []string   { return p.initial }
func (p *loopOpPorts) outputs() []string  { return p.node.Outputs }

func (p *loopOpPorts) input(values tensors) (sequence, error) {
	var parts []sequence
	for _, x := range unstack(values[p.read]) {
		s, err := p.op.sequence(x)
		if err != nil {
			return s, err
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return sequence{}, errs.New(errs.ShapeMismatch, "the loop %q makes no step", p.node.Label()).At(p.node.Label())
	}
	return join(parts)
}

// emit computes the outputs; the graph's own values stay.
func (p *loopOpPorts) emit(_ *wiring, r *recurrence, x sequence) (sequence, error) { return r.apply(x) }

func (p *loopOpPorts) deviation(values tensors, y sequence) float64 {
	made := unstack(values[p.made])
	if len(made) == 0 || y.steps%len(made) != 0 {
		return inf
	}
	steps := y.steps / len(made)
	n := steps * y.batch * y.width
	name := p.op.observed()[0]
	worst := 0.0
	for i, t := range made {
		part := sequence{steps, y.batch, y.width, y.data[i*n : (i+1)*n]}
		want := tensors{}
		p.op.mark(want, part)
		got := t.Float32s()
		if len(got) != want[name].Len() {
			return inf
		}
		worst = max(worst, distance(got, want[name].Float32s()))
	}
	return worst
}

func (p *loopOpPorts) remarks(*wiring) []string { return nil }
