package importer

import (
	"math"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/onnx"
)

// front is the part of a graph in front of its first products and recurrent
// nodes, where it is made of convolutions: what it computes is no part of the
// RNN, and is costly. It is passed once for each set of inputs, by convolutions
// that read one channel of their input, and what comes out of it is given to all
// evaluations of the rest.
type front struct {
	nodes []*onnx.Node
	last  map[string]int // the last of nodes that reads a value
	ends  []string       // values that the rest of the graph reads
}

// findFront returns the graph's front; nil if it has no convolution.
func (v *view) findFront() *front {
	if v.place != "" || !slices.ContainsFunc(v.graph.Nodes, func(n *onnx.Node) bool { return n.OpType == "Conv" }) {
		return nil
	}
	f := &front{last: map[string]int{}}
	ahead := map[string]bool{}
	for _, in := range v.graph.Inputs {
		ahead[in.Name] = true
	}
	for _, n := range v.graph.Nodes {
		if v.inFront(n, ahead) {
			for _, in := range n.Reads() {
				f.last[in] = len(f.nodes)
			}
			f.nodes = append(f.nodes, n)
			for _, o := range n.Outputs {
				ahead[o] = true
			}
			continue
		}
		for _, in := range n.Reads() {
			if ahead[in] && v.maker[in] != nil && v.varying[in] && !slices.Contains(f.ends, in) {
				f.ends = append(f.ends, in)
			}
		}
	}
	return f
}

// inFront tells whether a node depends on what is ahead alone and is neither
// recurrent nor a product.
func (v *view) inFront(n *onnx.Node, ahead map[string]bool) bool {
	if len(n.Outputs) == 0 || !v.varying[n.Outputs[0]] || isRecurrentOp(n) {
		return false
	}
	for _, a := range n.Attributes {
		if a.Graph != nil {
			return false
		}
	}
	for _, in := range n.Inputs {
		if v.varying[in] && !ahead[in] {
			return false
		}
	}
	_, product := v.product(n)
	return !product
}

// pass adds to values what comes out of the front for the inputs among them.
// Nodes that cannot be evaluated are left out, with what depends on them. A
// second time the values of the first are scrambled, equal ones alike.
func (v *view) pass(values tensors, r *rand.Rand) {
	if v.outside != nil { // it runs the graph as it is
		return
	}
	if v.samples != nil {
		if v.front != nil {
			v.scramble(values, r)
		}
		return
	}
	if v.front = v.findFront(); v.front == nil {
		return
	}
	at := tensors{}
	for name, t := range values {
		at[name] = t
	}
	for i, n := range v.front.nodes {
		if made, ok := v.stepFront(n, at); ok {
			for name, t := range made {
				at[name] = t
			}
		}
		for _, in := range n.Inputs {
			if v.front.last[in] == i && !slices.Contains(v.front.ends, in) {
				delete(at, in) // values of images are large
			}
		}
	}
	for _, name := range v.front.ends {
		if t := at[name]; t != nil {
			values[name] = t
		}
	}
}

// scramble gives the front's ends other values, the same to the same ones, and
// leaves zeros, which may be initial states.
func (v *view) scramble(values tensors, r *rand.Rand) {
	frequency := 10 + 10*r.Float64()
	for _, name := range v.front.ends {
		t := v.samples[name]
		if t == nil {
			continue
		}
		values[name] = t
		if t.Type.Float() {
			x := t.Float64s()
			for i := range x {
				x[i] = 1.5 * math.Sin(frequency*x[i])
			}
			values[name] = onnx.FromFloats(name, t.Type, x, t.Dims...)
		}
	}
}

// stepFront runs one node of the front.
func (v *view) stepFront(n *onnx.Node, at tensors) (tensors, bool) {
	g := &onnx.Graph{Nodes: []*onnx.Node{n}}
	inputs := tensors{}
	for _, name := range n.Inputs {
		t := at[name]
		if t == nil && name != "" {
			if t, _ = v.constant(name); t == nil {
				return nil, false
			}
		}
		if name != "" && inputs[name] == nil {
			inputs[name] = t
		}
	}
	if n.OpType == "Conv" {
		n = oneChannel(n, inputs)
		g.Nodes[0] = n
	}
	for name, t := range inputs {
		g.Inputs = append(g.Inputs, onnx.Value{Name: name, Type: t.Type})
	}
	for _, o := range n.Outputs {
		if o != "" {
			g.Outputs = append(g.Outputs, onnx.Value{Name: o})
		}
	}
	made, err := v.run(g, inputs)
	return made, err == nil
}

// oneChannel is a Conv that reads the first channel of its input, with its
// weights for that.
func oneChannel(n *onnx.Node, inputs tensors) *onnx.Node {
	x, w := inputs[n.Input(0)], inputs[n.Input(1)]
	if x == nil || w == nil || len(x.Dims) < 3 || len(w.Dims) != len(x.Dims) || x.Len() == 0 || w.Len() == 0 {
		return n
	}
	c := *n
	c.Attributes = map[string]*onnx.Attribute{}
	for name, a := range n.Attributes {
		if name != "group" {
			c.Attributes[name] = a
		}
	}
	inputs[n.Inputs[0]], inputs[n.Inputs[1]] = firstChannel(x), firstChannel(w)
	return &c
}

// firstChannel is a tensor [N, C, ...] with C cut to 1.
func firstChannel(t *onnx.Tensor) *onnx.Tensor {
	size := len(t.Raw) / t.Dims[0] / t.Dims[1]
	raw := make([]byte, 0, size*t.Dims[0])
	for i := range t.Dims[0] {
		raw = append(raw, t.Raw[i*t.Dims[1]*size:][:size]...)
	}
	dims := slices.Clone(t.Dims)
	dims[1] = 1
	return &onnx.Tensor{Name: t.Name, Type: t.Type, Dims: dims, Raw: raw}
}
