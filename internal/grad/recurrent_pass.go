package grad

import "rnnrep/internal/kernel"

// recurrentPass is the working view of one recurrent record. Buffers are laid
// out step by step; the rows of a step model by model.
type recurrentPass struct {
	t                  *Tape
	r                  *record
	ih, hh, bih, bhh   *record
	x, h0, c0          *record // nil where absent
	hidden, width      int     // columns of a state, of the gates
	rows, each, models int     // rows of a step, rows of one model in a step, models
	zeros              []float32
	h, gates, recur    []float32
	tanhC, c           []float32
	dh, dc             []float32 // backward: gradients of the state at the step being undone
}

// newPass fills the tape's one working view; passes do not nest.
func newPass(t *Tape, r *record, cell *recurrence) *recurrentPass {
	p := &t.pass
	*p = recurrentPass{t: t, r: r, ih: t.input(r, inIH), hh: t.input(r, inHH), bih: t.input(r, inBIH), bhh: t.input(r, inBHH),
		x: t.optional(r, inX), h0: t.optional(r, inH), c0: t.optional(r, inC),
		hidden: r.cols, width: r.cols * cell.gates, rows: r.rows / r.steps, models: r.models,
		h: r.value, gates: r.aux[auxGates], recur: r.aux[auxHH], tanhC: r.aux[auxTanhC], c: r.aux[auxCell]}
	p.each = p.rows / p.models
	if p.h0 == nil || cell.lstm && p.c0 == nil {
		p.zeros = t.arena.Zeros(p.rows * p.hidden)
	}
	return p
}

// step returns the block of step s of a buffer of cols columns.
func (p *recurrentPass) step(b []float32, s, cols int) []float32 {
	n := p.rows * cols
	return b[s*n : (s+1)*n]
}

// model returns model m's part of one step's block.
func (p *recurrentPass) model(block []float32, m, cols int) []float32 {
	n := p.each * cols
	return block[m*n : (m+1)*n]
}

// before returns the value of a state before step s.
func (p *recurrentPass) before(states []float32, initial *record, s int) []float32 {
	switch {
	case s > 0:
		return p.step(states, s-1, p.hidden)
	case initial != nil:
		return initial.value
	default:
		return p.zeros
	}
}

func recurrentForward(t *Tape, r *record, cell *recurrence) {
	p := newPass(t, r, cell)
	p.projectInputs(cell)
	for s := range r.steps {
		p.projectState(cell, s)
		cell.forward(p, s)
	}
}

// projectInputs fills gates with x·IHᵀ + BIH, and + BHH where the products are
// joined. Tokens choose rows of a table instead.
func (p *recurrentPass) projectInputs(cell *recurrence) {
	bias := p.t.arena.Take(p.models * p.width)
	copy(bias, p.bih.value)
	if cell.joined {
		kernel.Axpy(bias, 1, p.bhh.value)
	}
	if p.x == nil {
		p.gatherTokens(bias)
		return
	}
	clear(p.gates)
	if p.models == 1 { // one product for the whole sequence
		kernel.AddRow(p.gates, p.width, bias, p.r.rows, p.width)
		product(p.t, p.gates, p.x.value, p.ih, 0, p.r.rows, p.width, p.x.cols)
		return
	}
	for s := range p.r.steps {
		for m := range p.models {
			y := p.model(p.step(p.gates, s, p.width), m, p.width)
			kernel.AddRow(y, p.width, bias[m*p.width:(m+1)*p.width], p.each, p.width)
			product(p.t, y, p.model(p.step(p.x.value, s, p.x.cols), m, p.x.cols), p.ih, m, p.each, p.width, p.x.cols)
		}
	}
}

func (p *recurrentPass) gatherTokens(bias []float32) {
	if p.models != 1 {
		panic("grad: tokens with more than one model")
	}
	vocabulary := len(p.ih.value) / p.width
	table := p.t.arena.Take(vocabulary * p.width)
	kernel.Transpose(table, p.width, p.ih.value, vocabulary, p.width, vocabulary)
	kernel.AddRow(table, p.width, bias, vocabulary, p.width)
	kernel.GatherRows(p.gates, p.width, table, p.width, p.r.index, p.width)
}

// projectState adds h·HHᵀ of the state before step s to the step's gates, or
// writes it, with BHH, to the buffer where it is kept apart.
func (p *recurrentPass) projectState(cell *recurrence, s int) {
	into := p.gates
	if !cell.joined {
		into = p.recur
	}
	into = p.step(into, s, p.width)
	if !cell.joined {
		clear(into)
		for m := range p.models {
			kernel.AddRow(p.model(into, m, p.width), p.width, p.bhh.value[m*p.width:(m+1)*p.width], p.each, p.width)
		}
	}
	if s == 0 && p.h0 == nil {
		return
	}
	h := p.before(p.h, p.h0, s)
	for m := range p.models {
		product(p.t, p.model(into, m, p.width), p.model(h, m, p.hidden), p.hh, m, p.each, p.width, p.hidden)
	}
}

