package exporter

import (
	"fmt"
	"slices"
	"strings"

	"rnnrep/internal/onnx"
)

// graph builds one ONNX graph. A node that is asked for twice is written once,
// and in the outermost graph that knows its inputs: what a loop's body computes
// from constants alone is computed once, outside the loop.
type graph struct {
	*onnx.Graph
	outer   *graph              // of a loop's body: the graph around it
	known   map[string]bool     // names of values that this graph defines
	made    map[string][]string // description of a node -> its outputs
	taken   map[string]int      // names in use, in the graphs around too
	renamed map[string]string   // values that became outputs
}

func newGraph(name string) *graph {
	return &graph{Graph: &onnx.Graph{Name: name}, known: map[string]bool{}, made: map[string][]string{}, taken: map[string]int{}, renamed: map[string]string{}}
}

// body returns the builder of a graph inside g.
func (g *graph) body(name string) *graph {
	b := newGraph(name)
	b.outer, b.taken = g, g.taken
	return b
}

// unique numbers a name that is in use.
func (g *graph) unique(name string) string {
	n := g.taken[name]
	g.taken[name]++
	if n == 0 {
		return name
	}
	return g.unique(fmt.Sprintf("%s_%d", name, n))
}

// input declares a graph input. A dimension is an int, or a string that names it.
func (g *graph) input(name string, t onnx.DType, dims ...any) string {
	name = g.unique(name)
	g.Inputs = append(g.Inputs, valueInfo(name, t, dims))
	g.known[name] = true
	return name
}

// output declares the value called from as a graph output. It renames the value,
// or copies it where it is an input or another output; so outputs come last.
func (g *graph) output(name, from string, t onnx.DType, dims ...any) {
	if now, ok := g.renamed[from]; ok {
		from = now
	}
	isOutput := func(v onnx.Value) bool { return v.Name == from }
	maker := slices.IndexFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, from) })
	if maker < 0 || slices.ContainsFunc(g.Outputs, isOutput) {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: g.unique("identity"), OpType: "Identity", Inputs: []string{from}, Outputs: []string{name}})
	} else {
		rename(g.Graph, from, name)
		g.renamed[from] = name
	}
	g.Outputs = append(g.Outputs, valueInfo(name, t, dims))
}

// rename changes the name of a value in g and the graphs inside it.
func rename(g *onnx.Graph, from, to string) {
	for _, n := range g.Nodes {
		for _, names := range [][]string{n.Inputs, n.Outputs} {
			for i, name := range names {
				if name == from {
					names[i] = to
				}
			}
		}
		if body := n.Attributes["body"]; body != nil {
			rename(body.Graph, from, to)
		}
	}
}

// prune drops nodes and initializers that no output needs, and adds what g
// needs to needed.
func prune(g *onnx.Graph, needed map[string]bool) {
	for _, o := range g.Outputs {
		needed[o.Name] = true
	}
	var kept []*onnx.Node
	for _, n := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(n.Outputs, func(o string) bool { return needed[o] }) {
			continue
		}
		kept = append(kept, n)
		for _, in := range n.Inputs {
			needed[in] = true
		}
		if body := n.Attributes["body"]; body != nil {
			prune(body.Graph, needed)
		}
	}
	slices.Reverse(kept)
	g.Nodes = kept
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t *onnx.Tensor) bool { return !needed[t.Name] })
}

func valueInfo(name string, t onnx.DType, dims []any) onnx.Value {
	v := onnx.Value{Name: name, Type: t, Dims: []int64{}, Params: make([]string, len(dims))}
	for i, d := range dims {
		switch d := d.(type) {
		case int:
			v.Dims = append(v.Dims, int64(d))
		case string:
			v.Dims, v.Params[i] = append(v.Dims, -1), d
		}
	}
	return v
}

// op adds a node of one output and returns the output's name.
func (g *graph) op(op string, inputs []string, attributes ...attribute) string {
	return g.node(op, strings.ToLower(op), 1, inputs, attributes...)[0]
}

// node adds a node called name and returns its outputs' names.
func (g *graph) node(op, name string, outputs int, inputs []string, attributes ...attribute) []string {
	if g.outer != nil && !slices.ContainsFunc(inputs, func(in string) bool { return g.known[in] }) {
		return g.outer.node(op, name, outputs, inputs, attributes...)
	}
	description := fmt.Sprint(op, outputs, inputs)
	for _, a := range attributes {
		description += fmt.Sprint(a.name, a.Type, a.Int, a.Float, a.String, a.Ints, a.Floats, a.Strings)
	}
	if made, ok := g.made[description]; ok {
		return made
	}
	n := &onnx.Node{Name: g.unique(name), OpType: op, Inputs: inputs}
	n.Outputs = []string{n.Name}
	for range outputs - 1 {
		n.Outputs = append(n.Outputs, g.unique(n.Name))
	}
	g.add(n, attributes)
	g.made[description] = n.Outputs
	return n.Outputs
}

// add appends a node.
func (g *graph) add(n *onnx.Node, attributes []attribute) {
	n.Attributes = map[string]*onnx.Attribute{}
	for _, a := range attributes {
		n.Attributes[a.name] = &a.Attribute
	}
	for _, o := range n.Outputs {
		g.known[o] = true
	}
	g.Nodes = append(g.Nodes, n)
}

// initializer adds a constant to the outermost graph.
func (g *graph) initializer(t *onnx.Tensor) string {
	for g.outer != nil {
		g = g.outer
	}
	t.Name = g.unique(t.Name)
	g.known[t.Name] = true
	g.Initializers = append(g.Initializers, t)
	return t.Name
}

// constant adds a small constant once; its name tells its value.
func (g *graph) constant(t *onnx.Tensor) string {
	for g.outer != nil {
		g = g.outer
	}
	if made, ok := g.made[t.Name]; ok {
		return made[0]
	}
	key := t.Name
	g.made[key] = []string{g.initializer(t)}
	return g.made[key][0]
}

// ints is a constant vector of int64.
func (g *graph) ints(values ...int64) string {
	return g.constant(onnx.NewInts(listName("ints", values), values))
}

// scalar is a constant float32 without dimensions.
func (g *graph) scalar(x float32) string {
	return g.constant(onnx.NewFloats(fmt.Sprint("float_", x), []float32{x}, []int{}...))
}

// floats is a constant vector of float32.
func (g *graph) floats(values ...float32) string {
	return g.constant(onnx.NewFloats(listName("floats", values), values))
}

// listName names a list by its values.
func listName[T any](kind string, values []T) string {
	return kind + "_" + strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", "_"), "[]")
}

// attribute is a named onnx.Attribute.
type attribute struct {
	name string
	onnx.Attribute
}

func intAttribute(name string, v int) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeInt, Int: int64(v)}}
}

func floatAttribute(name string, v float32) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeFloat, Float: v}}
}

func textAttribute(name, v string) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeString, String: v}}
}

func intsAttribute(name string, v ...int64) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeInts, Ints: v}}
}

func floatsAttribute(name string, v []float32) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeFloats, Floats: v}}
}

func textsAttribute(name string, v []string) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeStrings, Strings: v}}
}

func graphAttribute(name string, g *graph) attribute {
	return attribute{name, onnx.Attribute{Type: onnx.AttributeGraph, Graph: g.Graph}}
}
