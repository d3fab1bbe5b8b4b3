package onnxgraph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/multi"
	"gonum.org/v1/gonum/graph/simple"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// maxNodes bounds what is worth drawing.
const maxNodes = 20_000

// valueGraph has a node, a *value, for every value of a model that something
// reads, and a line from each input of an ONNX node to each of its outputs,
// weighted with the index of the input. Two values may be joined by several
// lines.
type valueGraph struct {
	*multi.WeightedDirectedGraph
}

// value is a named value and the operator that makes it.
type value struct {
	graph.Node
	Name string
	Op   string         // with its domain; "" for inputs and initializers
	With map[string]any // the operator's attributes, but for tensors and graphs

	text, shape string // how it is drawn
	filled      bool
}

// SetName and GetName implement onnxgo.Namer.
func (v *value) SetName(s string) { v.Name = s }

// GetName returns the name.
func (v *value) GetName() string { return v.Name }

// graphOf returns the graph of a model, without hidden values and nodes all of
// whose outputs are hidden. What graphs inside a node read counts as read by the
// node.
func graphOf(m *onnx.Model, hidden func(value string) bool) (g *valueGraph, err error) {
	if len(m.Graph.Nodes) > maxNodes {
		return nil, errs.New(errs.TooLarge, "the graph has %d nodes", len(m.Graph.Nodes)).Accepts("up to %d", maxNodes)
	}
	s := newSkeleton(m.Graph, hidden)
	if len(s.graph.Nodes) == 0 || len(s.graph.Outputs) == 0 { // onnx-go takes neither
		return nil, errs.New(errs.InvalidGraph, "the graph makes nothing from its inputs")
	}
	defer func() {
		if p := recover(); p != nil {
			g, err = nil, errs.New(errs.InvalidGraph, "onnx-go: %v", p)
		}
	}()
	g, err = decode(onnx.Marshal(&onnx.Model{IRVersion: 3, Opsets: map[string]int64{"": 1}, Graph: &s.graph}))
	if err != nil {
		return nil, err
	}
	for _, n := range graph.NodesOf(g.Nodes()) {
		v := n.(*value)
		if i, err := strconv.Atoi(v.Name); err == nil && s.used[i] {
			v.Name = s.names[i]
		} else { // onnx-go invents an input for a node without
			g.RemoveNode(n.ID())
		}
	}
	return g, nil
}

// decode reads a model with onnx-go.
func decode(data []byte) (*valueGraph, error) {
	g := &valueGraph{multi.NewWeightedDirectedGraph()}
	if err := onnxgo.NewModel(&backend{g}).UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("onnx-go: %w", err)
	}
	return g, nil
}

// skeleton is a graph of the same nodes, without tensors, types and graphs inside
// nodes. Values are numbered: what they are called is none of onnx-go's business.
type skeleton struct {
	graph  onnx.Graph
	hidden func(value string) bool
	number map[string]int
	names  []string
	used   []bool // by a node
}

func newSkeleton(g *onnx.Graph, hidden func(value string) bool) *skeleton {
	s := &skeleton{hidden: hidden, number: map[string]int{}}
	read := map[string]bool{}
	for _, o := range g.Outputs {
		read[o.Name] = true
		s.graph.Outputs = append(s.graph.Outputs, onnx.Value{Name: s.rename(o.Name)})
	}
	for _, n := range g.Nodes {
		for _, name := range n.Reads() {
			read[name] = true
		}
	}
	for _, v := range g.Inputs {
		if !hidden(v.Name) {
			s.graph.Inputs = append(s.graph.Inputs, onnx.Value{Name: s.rename(v.Name)})
		}
	}
	for _, n := range g.Nodes {
		outputs := slices.DeleteFunc(slices.Clone(n.Outputs), func(name string) bool { return !read[name] || hidden(name) })
		if len(outputs) == 0 {
			continue
		}
		op := n.OpType
		if n.Domain != "" {
			op = n.Domain + "." + op
		}
		s.graph.Nodes = append(s.graph.Nodes, &onnx.Node{
			OpType: strings.ToValidUTF8(op, "?"), Inputs: s.use(n.Reads()), Outputs: s.use(outputs), Attributes: scalars(n)})
	}
	return s
}

// rename returns the number of a value, as a name.
func (s *skeleton) rename(name string) string {
	i, ok := s.number[name]
	if !ok {
		i = len(s.names)
		s.number[name] = i
		s.names, s.used = append(s.names, name), append(s.used, false)
	}
	return strconv.Itoa(i)
}

// use renames what a node reads or makes, without what is hidden.
func (s *skeleton) use(list []string) []string {
	var renamed []string
	for _, name := range list {
		if s.hidden(name) {
			continue
		}
		renamed = append(renamed, s.rename(name))
		s.used[s.number[name]] = true
	}
	return renamed
}

// scalars are the attributes worth showing, of types that onnx-go reads.
func scalars(n *onnx.Node) map[string]*onnx.Attribute {
	kept := map[string]*onnx.Attribute{}
	for name, a := range n.Attributes {
		if !utf8.ValidString(name) {
			continue
		}
		switch a.Type {
		case onnx.AttributeInt, onnx.AttributeFloat, onnx.AttributeString, onnx.AttributeInts, onnx.AttributeStrings:
			kept[name] = a
		}
	}
	return kept
}

// backend records what onnx-go decodes. Unlike a simple graph it keeps every
// edge between the same two values. It draws edges the way that data flow;
// onnx-go thinks of them from a value to what it is made of.
type backend struct{ *valueGraph }

// NewNode returns a value without a name.
func (b *backend) NewNode() graph.Node {
	return &value{Node: b.WeightedDirectedGraph.NewNode()}
}

// NewWeightedEdge returns the edge of an input; its weight is the input's index.
func (b *backend) NewWeightedEdge(output, input graph.Node, index float64) graph.WeightedEdge {
	return simple.WeightedEdge{F: output, T: input, W: index}
}

// SetWeightedEdge adds a line from the input to the output.
func (b *backend) SetWeightedEdge(e graph.WeightedEdge) {
	b.SetWeightedLine(b.NewWeightedLine(e.To(), e.From(), e.Weight()))
}

// ApplyOperation names the operator that makes values.
func (b *backend) ApplyOperation(o onnxgo.Operation, made ...graph.Node) error {
	for _, n := range made {
		v := n.(*value)
		v.Op, v.With = o.Name, o.Attributes
	}
	return nil
}
