package importer

import (
	"context"
	"fmt"
	"strings"

	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/simple"

	"rnnrep/internal/onnx"
)

// Dot draws a model's graph in Graphviz's language: recurrent nodes filled,
// constants left out. It needs no RNN to be found.
func Dot(data []byte, o Options) ([]byte, error) {
	m, err := onnx.Parse(data, o.External, onnx.Limits{Bytes: o.maxBytes()})
	if err != nil {
		return nil, err
	}
	v := newView(context.Background(), m)
	recurrent := map[string]bool{}
	if found, err := v.recurrences(); err == nil {
		for _, r := range found {
			for _, name := range r.outputs() {
				recurrent[name] = true
			}
		}
	}
	return dot.Marshal(v.dotGraph(recurrent), quoted(m.Graph.Name), "", "  ")
}

// dotGraph has a node for every varying ONNX node, input and output.
func (v *view) dotGraph(recurrent map[string]bool) *simple.DirectedGraph {
	g := simple.NewDirectedGraph()
	makers := map[string]dotNode{}
	add := func(label, shape string, fill bool) dotNode {
		n := dotNode{Node: simple.Node(g.Nodes().Len()), label: label, shape: shape, fill: fill}
		g.AddNode(n)
		return n
	}
	connect := func(name string, to dotNode) {
		if from, ok := makers[name]; ok {
			g.SetEdge(dotEdge{simple.Edge{F: from, T: to}, name})
		}
	}
	for _, in := range v.graph.Inputs {
		if v.varying[in.Name] {
			makers[in.Name] = add(in.Name+shapeText(in), "ellipse", false)
		}
	}
	for _, n := range v.graph.Nodes {
		if len(n.Outputs) == 0 || !v.varying[n.Outputs[0]] {
			continue
		}
		label := n.OpType
		if n.Name != "" {
			label += "\n" + n.Name
		}
		d := add(label, "box", recurrent[n.Outputs[0]])
		for _, in := range n.Reads() {
			connect(in, d)
		}
		for _, out := range n.Outputs {
			makers[out] = d
		}
	}
	for _, out := range v.graph.Outputs {
		connect(out.Name, add(out.Name+shapeText(out), "ellipse", false))
	}
	return g
}

// shapeText is, say, " [batch, 42, 6]".
func shapeText(v onnx.Value) string {
	if v.Dims == nil {
		return ""
	}
	text := " ["
	for i, d := range v.Dims {
		if i > 0 {
			text += ", "
		}
		switch {
		case d >= 0:
			text += fmt.Sprint(d)
		case v.Params[i] != "":
			text += v.Params[i]
		default:
			text += "?"
		}
	}
	return text + "]"
}

type dotNode struct {
	simple.Node
	label, shape string
	fill         bool
}

// Attributes implements encoding.Attributer.
func (n dotNode) Attributes() []encoding.Attribute {
	a := []encoding.Attribute{{Key: "label", Value: quoted(n.label)}, {Key: "shape", Value: n.shape}}
	if n.fill {
		a = append(a, encoding.Attribute{Key: "style", Value: "filled"})
	}
	return a
}

type dotEdge struct {
	simple.Edge
	value string
}

// Attributes implements encoding.Attributer.
func (e dotEdge) Attributes() []encoding.Attribute {
	return []encoding.Attribute{{Key: "tooltip", Value: quoted(e.value)}}
}

// quoted makes a DOT string; names come from outside and may hold anything.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x00", " ").Replace(s) + `"`
}
