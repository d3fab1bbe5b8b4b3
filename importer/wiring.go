package importer

import (
	"math/rand/v2"
	"slices"
	"strings"

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
	random *rand.Rand
}

// flow is a recurrence with the marked values that went in and came out.
type flow struct {
	*recurrence
	in, out sequence
	reached bool // in is what the graph makes, not a stand-in
	flipped bool // the graph runs it over reversed time; in and out are forward
}

// Sizes of what the graph leaves open.
const (
	batchSize = 2
	stepCount = 4
)

// wire marks all recurrences.
func (v *view) wire(found []*recurrence, seed uint64) *wiring {
	w := &wiring{view: v, random: rng.Stream(seed, "importer wiring", 0)}
	w.values = w.graphInputs()
	for _, r := range found {
		f := &flow{recurrence: r}
		f.in, f.reached = w.reach(r)
		if !f.reached {
			f.in = marks(w.random, stepCount, batchSize, r.layer.Inputs)
			r.cut(w.values, f.in)
		}
		f.out = marks(w.random, f.in.steps, f.in.batch, r.layer.Width())
		r.mark(w.values, f.out)
		w.flows = append(w.flows, f)
	}
	w.straighten()
	return w
}

// reach evaluates the graph up to the input of r.
func (w *wiring) reach(r *recurrence) (sequence, bool) {
	values, err := w.evaluate(w.values, r.needs()...)
	if err != nil {
		return sequence{}, false
	}
	in, err := r.input(values)
	return in, err == nil
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

// graphInputs makes a value for every graph input: declared dimensions where
// they are numbers, small ones elsewhere.
func (w *wiring) graphInputs() tensors {
	values := tensors{}
	sizes := map[string]int64{}
	free := []int64{stepCount, 3, 5, 6, 7}
	size := func(name string) int64 {
		if n := sizes[name]; n > 0 && name != "" {
			return n
		}
		n := int64(batchSize)
		if lower := strings.ToLower(name); !strings.Contains(lower, "batch") && lower != "n" && lower != "b" {
			n = free[0]
			if len(free) > 1 {
				free = free[1:]
			}
		}
		sizes[name] = n
		return n
	}
	for _, in := range w.graph.Inputs {
		if !w.varying[in.Name] {
			continue
		}
		dims := slices.Clone(in.Dims)
		total := int64(1)
		for i, d := range dims {
			if d < 0 {
				dims[i] = size(in.Params[i])
			}
			if total *= max(dims[i], 1); total > maxInputSize {
				break
			}
		}
		if total <= maxInputSize {
			values[in.Name] = w.graphInput(in.Type, dims)
		}
	}
	return values
}

// maxInputSize bounds what is made for one graph input.
const maxInputSize = 1 << 22

// graphInput makes a value: marks for floats, small numbers for what may be
// tokens, the number of steps for what may be a length.
func (w *wiring) graphInput(kind onnx.DType, dims []int64) *onnx.Tensor {
	shape := make([]int, len(dims))
	n := 1
	for i, d := range dims {
		shape[i] = int(d)
		n *= int(d)
	}
	switch {
	case kind.Float():
		m := marks(w.random, 1, 1, n)
		wide := make([]float64, n)
		for i, x := range m.data {
			wide[i] = float64(x)
		}
		return onnx.FromFloats("", kind, wide, shape...)
	case kind.Width() == 0:
		return nil
	}
	ints := make([]int64, n)
	for i := range ints {
		switch {
		case kind == onnx.Bool:
			ints[i] = 1
		case len(dims) > 1:
			ints[i] = int64(w.random.IntN(2))
		default:
			ints[i] = stepCount
		}
	}
	return onnx.FromInts("", kind, ints, shape...)
}

// value evaluates one value under the marks.
func (w *wiring) value(name string) (*onnx.Tensor, error) {
	values, err := w.evaluate(w.values, name)
	return values[name], err
}
