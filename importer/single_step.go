package importer

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

func init() { register(recogniseSingleSteps) }

// recogniseSingleSteps finds models of one step that get their states as inputs
// and give them back: a cell written in elementary ops whose caller makes the
// loop.
func recogniseSingleSteps(v *view) ([]*recurrence, error) {
	var found []*recurrence
	used := map[string]bool{}
	var groups [][]*product
	for _, n := range v.graph.Nodes {
		for _, s := range v.singleSteps(n) {
			if used[s.next] {
				continue
			}
			c, ok := s.cell()
			if !ok || !c.identity() {
				continue
			}
			if groups == nil {
				groups = v.productGroups()
			}
			if s.goesOn(groups) {
				continue
			}
			used[s.next] = true
			p := &singlePorts{step: s, cell: c}
			found = append(found, &recurrence{name: n.Label(), form: "single-step " + c.form(), layer: c.layer, load: c.load, ports: p})
		}
	}
	return found, nil
}

// goesOn tells whether a later step multiplies by the same matrices what this one
// makes: it is the first of a recurrence written out.
func (s *step) goesOn(groups [][]*product) bool {
	after := s.v.above(s.next)
	return slices.ContainsFunc(s.products, func(p *product) bool {
		return slices.ContainsFunc(groupOf(groups, p), func(q *product) bool { return after[q.data] })
	})
}

// singleSteps lists what a node that makes the new hidden state may be the end
// of.
func (v *view) singleSteps(n *onnx.Node) []*step {
	squashed := activationOps[n.OpType] != ""
	if n.Domain != "" || n.OpType != "Mul" && n.OpType != "Add" && !squashed || len(n.Inputs) == 0 || !v.varying[n.Outputs[0]] {
		return nil
	}
	products, leaves, activations := v.tree(n.Outputs[0])
	var steps []*step
	add := func(h, c, nextC string) {
		steps = append(steps, v.singleStep(n.Outputs[0], h, c, nextC, products))
	}
	for _, h := range v.stateInputs(products) {
		if squashed && activations == 1 && v.givesBack(n.Outputs[0], h) { // an Elman RNN's
			add(h, "", "")
		}
		if activations < 3 {
			continue
		}
		if n.OpType == "Add" && slices.Contains(leaves, h) { // a GRU's state also comes straight
			add(h, "", "")
		}
		for _, a := range n.Inputs { // an LSTM's: o * tanh(c')
			t := v.maker[a]
			if n.OpType != "Mul" || t == nil || activationOps[t.OpType] == "" {
				continue
			}
			for _, c := range leaves {
				if c != h && v.isState(c) {
					add(h, c, t.Inputs[0])
				}
			}
		}
	}
	return steps
}

// singleStep is the step from h to next.
func (v *view) singleStep(next, h, c, nextC string, products []*product) *step {
	s := &step{v: v, given: v.sampleInputs(), h: h, next: next, c: c, nextC: nextC}
	for _, p := range products { // in front may be what cannot be evaluated
		if p.data != h && !s.known(p.data) {
			s.given = s.with(p.data, drawInput(rand.New(rand.NewPCG(3, 4)), p.weight.Type, []int{batchSize, p.cols}, 0))
		}
	}
	return s
}

