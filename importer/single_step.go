package importer

import (
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
	for _, n := range v.graph.Nodes {
		for _, s := range v.singleSteps(n) {
			if used[s.next] {
				continue
			}
			c, ok := s.cell()
			if !ok || !c.identity() {
				continue
			}
			used[s.next] = true
			p := &singlePorts{step: s, cell: c}
			found = append(found, &recurrence{name: n.Label(), form: "single-step " + c.form(), layer: c.layer, load: c.load, ports: p})
		}
	}
	return found, nil
}

// singleSteps lists what a node that makes the new hidden state may be the end
// of.
func (v *view) singleSteps(n *onnx.Node) []*step {
	if n.Domain != "" || n.OpType != "Mul" && n.OpType != "Add" || len(n.Inputs) != 2 || !v.varying[n.Outputs[0]] {
		return nil
	}
	products, leaves, activations := v.tree(n.Outputs[0])
	if len(products) < 2 || activations < 3 {
		return nil
	}
	var steps []*step
	add := func(h, c, nextC string) {
		s := &step{v: v, given: v.sampleInputs(), h: h, next: n.Outputs[0], c: c, nextC: nextC}
		for _, p := range products { // in front may be what cannot be evaluated
			if p.data != h && !s.known(p.data) {
				s.given = s.with(p.data, drawInput(rand.New(rand.NewPCG(3, 4)), p.weight.Type, []int{batchSize, p.cols}, 0))
			}
		}
		steps = append(steps, s)
	}
	for _, p := range products {
		if !v.isState(p.data) {
			continue
		}
		if n.OpType == "Add" && slices.Contains(leaves, p.data) { // a GRU's state also comes straight
			add(p.data, "", "")
		}
		for _, a := range n.Inputs { // an LSTM's: o * tanh(c')
			t := v.maker[a]
			if n.OpType != "Mul" || t == nil || activationOps[t.OpType] == "" {
				continue
			}
			for _, c := range leaves {
				if c != p.data && v.isState(c) {
					add(p.data, c, t.Inputs[0])
				}
			}
		}
	}
	return steps
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
		if n == nil || n.Domain != "" || !elementwise[n.OpType] && activationOps[n.OpType] == "" {
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
		if n == nil {
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

// run gives the states that a step makes to the next one.
func (p *singlePorts) run(x sequence) (sequence, error) {
	s := p.step
	like := s.shape[p.cell.input.data]
	batch := like.Len() / p.cell.input.cols
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
