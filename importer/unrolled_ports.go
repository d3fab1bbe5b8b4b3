package importer

import "rnnrep/internal/onnx"

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
	initial    []string // the states before the first step; none: folded away
	last       []string // values among which the state after the last step may be
	feedback   bool     // the steps read what was made of earlier states
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

// vector is the place of batch entry b at time t among those of all steps.
func (p *unrolledPorts) vector(t, b, batch int) int {
	if p.batchMajor {
		return b*p.steps + t
	}
	return t*batch + b
}

// vectorTime is the step in time of a vector.
func (p *unrolledPorts) vectorTime(vector, batch int) int {
	if p.batchMajor {
		return vector % p.steps
	}
	return vector / batch
}

func (p *unrolledPorts) needs() []string {
	var names []string
	for _, r := range p.reads {
		names = append(names, r.data)
	}
	return names
}

func (p *unrolledPorts) outputs() []string { return p.observed() }

func (p *unrolledPorts) starts() []string { return p.initial }

func (p *unrolledPorts) observed() []string {
	var names []string
	for _, t := range p.taps {
		names = append(names, t.name)
	}
	return names
}

func (p *unrolledPorts) input(values tensors) (sequence, error) {
	width := p.cell.layer.Inputs
	if p.together() {
		x, vectors, err := p.cell.vectors(values[p.reads[0].data])
		if err != nil {
			return sequence{}, err
		}
		s := newSequence(p.steps, vectors/p.steps, width)
		for t := range s.steps {
			for b := range s.batch {
				copy(s.row(t, b), x[p.vector(t, b, s.batch)*width:])
			}
		}
		return s, nil
	}
	var parts []sequence
	for _, r := range p.reads {
		x, batch, err := p.cell.vectors(values[r.data])
		if err != nil {
			return sequence{}, err
		}
		parts = append(parts, sequence{1, batch, width, x})
	}
	return join(parts)
}

// emit computes the outputs, and the graph's own values stay. Where those do not
// tell the steps apart, marks take the place of the states of all steps.
func (p *unrolledPorts) emit(w *wiring, r *recurrence, x sequence) (sequence, error) {
	y, err := r.apply(x)
	if err != nil {
		return y, err
	}
	p.findLast(w, y)
	if y.distinct() || len(p.taps) != p.steps {
		return y, nil
	}
	values, err := w.evaluate(w.values, p.observed()...)
	if err != nil {
		return y, nil
	}
	y = marks(w.random, x.steps, x.batch, r.layer.Width())
	for _, tap := range p.taps {
		t := p.time(tap)
		state := y.data[t*y.batch*y.width : (t+1)*y.batch*y.width]
		if p.cell.byUnit {
			state = transpose(state, y.batch, y.width)
		}
		like := values[tap.name]
		if like.Len() != len(state) {
			return r.apply(x)
		}
		w.values[tap.name] = onnx.FromFloats(tap.name, like.Type, onnx.NewFloats("", state).Float64s(), like.Dims...)
	}
	return y, nil
}

// findLast finds the state after the last step, which no step reads: a value made
// as the other states are that equals it.
func (p *unrolledPorts) findLast(w *wiring, y sequence) {
	maker := w.maker[p.taps[0].name]
	var names []string
	for _, name := range p.last {
		if n := w.maker[name]; maker == nil || n.OpType == maker.OpType {
			names = append(names, name)
		}
	}
	p.last = nil
	values, err := w.evaluate(w.values, names...)
	if err != nil {
		return
	}
	last := tap{step: p.steps - 1}
	nearest := rounding
	for _, name := range names {
		if d := p.cell.distance(values[name], y, p.time(last)); d < nearest {
			nearest, last.name = d, name
		}
	}
	if last.name != "" {
		p.taps = append(p.taps, last)
	}
}

// time is the step in time of a tap.
func (p *unrolledPorts) time(t tap) int {
	if p.backwards {
		return p.steps - 1 - t.step
	}
	return t.step
}

// deviation compares the states of all steps that the graph keeps.
func (p *unrolledPorts) deviation(values tensors, y sequence) float64 {
	worst := 0.0
	for _, tap := range p.taps {
		worst = max(worst, p.cell.distance(values[tap.name], y, p.time(tap)))
	}
	return worst
}

func (p *unrolledPorts) remarks(*wiring) []string {
	if p.feedback {
		return []string{"the graph feeds what it makes of the states back as input, which is input of the RNN here"}
	}
	return nil
}