// stateInputs lists the graph inputs that products read, by themselves or beside
// others; the last come first, as states follow the input.
func (v *view) stateInputs(products []*product) (list []string) {
	add := func(name string) {
		if v.isState(name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	for _, p := range products {
		add(p.data)
		if n := v.maker[p.data]; n != nil && n.OpType == "Concat" && n.Domain == "" {
			for _, in := range n.Inputs {
				add(in)
			}
		}
	}
	position := func(name string) int {
		below := v.below(name)
		return slices.IndexFunc(v.graph.Inputs, func(in onnx.Value) bool { return below[in.Name] })
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(position(b), position(a)) })
	return list
}

// givesBack tells whether a graph that gets h gives next back, in whatever shape.
func (v *view) givesBack(next, h string) bool {
	values, err := v.evaluate(v.sampleInputs(), next, h)
	if err != nil || values[next].Len() != values[h].Len() {
		return false
	}
	return slices.ContainsFunc(v.graph.Outputs, func(o onnx.Value) bool { return v.moved(o.Name) == next || o.Name == next })
}

// tree walks back from a value through elementwise nodes and lists the products
// and other values that it is made of, and the number of activations.
func (v *view) tree(name string) (products []*product, leaves []string, activations int) {
	seen := map[string]bool{}
	for open := []string{name}; len(open) > 0 && len(seen) < 100; {
		name := open[0]
		open = open[1:]
		if seen[name] || !v.varying[name] {
			continue
		}
		seen[name] = true
		n := v.maker[name]
		if n != nil {
			if p, ok := v.product(n); ok {
				products = append(products, p)
				continue
			}
		}
		inner := n != nil && n.Domain == "" && (elementwise[n.OpType] || activationOps[n.OpType] != "" || (takes[n.OpType] || moves[n.OpType]) && !v.isState(name))
		if !inner {
			leaves = append(leaves, name)
			continue
		}
		if activationOps[n.OpType] != "" {
			activations++
		}
		open = append(open, n.Inputs...)
	}
	return products, leaves, activations
}

// elementwise lists the ops inside a cell.
var elementwise = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Sum": true, "Split": true, "Slice": true, "Clip": true, "Identity": true, "Cast": true}

// isState tells whether a value is a graph input, or part of one, in any shape.
func (v *view) isState(name string) bool {
	for range maxStepNodes {
		n := v.maker[name]
		if n == nil || v.opened[name] != nil {
			return v.varying[name]
		}
		if n.Domain != "" || !moves[n.OpType] && !takes[n.OpType] || !v.varying[n.Inputs[0]] {
			return false
		}
		name = n.Inputs[0]
	}
	return false
}

// takes lists the ops that take a part of their first input.
var takes = map[string]bool{"Gather": true, "Slice": true, "Split": true, "SplitToSequence": true, "SequenceAt": true}

// known tells whether a value can be evaluated.
func (s *step) known(name string) bool {
	_, err := s.v.evaluate(s.given, name)
	return err == nil
}

// with is the given values and one more.
func (s *step) with(name string, t *onnx.Tensor) tensors {
	given := tensors{name: t}
	for k, v := range s.given {
		if k != name {
			given[k] = v
		}
	}
	return given
}

// singlePorts tie a cell of one step. It reads a sequence of one step here, and
// runs by itself over any number by giving its states back to it.
type singlePorts struct {
	step *step
	cell *stepCell
}

func (p *singlePorts) needs() []string    { return []string{p.cell.input.data} }
func (p *singlePorts) outputs() []string  { return []string{p.step.next} }
func (p *singlePorts) observed() []string { return p.outputs() }

func (p *singlePorts) starts() []string {
	if p.step.c == "" {
		return []string{p.step.h}
	}
	return []string{p.step.h, p.step.c}
}

func (p *singlePorts) input(values tensors) (sequence, error) {
	x, batch, err := p.cell.vectors(values[p.cell.input.data])
	return sequence{1, batch, p.cell.layer.Inputs, x}, err
}

// emit starts the step from zeros in the wiring too.
func (p *singlePorts) emit(w *wiring, r *recurrence, x sequence) (sequence, error) {
	for _, name := range p.starts() {
		w.values[name] = p.step.zeros(name)
	}
	return r.apply(x)
}

func (s *step) zeros(name string) *onnx.Tensor {
	t := s.shape[name]
	return &onnx.Tensor{Name: name, Type: t.Type, Dims: t.Dims, Raw: make([]byte, len(t.Raw))}
}

func (p *singlePorts) deviation(values tensors, y sequence) float64 {
	return p.cell.distance(values[p.step.next], y, 0)
}

// cut puts a stand-in of one step in place of the input.
func (p *singlePorts) cut(values tensors, r *rand.Rand) sequence {
	like := p.step.shape[p.cell.input.data]
	x := marks(r, 1, like.Len()/p.cell.input.cols, p.cell.input.cols)
	values[p.cell.input.data] = onnx.FromFloats("", like.Type, onnx.NewFloats("", x.data).Float64s(), like.Dims...)
	s, _ := p.input(values)
	return s
}

// batch is the number of sequences that the step advances.
func (p *singlePorts) batch() int {
	return p.step.shape[p.cell.input.data].Len() / p.cell.input.cols
}

// run gives the states that a step makes to the next one.
func (p *singlePorts) run(x sequence) (sequence, error) {
	s := p.step
	like, batch := s.shape[p.cell.input.data], p.batch()
	given := tensors{}
	for name, t := range s.given {
		given[name] = t
	}
	for _, name := range p.starts() {
		given[name] = s.zeros(name)
	}
	y := newSequence(x.steps, x.batch, p.cell.layer.Hidden)
	if x.batch != batch || len(p.cell.columns) != p.cell.input.cols {
		return y, errs.New(errs.UnsupportedCell, "the step reads input and state as one value").Accepts("a product for each")
	}
	for t := range x.steps {
		row := x.data[t*batch*x.width : (t+1)*batch*x.width]
		given[p.cell.input.data] = onnx.FromFloats("", like.Type, onnx.NewFloats("", row).Float64s(), like.Dims...)
		targets := []string{s.next}
		if s.c != "" {
			targets = append(targets, s.nextC)
		}
		values, err := s.v.evaluate(given, targets...)
		if err != nil {
			return y, err
		}
		next := values[s.next]
		given[s.h] = &onnx.Tensor{Name: s.h, Type: next.Type, Dims: s.shape[s.h].Dims, Raw: next.Raw}
		if s.c != "" {
			given[s.c] = &onnx.Tensor{Name: s.c, Type: next.Type, Dims: s.shape[s.c].Dims, Raw: values[s.nextC].Raw}
		}
		data := next.Float32s()
		if p.cell.byUnit {
			data = transpose(data, p.cell.layer.Hidden, batch)
		}
		copy(y.data[t*batch*y.width:], data)
	}
	return y, nil
}

func (p *singlePorts) remarks(*wiring) []string {
	return []string{"the graph is one step; its states are inputs and outputs, and the RNN starts from zeros here"}
}
