package importer

import (
	"math"
	"slices"

	"rnnrep/internal/onnx"
)

// step is one step of a recurrence written in elementary ops: how the states
// before it become those after it. Its structure is found by marks: values
// whose elements are told apart replace inner values, and where they turn up
// says which element goes where, through whatever Split, Slice, Concat, Reshape
// or Transpose is between. Numbers are copied from the constants themselves.
type step struct {
	v           *view
	given       tensors // what the step reads from outside
	h, next     string  // hidden state before and after
	c, nextC    string  // cell state before and after; "": none
	inLoop      bool    // the step is the body of a loop
	region      []*onnx.Node
	activations []*activation
	products    []*product
	biases      []string // constants that are added
	peepholes   []string // constants that multiply the cell state
	shape       tensors  // one value of everything above, for its dimensions
	states      map[*product]trail
}

// activationOps are the elementwise ops that can be a gate's activation, with
// the name of the same function in ONNX's recurrent ops.
var activationOps = map[string]string{
	"Sigmoid": "Sigmoid", "Tanh": "Tanh", "Relu": "Relu", "HardSigmoid": "HardSigmoid", "Elu": "Elu", "LeakyRelu": "LeakyRelu",
	"ThresholdedRelu": "ThresholdedRelu", "Softsign": "Softsign", "Softplus": "Softplus",
}

// activation is where a gate's function is applied.
type activation struct {
	node          *onnx.Node
	input, output string
	clip          bool    // from 0 to span: a hard sigmoid times span
	span          float64 // what it gives out where the gate is open
}

// activation reads a node that can be a gate's activation.
func (v *view) activation(n *onnx.Node) (*activation, bool) {
	if n.Domain != "" || len(n.Inputs) == 0 || len(n.Outputs) == 0 {
		return nil, false
	}
	a := &activation{node: n, input: n.Inputs[0], output: n.Outputs[0], span: 1}
	low, high := n.Float("min", 0), n.Float("max", 0)
	switch n.OpType {
	case "Clip":
		for i, x := range []*float32{&low, &high} {
			if c, ok := v.number(n.Input(i + 1)); ok {
				*x = c
			}
		}
	case "Min", "Max": // of the other one
		outer, bound, ok := v.bounded(n, n.OpType)
		inner := v.maker[outer]
		if !ok || inner == nil {
			return nil, false
		}
		other := map[string]string{"Min": "Max", "Max": "Min"}[n.OpType]
		input, second, ok := v.bounded(inner, other)
		if !ok {
			return nil, false
		}
		a.input, low, high = input, bound, second
		if n.OpType == "Min" {
			low, high = second, bound
		}
	default:
		return a, activationOps[n.OpType] != ""
	}
	a.clip, a.span = true, float64(high)
	return a, low == 0 && high > 0
}

// bounded reads a Min or Max of a varying value and a number.
func (v *view) bounded(n *onnx.Node, op string) (value string, bound float32, ok bool) {
	if n.OpType != op || n.Domain != "" || len(n.Inputs) != 2 {
		return "", 0, false
	}
	for i, in := range n.Inputs {
		if c, ok := v.number(in); ok {
			return n.Inputs[1-i], c, v.varying[n.Inputs[1-i]]
		}
	}
	return "", 0, false
}

// number returns the only element of a constant.
func (v *view) number(name string) (float32, bool) {
	t, err := v.constant(name)
	if err != nil || t == nil || t.Len() != 1 {
		return 0, false
	}
	return t.Float32s()[0], true
}

// maxStepNodes bounds the nodes of one step.
const maxStepNodes = 1000

