package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// maxRooms bounds the graphs inside nodes that are looked into.
const maxRooms = 64

// rooms lists the graph and those inside its nodes in which an RNN may stand by
// itself: the branches of If, and bodies of loops.
func (v *view) rooms() []*view {
	list := []*view{v}
	for i := 0; i < len(list) && len(list) < maxRooms; i++ {
		for _, n := range list[i].graph.Nodes {
			list = append(list, list[i].inside(n)...)
		}
	}
	return list
}

// inside lists the graphs in a node that hold recurrent nodes.
func (v *view) inside(n *onnx.Node) []*view {
	if n.Domain != "" {
		return nil
	}
	if n.OpType != "If" {
		if a := n.Attributes["body"]; a == nil || a.Graph == nil || !holdsRecurrent(a.Graph) {
			return nil
		}
		if b, ok := openBody(v, n); ok {
			b.inner.place, b.inner.loop = n.Label(), b
			return []*view{b.inner}
		}
		return nil
	}
	var list []*view
	for _, branch := range []string{"then_branch", "else_branch"} {
		a := n.Attributes[branch]
		if a == nil || a.Graph == nil || !holdsRecurrent(a.Graph) && !holdsGates(a.Graph) {
			continue
		}
		b := &body{outer: v, node: n, given: tensors{}}
		b.open(a.Graph, nil, nil)
		b.inner.place = n.Label() + ", " + branch
		list = append(list, b.inner)
	}
	return list
}

// holdsRecurrent tells whether a graph, or one inside it, has recurrent nodes or
// loops.
func holdsRecurrent(g *onnx.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n *onnx.Node) bool {
		if isRecurrentOp(n) || n.OpType == "Loop" || n.OpType == "Scan" {
			return true
		}
		for _, a := range n.Attributes {
			if a.Graph != nil && holdsRecurrent(a.Graph) {
				return true
			}
		}
		return false
	})
}

// holdsGates tells whether a graph may have a cell in elementary ops.
func holdsGates(g *onnx.Graph) bool {
	count := map[string]int{}
	for _, n := range g.Nodes {
		count[n.OpType]++
	}
	return count["Sigmoid"]+count["HardSigmoid"] >= 2 && count["Tanh"] > 0 && count["Mul"] >= 3
}

// candidate is a stack with the wiring of the room that it stands in.
type candidate struct {
	*stack
	wiring *wiring
}

// candidates finds the stacks of all rooms. An error counts only if there is no
// stack: an unreadable RNN beside a readable one is not the file's refusal.
func (v *view) candidates(seed uint64) ([]candidate, error) {
	var all []candidate
	var first error
	for _, room := range v.rooms() {
		room.openStates()
		found, err := room.recurrences()
		if err != nil {
			if first == nil || errs.CodeOf(first) == errs.NoRecurrence {
				first = err
			}
			continue
		}
		w := room.wire(found, seed)
		stacks := w.stacks()
		for i := range stacks {
			all = append(all, candidate{&stacks[i], w})
		}
		if len(stacks) == 0 && first == nil && len(room.unread) > 0 {
			first = room.unread[0]
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, first
}

// largest is the candidate of the most weights, the first of equals.
func largest(all []candidate) candidate {
	best := all[0]
	for _, c := range all {
		if c.parameters() > best.parameters() {
			best = c
		}
	}
	return best
}
