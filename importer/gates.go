package importer

import (
	"math"
	"slices"

	"rnnrep/rnn"
)

// gate is where a gate's values are in a step.
type gate struct {
	activation *activation
	at         []int // element of the activation's value for each element of the state
	negated    bool  // the step uses 1 - value
}

// same tells whether two gates are the same values.
func (g gate) same(o gate) bool { return g.activation == o.activation && slices.Equal(g.at, o.at) }

// gates are the gates of a cell by rnn's names.
type gates struct {
	cell    string
	of      map[string]gate
	squash  *activation // of an LSTM's cell state on its way out
	variant rnn.Variant
}

func (r gates) has(names ...string) bool {
	for _, name := range names {
		if _, ok := r.of[name]; !ok {
			return false
		}
	}
	return true
}

// gate follows one activation to a state; false where it does not arrive whole.
// It may arrive as 1 - value.
func (s *step) gate(a *activation, state string, set func() setting) (gate, bool) {
	tr, ok := follow(set, a.output, state, nil)
	g := gate{activation: a, at: tr.at, negated: tr.by < 0}
	plus := 0.0
	if g.negated {
		plus = 1
	}
	const rounding = 1e-5
	ok = ok && tr.complete() && math.Abs(math.Abs(tr.by)*a.span-1) < rounding && math.Abs(tr.plus-plus) < rounding
	return g, ok
}

// roles finds the cell and its gates.
func (s *step) roles() (gates, bool) {
	switch {
	case s.c != "":
		return s.lstmRoles()
	case len(s.activations) == 1:
		h, ok := s.gate(s.activations[0], s.next, func() setting { return s.setting(0) })
		return gates{cell: "rnn_tanh", of: map[string]gate{"h": h}}, ok && !h.negated
	}
	for _, otherwise := range []float64{0, 1} { // the update gate, which lets n through when closed, or when open
		for _, a := range s.activations {
			n, ok := s.gate(a, s.next, func() setting { return s.setting(otherwise) })
			if !ok || n.negated {
				continue
			}
			if r, ok := s.gruRoles(n); ok {
				return r, true
			}
		}
	}
	return gates{}, false
}

// lstmRoles tells the gates of c' = f*c + i*g, h' = o*squash(c') apart; also
// with f = 1 - i.
func (s *step) lstmRoles() (gates, bool) {
	r := gates{cell: "lstm", of: map[string]gate{}}
	var f gate
	for _, a := range s.activations {
		if g, ok := s.gate(a, s.nextC, func() setting { return s.setting(0).fill(s.c, 1) }); ok {
			r.of["f"], f = g, g
		}
	}
	if !r.has("f") {
		return r, false
	}
	for _, a := range s.activations {
		g, ok := s.gate(a, s.nextC, func() setting { return s.setting(1) })
		switch {
		case !ok || g.negated:
		case a.node.OpType == f.activation.node.OpType && !r.has("i"):
			r.of["i"] = g
		default:
			r.of["g"] = g
		}
	}
	for _, a := range s.activations {
		g, ok := s.gate(a, s.next, func() setting { return s.setting(1) })
		switch {
		case !ok || g.negated:
		case s.squashes(a, f):
			r.squash = a
		default:
			r.of["o"] = g
		}
	}
	if !r.has("i", "f", "g", "o") || r.squash == nil {
		return r, false
	}
	if f.negated {
		r.variant.InputForget = true
		return r, slices.Equal(f.at, r.of["i"].at) && f.activation == r.of["i"].activation
	}
	return r, true
}

// squashes tells whether an activation is applied to the new cell state, which
// is the old one when the forget gate alone is open.
func (s *step) squashes(a *activation, forget gate) bool {
	open := func() setting {
		if forget.negated {
			return s.setting(0)
		}
		f := forget.activation
		return s.setting(0).fill(f.output, f.span)
	}
	tr, ok := follow(open, s.c, a.input, nil)
	return ok && tr.complete() && tr.by == 1 && tr.plus == 0
}

// gruRoles tells the gates of h' = (1-z)*n + z*h apart, n being known, and of
// the form in which z and 1-z are exchanged.
func (s *step) gruRoles(n gate) (gates, bool) {
	r := gates{cell: "gru", of: map[string]gate{"n": n}}
	for _, a := range s.activations {
		if a == n.activation {
			continue
		}
		if g, ok := s.gate(a, s.next, func() setting { return s.setting(0).fill(s.h, 1) }); ok {
			r.of["z"] = g
		}
	}
	if !r.has("z") {
		return r, false
	}
	for _, a := range s.activations {
		if a == n.activation {
			continue
		}
		for _, p := range s.products {
			if g, ok := s.resetBefore(a, p); ok && !g.same(r.of["z"]) {
				r.of["r"], r.variant.ResetFirst = g, true
				return r, true
			}
			if g, ok := s.resetAfter(a, p, n); ok && !g.same(r.of["z"]) {
				r.of["r"] = g
				return r, true
			}
		}
	}
	return r, false
}

// resetBefore tells whether an activation multiplies the state in front of a
// product.
func (s *step) resetBefore(a *activation, p *product) (gate, bool) {
	tr, ok := follow(func() setting { return s.setting(0).fill(s.h, 1) }, a.output, p.data, nil)
	if !ok || tr.by*a.span != 1 {
		return gate{}, false
	}
	state, ok := s.stateOf(p)
	if !ok {
		return gate{}, false
	}
	g := gate{activation: a, at: make([]int, s.shape[s.h].Len())}
	for i, element := range state {
		if element >= 0 {
			g.at[element] = tr.at[i]
		}
	}
	return g, trail{at: g.at}.complete()
}

// resetAfter tells whether an activation multiplies a product on its way to n.
func (s *step) resetAfter(a *activation, p *product, n gate) (gate, bool) {
	tr, ok := follow(func() setting { return s.linear(0).fill(p.out, 1) }, a.output, n.activation.input, n.at)
	return gate{activation: a, at: tr.at}, ok && tr.complete() && math.Abs(tr.by*a.span-1) < 1e-5
}

// stateOf tells which element of the hidden state each element of a product's
// data is; -1: it comes from elsewhere. False if none is.
func (s *step) stateOf(p *product) ([]int, bool) {
	tr, known := s.states[p]
	if !known {
		var ok bool
		if tr, ok = follow(func() setting { return s.setting(1) }, s.h, p.data, nil); !ok {
			tr = trail{} // what is made of the state, as an output that is fed back, is input
		}
		if s.states == nil {
			s.states = map[*product]trail{}
		}
		s.states[p] = tr
	}
	return tr.at, tr.by == 1
}