// explore collects the parts of the step; false if it cannot be a cell.
func (s *step) explore() bool {
	after := s.v.above(s.h, s.c)
	before := s.v.below(s.next, s.nextC)
	for _, n := range s.v.graph.Nodes {
		if len(n.Outputs) > 0 && slices.ContainsFunc(n.Outputs, func(o string) bool { return after[o] && before[o] && o != s.h && o != s.c }) {
			s.region = append(s.region, n)
			if a, ok := s.v.activation(n); ok {
				s.activations = append(s.activations, a)
			}
		}
	}
	if len(s.activations) == 0 || len(s.region) > maxStepNodes {
		return false
	}
	s.collect()
	return len(s.products) > 0 && s.trace()
}

// collect walks back from the activations to products and constants.
func (s *step) collect() {
	stop := map[string]bool{s.h: true, s.c: true, "": true}
	var open []string
	for _, a := range s.activations {
		stop[a.output] = true
		open = append(open, a.input)
	}
	for seen := 0; len(open) > 0 && seen < maxStepNodes; seen++ {
		name := open[0]
		open = open[1:]
		if stop[name] {
			continue
		}
		stop[name] = true
		n := s.v.maker[name]
		if n == nil {
			s.source(name)
			continue
		}
		if p, ok := s.v.product(n); ok {
			s.products = append(s.products, p)
			continue
		}
		if s.readsOutside(n) && s.source(name) {
			continue
		}
		for _, in := range n.Inputs {
			if s.v.varying[in] {
				open = append(open, in)
			} else if in != "" && !stop[in] {
				s.constant(n, in)
			}
		}
	}
}

// readsOutside tells whether a node in a loop reads floats of the graph around
// it, as a Gather of the current step does.
func (s *step) readsOutside(n *onnx.Node) bool {
	return slices.ContainsFunc(n.Inputs, func(in string) bool {
		t := s.given[in]
		return t != nil && t.Type.Float() && s.v.maker[in] == nil && !slices.ContainsFunc(s.v.graph.Inputs, func(v onnx.Value) bool { return v.Name == in })
	})
}

// source takes a value inside a loop that depends neither on the states nor on a
// product inside for what the step reads.
func (s *step) source(name string) bool {
	if !s.inLoop {
		return false
	}
	below := s.v.below(name)
	if below[s.h] || s.c != "" && below[s.c] {
		return false
	}
	for _, n := range s.v.graph.Nodes {
		if _, ok := s.v.product(n); ok && below[n.Outputs[0]] {
			return false
		}
	}
	values, err := s.v.evaluate(s.given, name)
	if err != nil || !values[name].Type.Float() || len(values[name].Dims) == 0 || values[name].Len() < 2 || values[name].Dims[len(values[name].Dims)-1] > maxSource {
		return false
	}
	s.products = append(s.products, sourceOf(name, values[name]))
	return true
}

// maxSource bounds the width of a value that is read as it is.
const maxSource = 1 << 12

// constant notes a constant by what is done with it.
func (s *step) constant(n *onnx.Node, name string) {
	t, err := s.v.constant(name)
	if err != nil || t == nil || !t.Type.Float() || t.Len() == 0 {
		return
	}
	switch n.OpType {
	case "Add", "Sub", "Sum":
		if !slices.Contains(s.biases, name) {
			s.biases = append(s.biases, name)
		}
	case "Mul":
		if t.Len() > 1 && !slices.Contains(s.peepholes, name) {
			s.peepholes = append(s.peepholes, name)
		}
	}
}

// trace evaluates everything once, for the dimensions.
func (s *step) trace() bool {
	names := []string{s.h, s.next}
	if s.c != "" {
		names = append(names, s.c, s.nextC)
	}
	for _, a := range s.activations {
		names = append(names, a.input, a.output)
	}
	for _, p := range s.products {
		names = append(names, p.data, p.out)
	}
	var err error
	if s.shape, err = s.v.evaluate(s.given, names...); err != nil {
		return false
	}
	for _, b := range slices.Concat(s.biases, s.peepholes) {
		s.shape[b] = s.v.constants[b]
	}
	n := s.shape[s.h].Len()
	same := func(name string) bool {
		return s.shape[name] != nil && s.shape[name].Len() == n && s.shape[name].Type.Float()
	}
	return n > 0 && n < 1<<24 && same(s.h) && same(s.next) && (s.c == "" || same(s.c) && same(s.nextC))
}

