package importer

import (
	"maps"
	"slices"

	"rnnrep/internal/onnx"
)

// body is a Loop or Scan seen from inside.
type body struct {
	outer  *view
	node   *onnx.Node
	inner  *view
	given  tensors     // what one iteration reads from outside
	states [][2]string // values carried and changed: before and after an iteration
}

// openBody looks into a Loop or Scan; false for other nodes and malformed ones.
func openBody(v *view, n *onnx.Node) (*body, bool) {
	a := n.Attributes["body"]
	if n.Domain != "" || a == nil || a.Graph == nil {
		return nil, false
	}
	b := &body{outer: v, node: n, given: tensors{}}
	var carried [][3]string // outside, before, after
	var sliced []sliceOf
	g := a.Graph
	switch n.OpType {
	case "Loop":
		k := len(n.Inputs) - 2
		if k < 0 || len(g.Inputs) != 2+k || len(g.Outputs) < 1+k {
			return nil, false
		}
		for i := range k {
			carried = append(carried, [3]string{n.Inputs[2+i], g.Inputs[2+i].Name, g.Outputs[1+i].Name})
		}
		b.given[g.Inputs[0].Name] = onnx.NewInts("", []int64{0}, []int{}...)
		b.given[g.Inputs[1].Name] = onnx.NewBools("", []bool{true}, []int{}...)
	case "Scan":
		m := int(n.Int("num_scan_inputs", 0))
		k := len(n.Inputs) - m
		if m < 1 || k < 0 || len(g.Inputs) != len(n.Inputs) || len(g.Outputs) < k {
			return nil, false
		}
		for i := range k {
			carried = append(carried, [3]string{n.Inputs[i], g.Inputs[i].Name, g.Outputs[i].Name})
		}
		for i := k; i < len(n.Inputs); i++ {
			s := sliceOf{outside: n.Inputs[i], inside: g.Inputs[i].Name}
			if axes := n.Ints("scan_input_axes"); i-k < len(axes) {
				s.axis = axes[i-k]
			}
			sliced = append(sliced, s)
		}
	default:
		return nil, false
	}
	b.open(g, carried, sliced)
	return b, true
}

// open makes the inner view: what is constant outside, or carried unchanged from
// a constant, is constant inside.
func (b *body) open(g *onnx.Graph, carried [][3]string, sliced []sliceOf) {
	room := &adopted{constants: tensors{}, varying: map[string]bool{}}
	own := map[string]bool{}
	for _, in := range g.Inputs {
		own[in.Name], room.varying[in.Name] = true, true
	}
	for _, t := range g.Initializers {
		own[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			own[o] = true
		}
	}
	for _, n := range g.Nodes {
		for _, name := range n.Reads() {
			if name != "" && !own[name] && !room.varying[name] && room.constants[name] == nil {
				b.adopt(room, name, name)
			}
		}
	}
	for _, c := range carried {
		outside, before, after := c[0], c[1], c[2]
		delete(room.varying, before)
		b.adopt(room, outside, before)
		if passes(g, before, after) {
			continue
		}
		if t := room.constants[before]; t != nil {
			b.given[before] = t
		}
		delete(room.constants, before)
		room.varying[before] = true
		if b.given[before] != nil {
			b.states = append(b.states, [2]string{before, after})
		}
	}
	for _, s := range sliced {
		b.slice(s)
	}
	b.inner = newInnerView(b.outer, g, room.constants, room.varying)
	b.inner.samples = b.given
}

// adopted is what a graph inside a node knows of the values around it.
type adopted struct {
	constants tensors
	varying   map[string]bool
}

// adopt gives a value of the outer graph a name inside.
func (b *body) adopt(room *adopted, outside, inside string) {
	if t, err := b.outer.constant(outside); err == nil && t != nil {
		named := *t
		named.Name = inside
		room.constants[inside] = &named
		return
	}
	room.varying[inside] = true
	if values, err := b.outer.evaluate(b.outer.sampleInputs(), outside); err == nil {
		b.given[inside] = values[outside]
	}
}

// passes tells whether an iteration hands a carried value on unchanged.
func passes(g *onnx.Graph, before, after string) bool {
	for before != after {
		i := slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, after) })
		if i < 0 || g.Nodes[i].OpType != "Identity" || g.Nodes[i].Domain != "" {
			return false
		}
		after = g.Nodes[i].Inputs[0]
	}
	return true
}

// sliceOf is a scan input and the value inside that gets its slices.
type sliceOf struct {
	outside, inside string
	axis            int64
}

// slice gives the body the first slice of a scan input.
func (b *body) slice(s sliceOf) {
	values, err := b.outer.evaluate(b.outer.sampleInputs(), s.outside)
	if err != nil {
		return
	}
	g := &onnx.Graph{
		Nodes: []*onnx.Node{{OpType: "Gather", Inputs: []string{"x", "i"}, Outputs: []string{"y"},
			Attributes: map[string]*onnx.Attribute{"axis": {Type: onnx.AttributeInt, Int: s.axis}}}},
		Initializers: []*onnx.Tensor{onnx.NewInts("i", []int64{0}, []int{}...)},
		Inputs:       []onnx.Value{{Name: "x"}},
		Outputs:      []onnx.Value{{Name: "y"}},
	}
	out, err := b.outer.run(g, tensors{"x": values[s.outside]})
	if err == nil {
		b.given[s.inside] = out["y"]
	}
}

// record makes every iteration give a copy of inner values to new scan outputs
// of the node, and returns their names outside, in order.
func (b *body) record(names ...string) []string {
	n := *b.node
	g := *n.Attributes["body"].Graph
	g.Nodes, g.Outputs, n.Outputs = slices.Clone(g.Nodes), slices.Clone(g.Outputs), slices.Clone(n.Outputs)
	var outside []string
	for _, name := range names {
		copied, out := name+"/recorded", n.Label()+"/"+name+"/recorded"
		for b.outer.maker[out] != nil { // recorded before, for another layer
			out, copied = out+"'", copied+"'"
		}
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: "Identity", Inputs: []string{name}, Outputs: []string{copied}})
		g.Outputs = append(g.Outputs, b.recordedAs(copied, name))
		n.Outputs = append(n.Outputs, out)
		outside = append(outside, out)
	}
	n.Attributes = maps.Clone(n.Attributes)
	n.Attributes["body"] = &onnx.Attribute{Type: onnx.AttributeGraph, Graph: &g}
	for _, list := range []string{"scan_output_axes", "scan_output_directions"} { // one for each output
		if a := n.Attributes[list]; a != nil {
			longer := *a
			longer.Ints = append(slices.Clone(a.Ints), make([]int64, len(names))...)
			n.Attributes[list] = &longer
		}
	}
	b.outer.replace(b.node, &n)
	b.node = &n
	return outside
}

// recordedAs declares a copy of an inner value, with as many dimensions as the
// value has in the sample, which ONNX Runtime wants of a Scan's outputs.
func (b *body) recordedAs(copied, name string) onnx.Value {
	declared := onnx.Value{Name: copied}
	values, err := b.inner.evaluate(b.given, name)
	if err != nil {
		return declared
	}
	declared.Type, declared.Dims = values[name].Type, make([]int64, 0, len(values[name].Dims))
	for range values[name].Dims {
		declared.Dims, declared.Params = append(declared.Dims, -1), append(declared.Params, "")
	}
	return declared
}
