package grad

// recurrentPass is the working view of one recurrent record. Buffers are laid
// out step by step; the rows of a step model by model.
type recurrentPass struct {
	t                *Tape
	r                *record
	ih, hh, bih, bhh *record
	recurrentInput
	h0, c0             *record // nil where absent
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
		h0: t.optional(r, inH), c0: t.optional(r, inC),
		hidden: r.cols, width: r.cols * cell.gates, rows: r.rows / r.steps, models: r.models,
		h: r.value, gates: r.aux[auxGates], recur: r.aux[auxHH], tanhC: r.aux[auxTanhC], c: r.aux[auxCell]}
	p.each = p.rows / p.models
	p.findInput()
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
