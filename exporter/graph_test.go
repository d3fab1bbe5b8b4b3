package exporter

import (
	"slices"
	"testing"

	"rnnrep/internal/onnx"
)

func opTypes(g *graph) (ops []string) {
	for _, n := range g.Nodes {
		ops = append(ops, n.OpType)
	}
	return ops
}

// TestGraphWritesNodesOnce: equal nodes are one, and a loop's body computes
// nothing that does not depend on what it is given.
func TestGraphWritesNodesOnce(t *testing.T) {
	g := newGraph("outer")
	x := g.input("x", onnx.Float32, "n", 3)
	if a, b := g.op("Tanh", []string{x}), g.op("Tanh", []string{x}); a != b {
		t.Errorf("two nodes %s and %s compute the same", a, b)
	}
	if a, b := g.op("Softmax", []string{x}, intAttribute("axis", 0)), g.op("Softmax", []string{x}, intAttribute("axis", 1)); a == b {
		t.Errorf("nodes of different attributes are both %s", a)
	}
	body := g.body("body")
	h := body.input("h", onnx.Float32, "n", 3)
	inside := body.op("Add", []string{h, body.op("Sigmoid", []string{x})})
	if got := opTypes(g); !slices.Equal(got, []string{"Tanh", "Softmax", "Softmax", "Sigmoid"}) {
		t.Errorf("outside are %v", got)
	}
	if got := opTypes(body); !slices.Equal(got, []string{"Add"}) || !body.known[inside] {
		t.Errorf("in the body are %v", got)
	}
	if name := body.op("Add", []string{x, x}); slices.Contains(opTypes(body)[1:], "Add") || name == inside {
		t.Error("a name is used for an outer and an inner value")
	}
}

// TestGraphOutputs: an output takes the name of the value, of which an input and
// another output are copies.
func TestGraphOutputs(t *testing.T) {
	g := newGraph("outputs")
	x := g.input("x", onnx.Float32, 3)
	y := g.op("Tanh", []string{x})
	z := g.op("Relu", []string{y})
	g.op("Exp", []string{z}) // which no output needs
	g.initializer(onnx.NewFloats("unused", []float32{1}))
	g.output("first", y, onnx.Float32, 3)
	g.output("second", z, onnx.Float32, 3)
	g.output("again", y, onnx.Float32, 3)
	g.output("input", x, onnx.Float32, 3)
	prune(g.Graph, map[string]bool{})
	want := [][2]string{{"Tanh x", "first"}, {"Relu first", "second"}, {"Identity first", "again"}, {"Identity x", "input"}}
	var got [][2]string
	for _, n := range g.Nodes {
		got = append(got, [2]string{n.OpType + " " + n.Inputs[0], n.Outputs[0]})
	}
	if !slices.Equal(got, want) || len(g.Initializers) != 0 {
		t.Errorf("nodes %q and %d initializers, want %q and none", got, len(g.Initializers), want)
	}
}
