package importer

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

func init() { register(recogniseOps) }

// Positions of the inputs of ONNX's LSTM, GRU and RNN ops.
const (
	inputX, inputW, inputR, inputB = 0, 1, 2, 3
	inputLengths                   = 4
	inputH, inputC, inputP         = 5, 6, 7
)

// isRecurrentOp tells whether n is ONNX's LSTM, GRU or RNN.
func isRecurrentOp(n *onnx.Node) bool {
	return n.Domain == "" && (n.OpType == "LSTM" || n.OpType == "GRU" || n.OpType == "RNN")
}

// recogniseOps finds ONNX's LSTM, GRU and RNN nodes, opset 1 to newest.
func recogniseOps(v *view) ([]*recurrence, error) {
	var found []*recurrence
	var first error
	for _, n := range v.graph.Nodes {
		if !isRecurrentOp(n) || v.loop != nil && v.loop.carries(n) {
			continue // the latter is a step, found with its loop
		}
		r, err := v.readOp(n)
		if err == nil {
			found = append(found, r)
		} else if first == nil {
			first = err
		}
	}
	return v.chainOps(found), first
}

// readOp reads one node. B is [Wb, Rb]; a missing B is zeros.
func (v *view) readOp(n *onnx.Node) (*recurrence, error) {
	weights, err := v.opWeights(n)
	if err != nil {
		return nil, err
	}
	l, err := opLayer(n, weights)
	if err != nil {
		return nil, err
	}
	spec := rnn.Spec{Layers: []rnn.Layer{l}}
	if err := spec.Validate(); err != nil {
		e := errs.As(err)
		return nil, errs.New(e.Code, "node %q (%s): %s", n.Label(), n.OpType, e.Detail).At(n.Label()).Accepts("%s", e.Accepted)
	}
	layout := n.Int("layout", 0)
	if layout != 0 && layout != 1 {
		return nil, errs.New(errs.InvalidGraph, "node %q (%s) has layout %d", n.Label(), n.OpType, layout).At(n.Label()).Accepts("0 or 1")
	}
	r := &recurrence{name: n.Label(), form: n.OpType, op: n, layer: l}
	r.load = func(dst []float32) { fillOp(&rnn.Model{Spec: spec, Weights: dst}, weights) }
	r.ports = &opPorts{v: v, node: n, layer: l, batchFirst: layout == 1, wide: weights[inputW].Type == onnx.Float64}
	return r, nil
}

// opWeights returns the constant inputs W, R, B and P by position.
func (v *view) opWeights(n *onnx.Node) (map[int]*onnx.Tensor, error) {
	weights := map[int]*onnx.Tensor{}
	for what, i := range map[string]int{"W": inputW, "R": inputR, "B": inputB, "P": inputP} {
		name := n.Input(i)
		if name == "" {
			if i == inputW || i == inputR {
				return nil, errs.New(errs.InvalidGraph, "node %q (%s) has no input %s", n.Label(), n.OpType, what).At(n.Label())
			}
			continue
		}
		t, err := v.settled(name)
		switch {
		case err != nil:
			e := errs.As(err)
			return nil, errs.New(e.Code, "weights %s of node %q (%s): %s", what, n.Label(), n.OpType, e.Detail).At(n.Label()).Accepts("%s", e.Accepted).Do("%s", e.Hint)
		case t == nil:
			return nil, errs.New(errs.WeightsNotConstant, "weights %s of node %q (%s) are not in the file: %q depends on %s", what, n.Label(), n.OpType, name, v.origin(name)).
				At(n.Label()).Accepts("weights stored in the file").Do("export with the parameters (export_params=True)")
		case !t.Type.Float():
			return nil, errs.New(errs.InvalidGraph, "weights %s of node %q (%s) have data type %d", what, n.Label(), n.OpType, t.Type).At(n.Label()).Accepts("floating-point numbers")
		}
		weights[i] = t
	}
	return weights, nil
}

