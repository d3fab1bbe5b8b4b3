package grad

import "rnnrep/internal/kernel"

func lstmForward(p *recurrentPass, s int) {
	kernel.LSTMCellForward(p.step(p.gates, s, p.width), p.before(p.c, p.c0, s), p.step(p.c, s, p.hidden),
		p.step(p.tanhC, s, p.hidden), p.step(p.h, s, p.hidden), p.rows, p.hidden)
}

func lstmBackward(p *recurrentPass, s int, _ []float32) {
	kernel.LSTMCellBackward(p.step(p.gates, s, p.width), p.before(p.c, p.c0, s), p.step(p.tanhC, s, p.hidden),
		p.dh, p.dc, p.rows, p.hidden)
}

func gruForward(p *recurrentPass, s int) {
	kernel.GRUCellForward(p.step(p.gates, s, p.width), p.step(p.recur, s, p.width), p.before(p.h, p.h0, s),
		p.step(p.h, s, p.hidden), p.rows, p.hidden)
}

func gruBackward(p *recurrentPass, s int, dPrev []float32) {
	if dPrev == nil {
		dPrev = p.t.arena.Take(p.rows * p.hidden)
	}
	kernel.GRUCellBackward(p.step(p.gates, s, p.width), p.step(p.recur, s, p.width), p.before(p.h, p.h0, s),
		p.dh, dPrev, p.rows, p.hidden)
}

func elmanTanhForward(p *recurrentPass, s int) {
	kernel.Tanh(p.step(p.h, s, p.hidden), p.step(p.gates, s, p.width))
}

func elmanTanhBackward(p *recurrentPass, s int, _ []float32) {
	dgates, h := p.step(p.gates, s, p.width), p.step(p.h, s, p.hidden)
	for i, d := range p.dh {
		dgates[i] = d * (1 - h[i]*h[i])
	}
}

func elmanReluForward(p *recurrentPass, s int) {
	h := p.step(p.h, s, p.hidden)
	for i, g := range p.step(p.gates, s, p.width) {
		h[i] = max(g, 0)
	}
}

func elmanReluBackward(p *recurrentPass, s int, _ []float32) {
	dgates, h := p.step(p.gates, s, p.width), p.step(p.h, s, p.hidden)
	for i, d := range p.dh {
		dgates[i] = 0
		if h[i] > 0 {
			dgates[i] = d
		}
	}
}
