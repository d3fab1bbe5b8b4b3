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
	if p.x != nil && p.x.needs {
		p.dx, p.formerX = t.startGradient(p.x)
	}
	for s := r.steps - 1; s >= 0; s-- {
		p.dh = p.step(r.grad, s, p.hidden)
		if dc := p.cellGrad(); dc != nil {
			kernel.Axpy(p.dc, 1, p.step(dc, s, p.hidden))
		}
		p.undoStep(cell, s)
		p.undoInput(s)
	}
	if p.c0 != nil && p.c0.needs {
		kernel.Axpy(t.gradient(p.c0), 1, p.dc)
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
	for m := range p.models {
		into := p.model(dPrev, m, p.hidden)
		backProduct(into, into, p.model(dRecur, m, p.width), p.hh.value[m*p.width*p.hidden:(m+1)*p.width*p.hidden], p.each, p.width, p.hidden)
	}
}

// undoInput adds dgates·IH of step s to the gradient of x.
func (p *recurrentPass) undoInput(s int) {
	if p.dx == nil {
		return
	}
	cols := p.x.cols
	n := p.width * cols
	if p.whole() {
		if s == 0 {
			backProduct(p.dx, p.formerX, p.gates, p.ih.value, p.r.rows, p.width, cols)
		}
		return
	}
	each := p.each * cols
	for m := range p.models {
		rows := span{s*p.rows*cols + m*each, s*p.rows*cols + (m+1)*each}
		backProduct(rows.of(p.dx), rows.of(p.formerX), p.model(p.step(p.gates, s, p.width), m, p.width), p.ih.value[m*n:(m+1)*n], p.each, p.width, cols)
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
	dhh, dih := p.t.gradient(p.hh), p.t.gradient(p.ih)
	bhh, bih := p.t.gradient(p.bhh), p.t.gradient(p.bih)
	// Where the products are joined, so are the gradients of the biases.
	same := bih != nil && bhh != nil && &dRecur[0] == &p.gates[0] && slices.Equal(bih, bhh)
	if same {
		bih = nil
	}
	switch first := p.step(dRecur, 0, p.width); {
	case p.h0 != nil:
		p.addProduct(dhh, bhh, first, p.h0.value, p.hidden, 1)
	default:
		p.addProduct(nil, bhh, first, nil, p.hidden, 1)
	}
	if n := p.r.steps - 1; n > 0 {
		p.addProduct(dhh, bhh, dRecur[p.rows*p.width:], p.h[:n*p.rows*p.hidden], p.hidden, n)
	}
	if p.x != nil {
		p.addProduct(dih, bih, p.gates, p.x.value, p.x.cols, p.r.steps)
	} else {
		p.addProduct(nil, bih, p.gates, nil, 0, p.r.steps)
		if dih != nil {
			p.scatterTokens(dih)
		}
	}
	if same {
		copy(p.bih.grad, bhh)
	}
}

// addProduct adds dgatesᵀ·x, over steps blocks, to the weight gradient dw and
// the sums of dgates to db. Each may be nil.
func (p *recurrentPass) addProduct(dw, db, dgates, x []float32, cols, steps int) {
	if p.models == 1 {
		addOuter(dw, db, dgates, p.width, x, cols, steps*p.rows)
		return
	}
	n := p.width * cols
	for s := range steps {
		for m := range p.models {
			addOuter(span{m * n, (m + 1) * n}.of(dw), span{m * p.width, (m + 1) * p.width}.of(db),
				p.model(p.step(dgates, s, p.width), m, p.width), p.width,
				span{(s*p.rows + m*p.each) * cols, (s*p.rows + (m+1)*p.each) * cols}.of(x), cols, p.each)
		}
	}
}

// scatterTokens adds the gradient of the table's rows to dw [width, vocabulary].
func (p *recurrentPass) scatterTokens(dw []float32) {
	vocabulary := len(dw) / p.width
	table := p.t.arena.Zeros(len(dw))
	kernel.ScatterAddRows(table, p.width, p.gates, p.width, p.r.index, p.width)
	for v := range vocabulary {
		for j, g := range table[v*p.width : (v+1)*p.width] {
			dw[j*vocabulary+v] += g
		}
	}
}