// opLayer describes a node's layer and checks the shapes of its weights.
func opLayer(n *onnx.Node, weights map[int]*onnx.Tensor) (rnn.Layer, error) {
	direction := n.Text("direction", "forward")
	if direction != "forward" && direction != "reverse" && direction != "bidirectional" {
		return rnn.Layer{}, errs.New(errs.InvalidGraph, "node %q (%s) has the direction %q", n.Label(), n.OpType, direction).At(n.Label()).Accepts("forward, reverse or bidirectional")
	}
	l := rnn.Layer{Reverse: direction == "reverse", Bidirectional: direction == "bidirectional"}
	info, err := opVariant(n, &l)
	if err != nil {
		return l, err
	}
	w, r := weights[inputW], weights[inputR]
	if len(w.Dims) != 3 || len(r.Dims) != 3 {
		return l, errs.New(errs.ShapeMismatch, "node %q (%s): W has dimensions %v and R %v", n.Label(), n.OpType, w.Dims, r.Dims).At(n.Label()).Accepts("three each")
	}
	l.Cell, l.Inputs, l.Hidden = info.Name, w.Dims[2], r.Dims[2]
	l.Variant.Peepholes = weights[inputP] != nil
	dirs, gates := l.Directions(), info.GateCount()
	for i, want := range map[int][]int{
		inputW: {dirs, gates * l.Hidden, l.Inputs}, inputR: {dirs, gates * l.Hidden, l.Hidden},
		inputB: {dirs, 2 * gates * l.Hidden}, inputP: {dirs, 3 * l.Hidden},
	} {
		if t := weights[i]; t != nil && !slices.Equal(t.Dims, want) {
			return l, errs.New(errs.ShapeMismatch, "node %q (%s): %q has dimensions %v", n.Label(), n.OpType, n.Input(i), t.Dims).At(n.Label()).Accepts("%v", want)
		}
	}
	if h := n.Int("hidden_size", int64(l.Hidden)); h != int64(l.Hidden) {
		return l, errs.New(errs.ShapeMismatch, "node %q (%s): hidden_size is %d but the weights are for %d", n.Label(), n.OpType, h, l.Hidden).At(n.Label())
	}
	return l, nil
}

// opVariant reads the attributes that change what a cell computes.
func opVariant(n *onnx.Node, l *rnn.Layer) (rnn.CellInfo, error) {
	info, _ := chooseCell(n.OpType, nil)
	each := len(info.ONNXActivations)
	activations, err := parseActivations(n, each*l.Directions())
	if err != nil {
		return info, err
	}
	if activations != nil {
		if l.Bidirectional && !slices.Equal(activations[:each], activations[each:]) {
			return info, errs.New(errs.UnsupportedCell, "node %q (%s) has other activations backwards than forwards", n.Label(), n.OpType).At(n.Label()).Accepts("the same in both directions")
		}
		info, l.Variant.Activations = chooseCell(n.OpType, activations[:each])
	}
	if clip := n.Float("clip", 0); n.Attributes["clip"] != nil {
		if !(clip > 0) {
			return info, errs.New(errs.InvalidGraph, "node %q (%s): clip is %v", n.Label(), n.OpType, clip).At(n.Label()).Accepts("a positive number")
		}
		l.Variant.Clip = clip
	}
	l.Variant.InputForget = n.OpType == "LSTM" && n.Int("input_forget", 0) != 0
	l.Variant.ResetFirst = n.OpType == "GRU" && n.Int("linear_before_reset", 0) == 0
	return info, nil
}

// fillOp copies a node's weights into m, from ONNX's gate order into PyTorch's.
// It decodes gate by gate: a second copy of large weights would cost too much.
func fillOp(m *rnn.Model, weights map[int]*onnx.Tensor) {
	l := m.Spec.Layers[0]
	info, _ := rnn.LookupCell(l.Cell)
	order := info.ToONNX()
	slots := m.Spec.Layout()
	at := map[int]int{} // values of each input that have been copied
	take := func(input int, order []int, block int) {
		dst := m.Tensor(slots[0])
		slots = slots[1:]
		t := weights[input]
		for i, to := range order {
			if t != nil {
				part(t, at[input]+i*block, block).ReadFloat32s(dst[to*block : (to+1)*block])
			}
		}
		at[input] += len(order) * block
	}
	for range l.Directions() {
		take(inputW, order, l.Hidden*l.Inputs)
		take(inputR, order, l.Hidden*l.Hidden)
		take(inputB, order, l.Hidden)
		take(inputB, order, l.Hidden)
		if l.Variant.Peepholes {
			take(inputP, peepholeOrder(info), l.Hidden)
		}
	}
}

// part is n values of a tensor from one on.
func part(t *onnx.Tensor, from, n int) *onnx.Tensor {
	width := t.Type.Width()
	return &onnx.Tensor{Type: t.Type, Dims: []int{n}, Raw: t.Raw[from*width : (from+n)*width]}
}

