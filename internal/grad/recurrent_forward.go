package grad

import "rnnrep/internal/kernel"

func recurrentForward(t *Tape, r *record, cell *recurrence) {
	p := newPass(t, r, cell)
	p.prepareInputs(cell)
	pair := cell.joined && p.pairs()
	for s := range r.steps {
		if pair && (s > 0 || p.h0 != nil) {
			p.projectBoth(s)
		} else {
			p.projectInput(s)
			p.projectState(cell, s)
		}
		cell.forward(p, s)
	}
}

// pairs reports whether the products with input and state are of one size and
// small, so that one call does for both.
func (p *recurrentPass) pairs() bool {
	return p.models == 1 && p.rows > 1 && p.x != nil && p.x.cols == p.hidden && !p.whole()
}

// projectBoth is projectInput and projectState.
func (p *recurrentPass) projectBoth(s int) {
	kernel.GemmPackedPair(p.step(p.gates, s, p.width), p.width, p.bias, 0, p.step(p.x.value, s, p.hidden), p.before(p.h, p.h0, s), p.hidden,
		transposed(p.t, p.ih, 0, p.width, p.hidden), transposed(p.t, p.hh, 0, p.width, p.hidden), p.rows, p.width, p.hidden)
}

// projectState adds h·HHᵀ of the state before step s to the step's gates, or
// writes it, with BHH, to the buffer where it is kept apart.
func (p *recurrentPass) projectState(cell *recurrence, s int) {
	first := s == 0 && p.h0 == nil
	if cell.joined && first {
		return
	}
	h := p.before(p.h, p.h0, s)
	for m := range p.models {
		if cell.joined {
			y := p.model(p.step(p.gates, s, p.width), m, p.width)
			product(p.t, y, y, p.width, p.model(h, m, p.hidden), p.hh, m, p.each, p.width, p.hidden)
			continue
		}
		y, bias := p.model(p.step(p.recur, s, p.width), m, p.width), p.bhh.value[m*p.width:(m+1)*p.width]
		if first {
			for i := range p.each {
				copy(y[i*p.width:], bias)
			}
			continue
		}
		product(p.t, y, bias, 0, p.model(h, m, p.hidden), p.hh, m, p.each, p.width, p.hidden)
	}
}
