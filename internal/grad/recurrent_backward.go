package grad

import (
	"slices"

	"rnnrep/internal/kernel"
)

func recurrentBackward(t *Tape, r *record) {
	cell := recurrences[r.op]
	p := newPass(t, r, cell)
	if cell.lstm {
		p.dc = t.arena.Zeros(p.rows * p.hidden)
	}
	p.startInputGradient()
	for s := r.steps - 1; s >= 0; s-- {
		p.dh = p.step(r.grad, s, p.hidden)
		if dc := p.cellGrad(); dc != nil {
			kernel.Axpy(p.dc, 1, p.step(dc, s, p.hidden))
		}
		p.undoStep(cell, s)
		p.undoInput(s)
	}
	if p.c0 != nil {
		t.addGradient(p.c0, p.dc, true)
	}
	p.weightGradients(cell)
}

// cellGrad is the gradient of the OpCell record that follows an LSTM's.
func (p *recurrentPass) cellGrad() []float32 {
	if p.r.cell == 0 {
		return nil
	}
	return p.t.records[p.r.cell].grad
}

// undoStep turns the gates of step s into their gradient and carries the
// state's gradient to the step before.
func (p *recurrentPass) undoStep(cell *recurrence, s int) {
	var dPrev []float32 // gradient of h before the step
	switch {
	case s > 0:
		dPrev = p.step(p.r.grad, s-1, p.hidden)
	case p.h0 != nil && p.h0.needs:
		dPrev = p.t.gradient(p.h0)
	}
	cell.backward(p, s, dPrev)
	if dPrev == nil {
		return
	}
	dRecur := p.step(p.recurrentGates(cell), s, p.width)
	n := p.width * p.hidden
	for m := range p.models {
		into := p.model(dPrev, m, p.hidden)
		backProduct(into, into, p.model(dRecur, m, p.width), p.hh.value[m*n:(m+1)*n], packed(p.t, p.hh, p.each, p.width, p.hidden), p.each, p.width, p.hidden)
	}
}

// recurrentGates is the buffer whose gradient belongs to h·HHᵀ + BHH.
func (p *recurrentPass) recurrentGates(cell *recurrence) []float32 {
	if cell.joined {
		return p.gates
	}
	return p.recur
}

// weightGradients adds the gradients of the weights and biases, for the whole
// sequence at once.
func (p *recurrentPass) weightGradients(cell *recurrence) {
	dRecur := p.recurrentGates(cell)
	p.biasGradients(dRecur)
	first := p.step(dRecur, 0, p.width)
	if p.h0 != nil {
		p.addProduct(p.hh, first, p.h0.value, p.hidden, 1, p.rows)
	}
	if n := p.r.steps - 1; n > 0 {
		p.addProduct(p.hh, dRecur[len(first):], p.h[:n*p.rows*p.hidden], p.hidden, n, p.rows)
	}
	if p.x != nil {
		p.addProduct(p.ih, p.gates, p.x.value, p.x.cols, p.r.steps, p.rows)
	} else {
		p.tableGradients()
	}
}

// biasGradients adds the sums of the gates' gradients. The two are equal where
// the products are joined, if they start equal.
func (p *recurrentPass) biasGradients(dRecur []float32) {
	bih, bhh := p.t.gradient(p.bih), p.t.gradient(p.bhh)
	if bih != nil {
		same := bhh != nil && &dRecur[0] == &p.gates[0] && slices.Equal(bih, bhh)
		p.sumBias(bih, p.gates)
		if same {
			copy(bhh, bih)
			return
		}
	}
	if bhh != nil {
		p.sumBias(bhh, dRecur)
	}
}

func (p *recurrentPass) sumBias(db, dgates []float32) {
	if p.models == 1 {
		kernel.SumRows(db, dgates, p.width, p.r.rows, p.width)
		return
	}
	for s := range p.r.steps {
		for m := range p.models {
			kernel.SumRows(db[m*p.width:(m+1)*p.width], p.model(p.step(dgates, s, p.width), m, p.width), p.width, p.each, p.width)
		}
	}
}

// addProduct adds dgatesᵀ·x, over steps blocks of rows rows, to the gradient of
// weights w.
func (p *recurrentPass) addProduct(w *record, dgates, x []float32, cols, steps, rows int) {
	if !w.needs {
		return
	}
	if p.models == 1 {
		dw, former := p.t.startGradient(w)
		p.t.outerProduct(dw, former, dgates, p.width, x, cols, steps*rows)
		return
	}
	dw, n := p.t.gradient(w), p.width*cols
	for s := range steps {
		for m := range p.models {
			each := dw[m*n : (m+1)*n]
			p.t.outerProduct(each, each, p.model(p.step(dgates, s, p.width), m, p.width), p.width,
				p.model(p.step(x, s, cols), m, cols), cols, p.each)
		}
	}
}