func recurrentBackward(t *Tape, r *record) {
	cell := recurrences[r.op]
	p := newPass(t, r, cell)
	if cell.lstm {
		p.dc = t.arena.Zeros(p.rows * p.hidden)
	}
	for s := r.steps - 1; s >= 0; s-- {
		p.dh = p.step(r.grad, s, p.hidden)
		if cell.lstm {
			kernel.Axpy(p.dc, 1, p.step(p.cellGrad(), s, p.hidden))
		}
		p.undoStep(cell, s)
	}
	if p.c0 != nil && p.c0.needs {
		kernel.Axpy(p.c0.grad, 1, p.dc)
	}
	p.weightGradients(cell)
	p.inputGradient()
}

// cellGrad is the gradient of the OpCell record that follows r.
func (p *recurrentPass) cellGrad() []float32 {
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
		dPrev = p.h0.grad
	}
	cell.backward(p, s, dPrev)
	if dPrev == nil {
		return
	}
	dRecur := p.step(p.recurrentGates(cell), s, p.width)
	for m := range p.models {
		weights := p.hh.value[m*p.width*p.hidden : (m+1)*p.width*p.hidden]
		into, from := p.model(dPrev, m, p.hidden), p.model(dRecur, m, p.width)
		if p.each == 1 {
			kernel.GemvT(into, weights, p.hidden, from, p.width, p.hidden)
		} else {
			kernel.Gemm(into, p.hidden, from, p.width, 1, weights, p.hidden, p.each, p.hidden, p.width, true)
		}
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
	if p.bih.needs {
		p.sumBias(p.bih.grad, p.gates)
	}
	if p.bhh.needs {
		p.sumBias(p.bhh.grad, dRecur)
	}
	if p.hh.needs {
		if p.h0 != nil {
			p.addProduct(p.hh.grad, p.step(dRecur, 0, p.width), p.h0.value, p.hidden, 1)
		}
		n := p.r.steps - 1
		if n > 0 {
			p.addProduct(p.hh.grad, dRecur[p.rows*p.width:], p.h[:n*p.rows*p.hidden], p.hidden, n)
		}
	}
	if p.ih.needs {
		if p.x != nil {
			p.addProduct(p.ih.grad, p.gates, p.x.value, p.x.cols, p.r.steps)
		} else {
			p.scatterTokens()
		}
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

// addProduct adds dgatesᵀ·x, over steps blocks, to the weight gradient dw.
func (p *recurrentPass) addProduct(dw, dgates, x []float32, cols, steps int) {
	if p.models == 1 {
		kernel.Gemm(dw, cols, dgates, 1, p.width, x, cols, p.width, cols, steps*p.rows, true)
		return
	}
	n := p.width * cols
	for s := range steps {
		for m := range p.models {
			kernel.Gemm(dw[m*n:(m+1)*n], cols, p.model(p.step(dgates, s, p.width), m, p.width), 1, p.width,
				p.model(p.step(x, s, cols), m, cols), cols, p.width, cols, p.each, true)
		}
	}
}

func (p *recurrentPass) scatterTokens() {
	vocabulary := len(p.ih.value) / p.width
	table := p.t.arena.Zeros(vocabulary * p.width)
	kernel.ScatterAddRows(table, p.width, p.gates, p.width, p.r.index, p.width)
	for v := range vocabulary {
		for j, g := range table[v*p.width : (v+1)*p.width] {
			p.ih.grad[j*vocabulary+v] += g
		}
	}
}

// inputGradient adds dgates·IH to x.
func (p *recurrentPass) inputGradient() {
	if p.x == nil || !p.x.needs {
		return
	}
	cols := p.x.cols
	if p.models == 1 && p.r.rows > 1 {
		kernel.Gemm(p.x.grad, cols, p.gates, p.width, 1, p.ih.value, cols, p.r.rows, cols, p.width, true)
		return
	}
	n := p.width * cols
	for s := range p.r.steps {
		for m := range p.models {
			dx, dg := p.model(p.step(p.x.grad, s, cols), m, cols), p.model(p.step(p.gates, s, p.width), m, p.width)
			if p.each == 1 {
				kernel.GemvT(dx, p.ih.value[m*n:(m+1)*n], cols, dg, p.width, cols)
			} else {
				kernel.Gemm(dx, cols, dg, p.width, 1, p.ih.value[m*n:(m+1)*n], cols, p.each, cols, p.width, true)
			}
		}
	}
}