// peepholeOrder maps ONNX's order of the peepholes, that of the gates without
// the cell's, to PyTorch's order of the same gates.
func peepholeOrder(info rnn.CellInfo) []int {
	cell := func(g string) bool { return g == "g" }
	canonical := slices.DeleteFunc(slices.Clone(info.Gates), cell)
	var order []int
	for _, g := range slices.DeleteFunc(slices.Clone(info.ONNXGates), cell) {
		order = append(order, slices.Index(canonical, g))
	}
	return order
}

// origin names the graph inputs that a value depends on.
func (v *view) origin(name string) string {
	below := v.below(name)
	for _, in := range v.graph.Inputs {
		if below[in.Name] && v.varying[in.Name] {
			return "the graph input \"" + in.Name + "\""
		}
	}
	return "what is drawn at random"
}

// opPorts tie one node.
type opPorts struct {
	v          *view
	node       *onnx.Node
	layer      rnn.Layer
	batchFirst bool // layout 1
	wide       bool // float64
}

func (p *opPorts) needs() []string { return p.node.Inputs[:1] }

func (p *opPorts) outputs() []string { return p.node.Outputs }

func (p *opPorts) input(values tensors) (sequence, error) {
	return p.sequence(values[p.node.Inputs[inputX]])
}

// sequence reads X in either layout.
func (p *opPorts) sequence(t *onnx.Tensor) (sequence, error) {
	if len(t.Dims) != 3 || t.Dims[2] != p.layer.Inputs || t.Len() == 0 {
		return sequence{}, errs.New(errs.ShapeMismatch, "node %q (%s) reads a value of dimensions %v", p.node.Label(), p.node.OpType, t.Dims).At(p.node.Label()).Accepts("[steps, batch, %d]", p.layer.Inputs)
	}
	s := sequence{t.Dims[0], t.Dims[1], t.Dims[2], t.Float32s()}
	if p.batchFirst { // what is [batch, steps] reads as a sequence the other way round
		s.data = s.batchFirst()
		s.steps, s.batch = s.batch, s.steps
	}
	return s, nil
}

func (p *opPorts) cut(values tensors, r *rand.Rand) sequence {
	x := marks(r, stepCount, batchSize, p.layer.Inputs)
	values[p.node.Inputs[inputX]] = p.tensor(x)
	return x
}

func (p *opPorts) tensor(x sequence) *onnx.Tensor {
	if p.batchFirst {
		return p.floats(x.batchFirst(), x.batch, x.steps, x.width)
	}
	return p.floats(x.data, x.steps, x.batch, x.width)
}

// floats makes a tensor of the node's own type.
func (p *opPorts) floats(data []float32, dims ...int) *onnx.Tensor {
	if !p.wide {
		return onnx.NewFloats("", data, dims...)
	}
	wide := make([]float64, len(data))
	for i, x := range data {
		wide[i] = float64(x)
	}
	return onnx.FromFloats("", onnx.Float64, wide, dims...)
}

// emit marks the node's outputs.
func (p *opPorts) emit(w *wiring, _ *recurrence, x sequence) (sequence, error) {
	y := marks(w.random, x.steps, x.batch, p.layer.Width())
	p.mark(w.values, y)
	return y, nil
}

