package onnxgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"

	"rnnrep/internal/onnx"
)

// Style says how values are drawn; nil functions hold for none.
type Style struct {
	Hide func(value string) bool // left out, with what only makes such values
	Fill func(value string) bool // filled, to stand out
}

// Dot draws a model in Graphviz's language: an ellipse for every input and
// output, a box for every other value, labelled with the operator that makes it.
func Dot(m *onnx.Model, s Style) ([]byte, error) {
	never := func(string) bool { return false }
	if s.Hide == nil {
		s.Hide = never
	}
	if s.Fill == nil {
		s.Fill = never
	}
	g, err := graphOf(m, s.Hide)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, n := range m.Graph.Nodes {
		for _, o := range n.Outputs {
			names[o] = n.Name
		}
	}
	declared := map[string]onnx.Value{}
	for _, v := range slices.Concat(m.Graph.Outputs, m.Graph.Inputs) {
		declared[v.Name] = v
	}
	for nodes := g.Nodes(); nodes.Next(); {
		v := nodes.Node().(*value)
		v.filled, v.shape = s.Fill(v.Name), "box"
		if d, ok := declared[v.Name]; ok {
			v.shape = "ellipse"
			v.text = v.Name + dimensions(d)
			if v.Op != "" {
				v.text = v.Op + "\n" + v.text
			}
			continue
		}
		v.text = v.Op + "\n" + names[v.Name]
		if v.Op == "" {
			v.text = v.Name
		}
	}
	return dot.MarshalMulti(g, quoted(m.Graph.Name), "", "  ")
}

// dimensions is, say, " [batch, 42, 6]".
func dimensions(v onnx.Value) string {
	if v.Dims == nil {
		return ""
	}
	text := make([]string, len(v.Dims))
	for i, d := range v.Dims {
		switch {
		case d >= 0:
			text[i] = fmt.Sprint(d)
		case i < len(v.Params) && v.Params[i] != "":
			text[i] = v.Params[i]
		default:
			text[i] = "?"
		}
	}
	return " [" + strings.Join(text, ", ") + "]"
}

// Attributes implements encoding.Attributer: the label, and the attributes of
// the operator where a mouse points at it.
func (v *value) Attributes() []encoding.Attribute {
	a := []encoding.Attribute{{Key: "label", Value: quoted(v.text)}, {Key: "shape", Value: v.shape}}
	if v.filled {
		a = append(a, encoding.Attribute{Key: "style", Value: "filled"})
	}
	var with []string
	for _, name := range slices.Sorted(maps.Keys(v.With)) {
		with = append(with, fmt.Sprintf("%s=%v", name, v.With[name]))
	}
	if with != nil {
		a = append(a, encoding.Attribute{Key: "tooltip", Value: quoted(strings.Join(with, " "))})
	}
	return a
}

// quoted makes a DOT string; names come from outside and may hold anything.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x00", " ").Replace(strings.ToValidUTF8(s, "?")) + `"`
}
