package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// readout is a linear layer behind the last recurrent layer.
type readout struct {
	affine
	on string // what it reads: "every step", "the last step", ...
}

// affine is a product with constant weights, with its bias where it has one.
type affine struct {
	form          string // "Gemm", "MatMul and Add", ...
	nodes         []*onnx.Node
	input, result string
	added         string // the constant that an Add behind the product adds; "": none
	outputs       int
	rank          int // of the product's data
	product       *product
	weight        []float32 // PyTorch's: [outputs, width]; in the model, once there is one
	bias          []float32 // [outputs]
}

// readout finds the linear layer that reads the top of s; nil if there is none.
// One that feeds further weights is a hidden layer of what stands behind the
// RNN, not a readout.
func (w *wiring) readout(s *stack) *readout {
	top := s.top()
	var outputs []string
	for _, f := range top.parts {
		outputs = append(outputs, f.outputs()...)
	}
	above := w.above(outputs...)
	s.above = above
	own := map[*onnx.Node]bool{}
	for _, f := range w.flows {
		w.inside(f, nil, own)
	}
	for _, n := range w.graph.Nodes {
		if own[n] {
			continue
		}
		a, ok := w.affine(n, top.layer.Width())
		if !ok || !above[a.input] || w.feedsWeights(a.result) {
			continue
		}
		values, err := w.evaluate(w.values, a.input)
		if err != nil {
			continue
		}
		data := values[a.input].Float32s()
		on := top.selection(data)
		if on == "" && s.flip() {
			if on = top.selection(data); on == "" {
				s.flip()
			}
		}
		if on != "" {
			return &readout{a, on}
		}
	}
	w.orient(s, above)
	return nil
}

// orient flips a stack without readout whose output leaves the graph reversed in
// time.
func (w *wiring) orient(s *stack, above map[string]bool) {
	for _, o := range w.graph.Outputs {
		if !above[o.Name] {
			continue
		}
		values, err := w.evaluate(w.values, o.Name)
		if err != nil || !values[o.Name].Type.Float() {
			continue
		}
		data := values[o.Name].Float32s()
		if s.top().selection(data) != "" {
			return
		}
		if s.flip() {
			if s.top().selection(data) == "every step" {
				return
			}
			s.flip()
		}
	}
}

// flip takes a stack that runs over reversed time, with its output reversed
// back, for one that runs backwards. Only stacks of one direction can be.
func (s *stack) flip() bool {
	for _, u := range s.units {
		if len(u.parts) > 1 || u.layer.Bidirectional {
			return false
		}
	}
	for _, u := range s.units {
		f := u.parts[0]
		f.in, f.out, f.flipped = f.in.flip(), f.out.flip(), !f.flipped
		f.layer.Reverse = !f.layer.Reverse
		u.layer, u.out = f.layer, f.out
	}
	return true
}

// selection says in words which part of a unit's marked output data are.
func (u *unit) selection(data []float32) string {
	s := u.out
	last, first := s.data[(s.steps-1)*s.batch*s.width:], s.data[:s.batch*s.width]
	sum := func(values []float32) (t float32) {
		for _, x := range values {
			t += x
		}
		return t
	}
	for _, c := range []struct {
		on     string
		values func() []float32
	}{
		{"every step", func() []float32 { return s.data }},
		{"every step", s.batchFirst},
		{"the last step", func() []float32 { return last }},
		{"the final states", u.finals},
		{"the first step", func() []float32 { return first }},
		{"the mean over time", func() []float32 {
			return s.over(func(v []float32) float32 { return sum(v) / float32(len(v)) })
		}},
		{"the maximum over time", func() []float32 { return s.over(slices.Max[[]float32]) }},
		{"the sum over time", func() []float32 { return s.over(sum) }},
	} {
		if near(c.values(), data) {
			return c.on
		}
	}
	return ""
}

// finals joins the final states of all directions, [batch, width].
func (u *unit) finals() []float32 {
	var data []float32
	for b := range u.out.batch {
		for d := range u.layer.Directions() {
			data = append(data, u.out.final(u.layer, d, b)...)
		}
	}
	return data
}

// affine reads a product with a matrix for width inputs, and the Add behind it.
func (w *wiring) affine(n *onnx.Node, width int) (affine, bool) {
	p, ok := w.product(n)
	if !ok || p.cols != width || p.dataAxis != 1 || p.outAxis != 1 {
		return affine{}, false
	}
	a := affine{form: n.OpType, nodes: []*onnx.Node{n}, input: p.data, result: p.out, outputs: p.rows, rank: max(p.rank, 2), product: p, bias: make([]float32, p.rows)}
	if p.bias == "" || p.biasScale == 0 {
		return a, w.addBias(&a) == nil
	}
	bias, err := w.constant(p.bias)
	if err != nil || bias == nil || !spread(a.bias, bias) {
		return a, false
	}
	scale(a.bias, p.biasScale)
	return a, true
}

// addBias takes in the Add that alone reads the product, perhaps in another
// shape, where there is one.
func (w *wiring) addBias(a *affine) error {
	name, nodes := a.result, a.nodes
	for {
		readers := w.readers(name)
		if len(readers) != 1 || readers[0].Domain != "" {
			return nil
		}
		n := readers[0]
		nodes = append(nodes, n)
		if moves[n.OpType] && n.Inputs[0] == name {
			name = n.Outputs[0]
			continue
		}
		if n.OpType != "Add" {
			return nil
		}
		other := n.Input(0)
		if other == name {
			other = n.Input(1)
		}
		bias, err := w.constant(other)
		if err != nil || bias == nil {
			return err
		}
		if !spread(a.bias, bias) {
			return errs.New(errs.ShapeMismatch, "a bias of dimensions %v", bias.Dims)
		}
		a.nodes, a.result, a.added = nodes, n.Outputs[0], other
		a.form += " and Add"
		return nil
	}
}

// spread copies a bias of one value or of one for each output.
func spread(dst []float32, t *onnx.Tensor) bool {
	src := t.Float32s()
	switch {
	case len(src) == len(dst) && (len(t.Dims) == 0 || t.Dims[len(t.Dims)-1] == len(dst)):
		copy(dst, src)
	case len(src) == 1:
		for i := range dst {
			dst[i] = src[0]
		}
	default:
		return false
	}
	return true
}

// feedsWeights tells whether a value ends up in a product with further weights.
func (v *view) feedsWeights(name string) bool {
	above := v.above(name)
	return slices.ContainsFunc(v.graph.Nodes, func(n *onnx.Node) bool {
		return v.weighted(n) && slices.ContainsFunc(n.Inputs, func(in string) bool { return above[in] })
	})
}

// weighted tells whether a node multiplies by constants.
func (v *view) weighted(n *onnx.Node) bool {
	switch n.OpType {
	case "MatMul", "Gemm", "Conv", "LSTM", "GRU", "RNN", "Einsum":
		return slices.ContainsFunc(n.Inputs, func(in string) bool { return in != "" && !v.varying[in] })
	}
	return false
}
