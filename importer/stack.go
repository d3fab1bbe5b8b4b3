package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// unit is one layer of a stack: a flow, or a forward and a backward flow over
// the same input whose outputs stand side by side.
type unit struct {
	parts []*flow
	layer rnn.Layer
	out   sequence
	below *unit // the layer it reads; nil: the stack's input
	read  bool  // by a layer above
}

func newUnit(parts ...*flow) *unit {
	u := &unit{parts: parts, layer: parts[0].layer, out: parts[0].out}
	if len(parts) == 2 {
		u.layer.Bidirectional = true
		u.out = beside(parts[0].out, parts[1].out)
	}
	return u
}

// pairs tells whether f and b are the two directions of one layer.
func pairs(f, b *flow) bool {
	forward, backward := f.layer, b.layer
	backward.Reverse = false
	return forward == backward && b.layer.Reverse && !forward.Bidirectional && f.in.equal(b.in)
}

// stack is a chain of layers, the lowest first, with its readout if it has one.
type stack struct {
	units   []*unit
	readout *readout
	above   map[string]bool // what depends on the top layer
}

// stacks joins flows into chains.
func (w *wiring) stacks() []stack {
	var units []*unit
	for _, f := range w.flows {
		u := newUnit(f)
		if f.reached {
			u.below = w.source(f, &units)
		}
		units = append(units, u)
	}
	units = w.pairTops(units)
	var stacks []stack
	for _, top := range units {
		if top.read {
			continue
		}
		var s stack
		for u := top; u != nil; u = u.below {
			s.units = append(s.units, u)
		}
		slices.Reverse(s.units)
		stacks = append(stacks, s)
	}
	return stacks
}

// source finds the unit whose output f reads; a pair of directions becomes one
// unit when it is read side by side.
func (w *wiring) source(f *flow, units *[]*unit) *unit {
	for _, u := range *units {
		if f.in.equal(u.out) {
			u.read = true
			return u
		}
	}
	for i, a := range *units {
		for j, b := range *units {
			if i == j || len(a.parts) > 1 || len(b.parts) > 1 || a.layer.Width()+b.layer.Width() != f.in.width || !pairs(a.parts[0], b.parts[0]) {
				continue
			}
			if u := newUnit(a.parts[0], b.parts[0]); f.in.equal(u.out) {
				u.below, u.read = a.below, true
				*units = slices.DeleteFunc(*units, func(x *unit) bool { return x == a || x == b })
				*units = append(*units, u)
				return u
			}
		}
	}
	return nil
}

// pairTops makes one unit of the two directions of a layer that no layer reads.
func (w *wiring) pairTops(units []*unit) []*unit {
	single := func(u *unit) bool { return !u.read && len(u.parts) == 1 }
	for i := 0; i < len(units); i++ {
		a := units[i]
		if !single(a) {
			continue
		}
		j := slices.IndexFunc(units, func(b *unit) bool { return b != a && single(b) && pairs(a.parts[0], b.parts[0]) })
		if j < 0 {
			continue
		}
		units[i] = newUnit(a.parts[0], units[j].parts[0])
		units[i].below = a.below
		units = slices.Delete(units, j, j+1)
		if j < i {
			i--
		}
	}
	return units
}

// parameters is the number of weights of the layers.
func (s stack) parameters() (n int) {
	for _, u := range s.units {
		for _, f := range u.parts {
			n += f.parameters()
		}
	}
	return n
}

// top is the last layer.
func (s stack) top() *unit { return s.units[len(s.units)-1] }

// flows lists the recurrences of a stack.
func (s stack) flows() []*flow {
	var list []*flow
	for _, u := range s.units {
		list = append(list, u.parts...)
	}
	return list
}

// spec describes the layers and the readout.
func (s stack) spec() rnn.Spec {
	var spec rnn.Spec
	if s.readout != nil {
		spec.Outputs = s.readout.outputs
	}
	for _, u := range s.units {
		spec.Layers = append(spec.Layers, u.layer)
	}
	return spec
}

// model puts spec and weights together.
func (s stack) model() (*rnn.Model, error) {
	m := &rnn.Model{Spec: s.spec()}
	if err := m.Spec.Validate(); err != nil {
		return nil, err
	}
	size := s.parameters()
	if size += m.Spec.Outputs * (m.Spec.Width() + 1); size != m.Spec.Parameters() {
		return nil, errs.New(errs.Internal, "%d layers of %d weights do not make %s", len(s.units), size, m.Spec)
	}
	m.Weights = make([]float32, size)
	at := 0
	for _, f := range s.flows() {
		n := f.parameters()
		f.load(m.Weights[at : at+n])
		at += n
	}
	if s.readout != nil {
		s.readout.weight = m.Weights[at : at+len(s.readout.bias)*m.Spec.Width()]
		s.readout.product.read(s.readout.weight)
		at += len(s.readout.weight)
		copy(m.Weights[at:], s.readout.bias)
	}
	return m, nil
}