// setting is a set of replaced values under construction.
type setting struct {
	*step
	values tensors
}

// setting starts with states and cell states of zeros and every activation
// giving out the same number.
func (s *step) setting(activation float64) setting {
	t := setting{s, make(tensors, len(s.given)+len(s.activations)+2)}
	for name, v := range s.given {
		t.values[name] = v
	}
	t.fill(s.h, 0)
	if s.c != "" {
		t.fill(s.c, 0)
	}
	for _, a := range s.activations {
		t.fill(a.output, activation*a.span)
	}
	return t
}

// linear is a setting in which nothing reaches the activations but what is set
// later: products, biases and peepholes are zeros.
func (s *step) linear(activation float64) setting {
	t := s.setting(activation)
	for _, p := range s.products {
		t.fill(p.out, 0)
	}
	for _, b := range slices.Concat(s.biases, s.peepholes) {
		t.fill(b, 0)
	}
	return t
}

// fill replaces a value by one number, mark by the numbers 1, 2, 3, ...
func (t setting) fill(name string, x float64) setting {
	data := make([]float64, t.shape[name].Len())
	for i := range data {
		data[i] = x
	}
	return t.put(name, data)
}

func (t setting) mark(name string) setting {
	data := make([]float64, t.shape[name].Len())
	for i := range data {
		data[i] = float64(i + 1)
	}
	return t.put(name, data)
}

func (t setting) put(name string, data []float64) setting {
	like := t.shape[name]
	t.values[name] = onnx.FromFloats(name, like.Type, data, like.Dims...)
	return t
}

// trail says which marked element each of some elements is, as by*marked +
// plus; -1: none.
type trail struct {
	at       []int
	by, plus float64
}

// complete tells whether every element is another marked element.
func (t trail) complete() bool {
	seen := map[int]bool{}
	for _, x := range t.at {
		if x < 0 || seen[x] {
			return false
		}
		seen[x] = true
	}
	return true
}

// follow marks a value under a setting, set anew for each reading, and finds
// the marks among the elements of target that the indices name (nil: all). It
// returns false where nothing arrives, or something else than marks.
func follow(set func() setting, marked, target string, indices []int) (trail, bool) {
	var got [3][]float64
	for i, t := range []setting{set().fill(marked, 0), set().fill(marked, 1), set().mark(marked)} {
		values, err := t.v.evaluate(t.values, target)
		if err != nil {
			return trail{}, false
		}
		got[i] = pick(values[target].Float64s(), indices)
	}
	return readMarks(got[0], got[1], got[2])
}

// readMarks compares readings with zeros, ones and marks.
func readMarks(zeros, ones, marks []float64) (trail, bool) {
	const rounding = 1e-6
	tr := trail{at: make([]int, len(marks))}
	found := false
	for i, x := range marks {
		by, plus := ones[i]-zeros[i], zeros[i]
		if math.Abs(by) < rounding {
			tr.at[i] = -1
			continue
		}
		if !found {
			tr.by, tr.plus, found = by, plus, true
		}
		k := (x - plus) / by
		if math.Abs(by-tr.by) > rounding || math.Abs(plus-tr.plus) > rounding || math.Abs(k-math.Round(k)) > 0.05 || k < 0.5 || k > 1<<24 {
			return tr, false
		}
		tr.at[i] = int(math.Round(k)) - 1
	}
	return tr, found
}

// pick returns the elements that the indices name; all without indices.
func pick(values []float64, indices []int) []float64 {
	if indices == nil {
		return values
	}
	list := make([]float64, len(indices))
	for i, at := range indices {
		list[i] = values[at]
	}
	return list
}
