package grad

import "rnnrep/internal/kernel"

// recurrentInput is what a layer reads: a matrix x, or rows of a table that
// tokens choose. The table is that of all one-hot rows, or one of embeddings:
// where x is made by Embed, the product is taken once for each row of the
// embedding instead of each row of x, and x itself is not looked at.
type recurrentInput struct {
	x           *record // nil if rows of a table
	index       []int32
	embedding   *record   // nil: one-hot rows
	extra       *record   // what was added to the embeddings of the first step, or of every one; or nil
	repeated    []float32 // products with what was added to every step's embeddings, or nil
	bias, table []float32 // bias of every product with the input; table [V, width]: products, bias added
	dx, formerX []float32 // backward: gradient of x and what it is added to
}

func (p *recurrentPass) findInput() {
	p.x = p.t.optional(p.r, inX)
	if p.x == nil {
		p.index = p.r.index
		return
	}
	rows, extra := p.x, (*record)(nil)
	repeated := rows.op == OpAddRepeated && rows.steps == p.rows
	if repeated || rows.op == OpAddAt && rows.scalar == 0 {
		rows, extra = p.t.input(p.x, 0), p.t.input(p.x, 1)
	}
	if rows.op != OpEmbed || p.models > 1 || extra != nil && extra.rows != p.rows {
		return
	}
	if table := p.t.input(rows, 0); 2*table.rows <= rows.rows {
		p.x, p.index, p.embedding, p.extra = nil, rows.index, table, extra
		if repeated {
			p.repeated = p.t.arena.Take(p.rows * p.width)
		}
	}
}

// prepareInputs adds up the biases that go with the input and makes the table.
func (p *recurrentPass) prepareInputs(cell *recurrence) {
	p.bias = p.t.arena.Take(p.models * p.width)
	copy(p.bias, p.bih.value)
	if cell.joined {
		kernel.Axpy(p.bias, 1, p.bhh.value)
	}
	switch {
	case p.x != nil:
	case p.models != 1:
		panic("grad: tokens with more than one model")
	case p.embedding != nil:
		p.table = p.t.arena.Take(p.embedding.rows * p.width)
		product(p.t, p.table, p.bias, 0, p.embedding.value, p.ih, 0, p.embedding.rows, p.width, p.embedding.cols)
		if p.repeated != nil {
			product(p.t, p.repeated, p.t.arena.Zeros(p.width), 0, p.extra.value, p.ih, 0, p.rows, p.width, p.extra.cols)
		}
	default:
		vocabulary := len(p.ih.value) / p.width
		p.table = p.t.arena.Take(vocabulary * p.width)
		kernel.Transpose(p.table, p.width, p.ih.value, vocabulary, p.width, vocabulary)
		kernel.AddRow(p.table, p.width, p.table, p.width, p.bias, vocabulary, p.width)
	}
}

// stepwise is the size of weights, in elements, up to which the products with
// inputs are taken step by step, while the step is in the cache; those with
// greater weights are taken for the whole sequence at once.
const stepwise = 1 << 14

// whole reports whether the products with inputs are taken at once.
func (p *recurrentPass) whole() bool { return p.models == 1 && p.width*p.x.cols > stepwise }

// projectInput sets the gates of step s to x·IHᵀ + BIH, and + BHH where the
// products are joined.
func (p *recurrentPass) projectInput(s int) {
	gates := p.step(p.gates, s, p.width)
	switch {
	case p.x == nil:
		kernel.GatherRows(gates, p.width, p.table, p.width, p.index[s*p.rows:(s+1)*p.rows], p.width)
		switch {
		case p.repeated != nil:
			kernel.Axpy(gates, 1, p.repeated)
		case s == 0 && p.extra != nil:
			product(p.t, gates, gates, p.width, p.extra.value, p.ih, 0, p.rows, p.width, p.extra.cols)
		}
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

func (p *recurrentPass) startInputGradient() {
	if p.x != nil {
		p.dx, p.formerX = p.t.startGradient(p.x)
	}
}

// undoInput adds dgates·IH of step s to the gradient of x.
func (p *recurrentPass) undoInput(s int) {
	if p.dx == nil {
		return
	}
	cols := p.x.cols
	n, packed := p.width*cols, packed(p.t, p.ih, p.each, p.width, cols)
	if p.whole() {
		if s == 0 {
			backProduct(p.dx, p.formerX, p.gates, p.ih.value, packed, p.r.rows, p.width, cols)
		}
		return
	}
	each := p.each * cols
	for m := range p.models {
		rows := span{s*p.rows*cols + m*each, s*p.rows*cols + (m+1)*each}
		backProduct(rows.of(p.dx), rows.of(p.formerX), p.model(p.step(p.gates, s, p.width), m, p.width), p.ih.value[m*n:(m+1)*n], packed, p.each, p.width, cols)
	}
}

// tableGradients adds the gradients of what a table of products was made of.
func (p *recurrentPass) tableGradients() {
	if !p.ih.needs && (p.embedding == nil || !p.embedding.needs) && (p.extra == nil || !p.extra.needs) {
		return
	}
	rows := len(p.ih.value) / p.width
	if p.embedding != nil {
		rows = p.embedding.rows
	}
	table := p.t.arena.Zeros(rows * p.width)
	kernel.ScatterAddRows(table, p.width, p.gates, p.width, p.index, p.width)
	if p.embedding == nil {
		dw := p.t.gradient(p.ih)
		for v := range rows {
			for j, g := range table[v*p.width : (v+1)*p.width] {
				dw[j*rows+v] += g
			}
		}
		return
	}
	p.factorGradients(table, p.embedding, rows)
	switch {
	case p.repeated != nil:
		clear(p.repeated)
		kernel.SumRows(p.repeated, p.gates, len(p.repeated), p.r.steps, len(p.repeated))
		p.factorGradients(p.repeated, p.extra, p.rows)
	case p.extra != nil:
		p.factorGradients(p.gates[:p.rows*p.width], p.extra, p.rows)
	}
}

// factorGradients adds the gradients of both factors of x·IHᵀ, given that of the
// product, [rows, width].
func (p *recurrentPass) factorGradients(dgates []float32, x *record, rows int) {
	p.addProduct(p.ih, dgates, x.value, x.cols, 1, rows)
	if dx, former := p.t.startGradient(x); dx != nil {
		backProduct(dx, former, dgates, p.ih.value, nil, rows, p.width, x.cols)
	}
}
