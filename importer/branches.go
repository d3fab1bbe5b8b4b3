package importer

import (
	"fmt"

	"rnnrep/internal/onnx"
)

// takeBranches puts the branch of every If whose condition is constant, or
// follows from the sizes of the inputs alone, in the If's place, where the
// branch has a recurrent node: an RNN is best found in one graph.
func (l *lowering) takeBranches(v *view) {
	ofShape := v.ofShape()
	taken := map[string]bool{}
	var nodes []*onnx.Node
	for _, n := range l.graph.Nodes {
		g := v.branch(n, ofShape)
		if g == nil || !holdsRecurrent(g) || len(g.Outputs) != len(n.Outputs) || v.collides(g, taken) {
			nodes = append(nodes, n)
			continue
		}
		l.graph.Initializers = append(l.graph.Initializers, g.Initializers...)
		nodes = append(nodes, g.Nodes...)
		for i, o := range n.Outputs {
			if o != "" {
				nodes = append(nodes, &onnx.Node{OpType: "Identity", Inputs: []string{g.Outputs[i].Name}, Outputs: []string{o}})
			}
		}
		if v.varying[n.Input(0)] {
			l.notes = append(l.notes, fmt.Sprintf("node %q takes one of two branches by the sizes of the input; the one taken for %d sequences is read", n.Label(), batchSize))
		}
	}
	l.graph.Nodes = nodes
}

// branch returns the branch that an If takes; nil if that is not known.
func (v *view) branch(n *onnx.Node, ofShape map[string]bool) *onnx.Graph {
	if n.OpType != "If" || n.Domain != "" || len(n.Inputs) != 1 {
		return nil
	}
	name := n.Inputs[0]
	condition, err := v.constant(name)
	if condition == nil && err == nil && ofShape[name] {
		var values tensors
		values, err = v.evaluate(v.sampleInputs(), name)
		condition = values[name]
	}
	if err != nil || condition == nil || condition.Type != onnx.Bool || condition.Len() != 1 {
		return nil
	}
	branch := "else_branch"
	if condition.Int64s()[0] != 0 {
		branch = "then_branch"
	}
	if a := n.Attributes[branch]; a != nil {
		return a.Graph
	}
	return nil
}

// collides tells whether a graph makes a name that the graph around it has, or
// that was taken before; if not, its names are taken.
func (v *view) collides(g *onnx.Graph, taken map[string]bool) bool {
	var names []string
	for _, t := range g.Initializers {
		names = append(names, t.Name)
	}
	for _, n := range g.Nodes {
		names = append(names, n.Outputs...)
	}
	for _, name := range names {
		if v.maker[name] != nil || v.constants[name] != nil || v.varying[name] || taken[name] {
			return true
		}
	}
	for _, name := range names {
		taken[name] = name != ""
	}
	return false
}
