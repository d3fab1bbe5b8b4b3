package grad

import "rnnrep/internal/kernel"

func recurrentForward(t *Tape, r *record, cell *recurrence) {
	p := newPass(t, r, cell)
	p.prepareInputs(cell)
	for s := range r.steps {
		p.projectInput(s)
		p.projectState(cell, s)
		cell.forward(p, s)
	}
}

// prepareInputs adds up the biases that go with the input and makes the table
// from which tokens choose rows.
func (p *recurrentPass) prepareInputs(cell *recurrence) {
	p.bias = p.t.arena.Take(p.models * p.width)
	copy(p.bias, p.bih.value)
	if cell.joined {
		kernel.Axpy(p.bias, 1, p.bhh.value)
	}
	if p.x != nil {
		return
	}
	if p.models != 1 {
		panic("grad: tokens with more than one model")
	}
	vocabulary := len(p.ih.value) / p.width
	p.table = p.t.arena.Take(vocabulary * p.width)
	kernel.Transpose(p.table, p.width, p.ih.value, vocabulary, p.width, vocabulary)
	kernel.AddRow(p.table, p.width, p.bias, vocabulary, p.width)
}

// stepwise is the size of weights, in elements, up to which the products with
// inputs are taken step by step, while the step is in the cache; those with
// greater weights are taken for the whole sequence at once.
const stepwise = 1 << 14

// whole reports whether the products with inputs are taken at once.
func (p *recurrentPass) whole() bool { return p.models == 1 && p.width*p.x.cols > stepwise }

// projectInput sets the gates of step s to x·IHᵀ + BIH, and + BHH where the
// products are joined. Tokens choose rows of a table instead.
func (p *recurrentPass) projectInput(s int) {
	gates := p.step(p.gates, s, p.width)
	switch {
	case p.x == nil:
		index := p.r.index[s*p.rows : (s+1)*p.rows]
		kernel.GatherRows(gates, p.width, p.table, p.width, index, p.width)
	case !p.whole():
		x := p.step(p.x.value, s, p.x.cols)
		for m := range p.models {
			product(p.t, p.model(gates, m, p.width), p.bias[m*p.width:(m+1)*p.width], 0,
				p.model(x, m, p.x.cols), p.ih, m, p.each, p.width, p.x.cols)
		}
	case s == 0:
		product(p.t, p.gates, p.bias, 0, p.x.value, p.ih, 0, p.r.rows, p.width, p.x.cols)
	}
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
