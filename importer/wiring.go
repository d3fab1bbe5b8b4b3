package importer

import (
	"math/rand/v2"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/rng"
)

// wiring is what marked values show of how recurrences are connected. Every
// recurrence's output is replaced by values that tell its elements apart; what
// arrives at the others' inputs, moved about by whatever nodes are between,
// says who reads whom and in which order.
type wiring struct {
	*view
	values tensors // graph inputs and marks
	flows  []*flow // one for each recurrence, in the order of the graph
	states tensors // initial states that could be evaluated together
	random *rand.Rand
}

// flow is a recurrence with the marked values that went in and came out.
type flow struct {
	*recurrence
	in, out sequence
	reached bool // in is what the graph makes, not a stand-in
	flipped bool // the graph runs it over reversed time; in and out are forward
}

// original is the recurrence as the graph runs it, before straightening.
func (f *flow) original() *recurrence {
	r := *f.recurrence
	if f.flipped {
		r.layer.Reverse = !r.layer.Reverse
	}
	return &r
}

// wire lets every recurrence emit what it makes of what reaches it. One that
// cannot be reached gets a stand-in if it can run by itself, and is left out
// otherwise.
func (v *view) wire(found []*recurrence, seed uint64) *wiring {
	w := &wiring{view: v, values: tensors{}, random: rng.Stream(seed, "importer wiring", 0)}
	for name, t := range v.sampleInputs() {
		w.values[name] = t
	}
	w.enrich()
	for _, r := range found {
		f := &flow{recurrence: r}
		if r.op == nil { // what it emits starts from zeros
			_ = v.zero(w.values, r.starts()) // what cannot be evaluated is not reached either
		}
		f.in, f.reached = w.reach(r)
		if !f.reached {
			if err := w.contradiction(r); err != nil {
				w.unread = append(w.unread, err)
				continue
			}
		}
		if alone, ok := r.ports.(solitary); ok && !f.reached {
			f.in = alone.cut(w.values, w.random)
		} else if !f.reached {
			w.unread = append(w.unread, errs.New(errs.UnsupportedOp, "what %s reads could not be evaluated", r.name).At(r.name))
			continue
		}
		var err error
		if f.out, err = r.emit(w, r, f.in); err != nil {
			w.unread = append(w.unread, err)
			continue
		}
		w.flows = append(w.flows, f)
	}
	w.straighten()
	return w
}

// enrich puts noise in place of looked-up and one-hot vectors: a few tokens say
// too little about who is who.
func (w *wiring) enrich() {
	for _, n := range w.graph.Nodes {
		looksUp := n.OpType == "Gather" && !w.varying[n.Input(0)] && w.varying[n.Input(1)]
		if n.Domain != "" || !looksUp && n.OpType != "OneHot" {
			continue
		}
		t, err := w.value(n.Outputs[0])
		if err == nil && t.Type.Float() {
			x := noise(w.random, 1, 1, t.Len())
			w.values[n.Outputs[0]] = onnx.FromFloats("", t.Type, onnx.NewFloats("", x.data).Float64s(), t.Dims...)
		}
	}
}

// reachWork bounds the work in front of a recurrence: a stand-in costs nothing.
const reachWork = 1 << 26

// reach evaluates the graph up to the input of r.
func (w *wiring) reach(r *recurrence) (sequence, bool) {
	v := *w.view
	if _, ok := r.ports.(solitary); ok {
		v.limits.Work = reachWork
	}
	values, err := v.evaluate(w.values, r.needs()...)
	if err != nil {
		return sequence{}, false
	}
	in, err := r.input(values)
	return in, err == nil
}

// contradiction tells that what arrives at a node cannot be what it reads: it has
// another width, and no size of the graph's inputs is open.
func (w *wiring) contradiction(r *recurrence) error {
	if r.op == nil {
		return nil
	}
	below := w.below(r.needs()...)
	for _, in := range w.graph.Inputs {
		if below[in.Name] && w.varying[in.Name] && (in.Dims == nil || slices.Contains(in.Dims, -1)) {
			return nil
		}
	}
	t, err := w.value(r.needs()[0])
	if err != nil || len(t.Dims) != 3 || t.Dims[2] == r.layer.Inputs {
		return nil
	}
	return errs.New(errs.ShapeMismatch, "node %q (%s) reads vectors of %d values, but its weights are for %d", r.name, r.form, t.Dims[2], r.layer.Inputs).At(r.name)
}

// straighten finds recurrences that run over reversed time: their input is
// another's, or another's output, flipped.
func (w *wiring) straighten() {
	for i, f := range w.flows {
		if !f.reached || f.in.steps < 2 {
			continue
		}
		flipped := f.in.flip()
		backwards := false
		for _, g := range w.flows[:i] {
			if f.in.equal(g.in) {
				backwards = false
				break
			}
			backwards = backwards || g.reached && flipped.equal(g.in) || flipped.equal(g.out)
		}
		if backwards && !f.layer.Bidirectional {
			f.in, f.out, f.flipped = flipped, f.out.flip(), true
			f.layer.Reverse = !f.layer.Reverse
		}
	}
}

// evaluateStates evaluates the initial states of a stack, which have most of
// their nodes in common, together.
func (w *wiring) evaluateStates(s *stack) {
	var names []string
	for _, f := range s.flows() {
		names = append(names, f.starts()...)
	}
	v := *w.view
	v.limits.Work = reachWork
	w.states, _ = v.evaluate(w.values, names...)
}

// value evaluates one value under the marks.
func (w *wiring) value(name string) (*onnx.Tensor, error) {
	if t := w.states[name]; t != nil {
		return t, nil
	}
	v := *w.view
	v.limits.Work = reachWork
	values, err := v.evaluate(w.values, name)
	return values[name], err
}