func (p *opPorts) starts() []string {
	var names []string
	for _, i := range []int{inputH, inputC} {
		if name := p.node.Input(i); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (p *opPorts) observed() []string {
	return slices.DeleteFunc(slices.Clone(p.node.Outputs[:min(2, len(p.node.Outputs))]), func(s string) bool { return s == "" })
}

// deviation compares Y and Y_h with y.
func (p *opPorts) deviation(values tensors, y sequence) float64 {
	want := tensors{}
	p.mark(want, y)
	worst := 0.0
	for _, name := range p.observed() {
		a, b := want[name].Float32s(), values[name].Float32s()
		if len(a) != len(b) {
			return inf
		}
		worst = max(worst, distance(a, b))
	}
	return worst
}

// mark sets Y [steps, dirs, batch, H], Y_h and, to zeros, Y_c [dirs, batch, H];
// with layout 1 [batch, steps, dirs, H] and [batch, dirs, H].
func (p *opPorts) mark(values tensors, y sequence) {
	dirs, h := p.layer.Directions(), p.layer.Hidden
	all := make([]float32, 0, len(y.data))
	last := make([]float32, dirs*y.batch*h)
	put := func(t, d, b int) { all = append(all, y.row(t, b)[d*h:(d+1)*h]...) }
	for d := range dirs {
		for b := range y.batch {
			at := d*y.batch + b
			if p.batchFirst {
				at = b*dirs + d
			}
			copy(last[at*h:(at+1)*h], y.final(p.layer, d, b))
		}
	}
	yDims, stateDims := []int{y.steps, dirs, y.batch, h}, []int{dirs, y.batch, h}
	if p.batchFirst {
		yDims, stateDims = []int{y.batch, y.steps, dirs, h}, []int{y.batch, dirs, h}
		for b := range y.batch {
			for t := range y.steps {
				for d := range dirs {
					put(t, d, b)
				}
			}
		}
	} else {
		for t := range y.steps {
			for d := range dirs {
				for b := range y.batch {
					put(t, d, b)
				}
			}
		}
	}
	for i, t := range []*onnx.Tensor{p.floats(all, yDims...), p.floats(last, stateDims...), p.floats(make([]float32, len(last)), stateDims...)} {
		if i < len(p.node.Outputs) && p.node.Outputs[i] != "" {
			values[p.node.Outputs[i]] = t
		}
	}
}

// final is the last hidden state of direction d: of the last step forwards, of
// the first backwards.
func (s sequence) final(l rnn.Layer, d, b int) []float32 {
	t := s.steps - 1
	if l.Reverse || d == 1 {
		t = 0
	}
	return s.row(t, b)[d*l.Hidden : (d+1)*l.Hidden]
}

// run executes the node alone, without initial states and sequence lengths.
func (p *opPorts) run(x sequence) (sequence, error) {
	n := *p.node
	n.Inputs = slices.Clone(n.Inputs)
	n.Inputs[inputX] = "X"
	for _, i := range []int{inputLengths, inputH, inputC} {
		if i < len(n.Inputs) {
			n.Inputs[i] = ""
		}
	}
	n.Outputs = []string{"Y"}
	g := &onnx.Graph{Nodes: []*onnx.Node{&n}, Inputs: []onnx.Value{{Name: "X"}}, Outputs: []onnx.Value{{Name: "Y"}}}
	for _, name := range n.Inputs {
		if t := p.v.constants[name]; t != nil && !slices.Contains(g.Initializers, t) {
			named := *t
			named.Name = name
			g.Initializers = append(g.Initializers, &named)
		}
	}
	out, err := p.v.run(g, tensors{"X": p.tensor(x)})
	if err != nil {
		return sequence{}, err
	}
	return p.gather(out["Y"], x.steps, x.batch), nil
}

// gather brings Y into the order [steps, batch, dirs*H].
func (p *opPorts) gather(t *onnx.Tensor, steps, batch int) sequence {
	dirs, h := p.layer.Directions(), p.layer.Hidden
	y := newSequence(steps, batch, dirs*h)
	data := t.Float32s()
	for s := range steps {
		for b := range batch {
			for d := range dirs {
				at := (s*dirs+d)*batch + b
				if p.batchFirst {
					at = (b*steps+s)*dirs + d
				}
				copy(y.row(s, b)[d*h:(d+1)*h], data[at*h:(at+1)*h])
			}
		}
	}
	return y
}

// remarks tells of initial states other than zeros and of sequence lengths.
func (p *opPorts) remarks(w *wiring) []string {
	var notes []string
	for _, i := range []int{inputH, inputC} {
		name := p.node.Input(i)
		if name == "" {
			continue
		}
		switch t, err := w.value(name); {
		case err == nil && !slices.ContainsFunc(t.Float32s(), func(x float32) bool { return x != 0 }):
		case err != nil || w.varying[name]:
			notes = append(notes, fmt.Sprintf("the initial state %q of %s depends on the input; the RNN starts from zeros here", name, p.node.Label()))
		default:
			notes = append(notes, fmt.Sprintf("the constant initial state %q of %s is not part of the RNN, which starts from zeros here", name, p.node.Label()))
		}
	}
	if name := p.node.Input(inputLengths); name != "" {
		notes = append(notes, fmt.Sprintf("%s stops at the sequence lengths %q; the RNN reads every sequence to its end here", p.node.Label(), name))
	}
	return notes
}
