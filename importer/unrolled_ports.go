package importer

import (
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// tap is a value of the graph that holds the hidden state after a step.
type tap struct {
	name string
	step int // in the order of the steps
}

// unrolledPorts tie a recurrence of a fixed number of steps.
type unrolledPorts struct {
	v          *view
	cell       *stepCell
	steps      int
	reads      []*product // one for each step, or one for all of them
	batchMajor bool       // the one for all reads vectors in the order [batch, steps]
	backwards  bool       // the last vector first
	taps       []tap
	initial    string // the state before the first step; "": folded away
}

// together tells whether one product reads the input of all steps.
func (p *unrolledPorts) together() bool { return len(p.reads) == 1 && p.steps > 1 }

// timeAxis finds the order of the vectors that one product reads for all steps.
func (p *unrolledPorts) timeAxis() bool {
	strided := func(by int) bool {
		for b, lane := range p.cell.lanes {
			if lane != p.cell.lanes[0]+b*by {
				return false
			}
		}
		return true
	}
	p.batchMajor = !strided(1)
	return !p.batchMajor || strided(p.steps)
}

// vector is the place of batch entry b at time t among those of all steps, time
// its inverse.
func (p *unrolledPorts) vector(t, b int) int {
	if p.batchMajor {
		return b*p.steps + t
	}
	return t*len(p.cell.lanes) + b
}

func (p *unrolledPorts) time(vector int) int {
	if p.batchMajor {
		return vector % p.steps
	}
	return vector / len(p.cell.lanes)
}

func (p *unrolledPorts) needs() []string {
	var names []string
	for _, r := range p.reads {
		names = append(names, r.data)
	}
	return names
}

func (p *unrolledPorts) outputs() []string { return p.observed() }

func (p *unrolledPorts) starts() []string {
	if p.initial == "" {
		return nil
	}
	return []string{p.initial}
}

func (p *unrolledPorts) observed() []string {
	var names []string
	for _, t := range p.taps {
		names = append(names, t.name)
	}
	return names
}

func (p *unrolledPorts) input(values tensors) (sequence, error) {
	batch, width := len(p.cell.lanes), p.cell.layer.Inputs
	s := newSequence(p.steps, batch, width)
	for i, r := range p.reads {
		x := r.vectors(values[r.data], p.cell.columns)
		vectors := batch
		if p.together() {
			vectors *= p.steps
		}
		if len(x) != vectors*width {
			return s, errs.New(errs.ShapeMismatch, "node %q (%s) reads a value of dimensions %v", r.node.Label(), r.node.OpType, values[r.data].Dims).At(r.node.Label())
		}
		for b := range batch {
			if !p.together() {
				copy(s.row(i, b), x[p.cell.lanes[b]*width:])
				continue
			}
			for t := range p.steps {
				copy(s.row(t, b), x[p.vector(t, b)*width:])
			}
		}
	}
	return s, nil
}

// emit computes the outputs; the graph's own values stay.
func (p *unrolledPorts) emit(_ *wiring, r *recurrence, x sequence) (sequence, error) {
	return r.apply(x)
}

// deviation compares the states of all steps that the graph keeps.
func (p *unrolledPorts) deviation(values tensors, y sequence) float64 {
	worst := 0.0
	for _, tap := range p.taps {
		t := tap.step
		if p.backwards {
			t = p.steps - 1 - t
		}
		worst = max(worst, p.cell.distance(values[tap.name], y, t))
	}
	return worst
}

// distance compares a hidden state of the graph with step t of y.
func (c *stepCell) distance(state *onnx.Tensor, y sequence, t int) float64 {
	got := state.Float32s()
	want := make([]float32, len(got))
	if len(got) != len(c.units) {
		return inf
	}
	for e := range want {
		want[e] = y.row(t, c.batch[e])[c.units[e]]
	}
	return distance(got, want)
}

func (p *unrolledPorts) remarks(*wiring) []string { return nil }
