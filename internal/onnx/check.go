package onnx

import (
	"container/heap"
	"sort"

	"rnnrep/internal/errs"
)

// names are what a graph defines: the index of the node that makes a name, or -1
// for inputs and initializers. Graphs inside nodes see those around them.
type names struct {
	maker map[string]int
	outer *names
}

func (n *names) known(name string) bool {
	for ; n != nil; n = n.outer {
		if _, ok := n.maker[name]; ok {
			return true
		}
	}
	return false
}

// check verifies names and puts the nodes into topological order, here and in
// the graphs inside nodes.
func (g *Graph) check(outer *names) error {
	own, err := g.names(outer)
	if err != nil {
		return err
	}
	if err := g.sort(own); err != nil {
		return err
	}
	for _, o := range g.Outputs {
		if !own.known(o.Name) {
			return errs.New(errs.InvalidGraph, "nothing makes the output %q", o.Name).At(o.Name)
		}
	}
	for _, n := range g.Nodes {
		for _, a := range n.Attributes {
			if a.reference != "" {
				return errs.New(errs.InvalidGraph, "node %q refers to the attribute %q of a function, but is in none", n.Label(), a.reference).At(n.Label())
			}
			if a.Graph == nil {
				continue
			}
			if err := a.Graph.check(own); err != nil {
				return err
			}
		}
	}
	return nil
}

// names collects what the graph defines; a name has one origin (SSA), except
// that an initializer may be the default of an input.
func (g *Graph) names(outer *names) (*names, error) {
	own := &names{maker: make(map[string]int, len(g.Nodes)+len(g.Initializers)), outer: outer}
	for _, t := range g.Initializers {
		if _, dup := own.maker[t.Name]; dup {
			return nil, errs.New(errs.InvalidGraph, "two initializers are named %q", t.Name).At(t.Name)
		}
		own.maker[t.Name] = -1
	}
	inputs := make(map[string]bool, len(g.Inputs))
	for _, v := range g.Inputs {
		if inputs[v.Name] {
			return nil, errs.New(errs.InvalidGraph, "two inputs are named %q", v.Name).At(v.Name)
		}
		inputs[v.Name] = true
		own.maker[v.Name] = -1
	}
	for i, n := range g.Nodes {
		for _, o := range n.Outputs {
			if o == "" {
				continue
			}
			if _, dup := own.maker[o]; dup {
				return nil, errs.New(errs.InvalidGraph, "node %q makes %q, which is made elsewhere too", n.Label(), o).At(n.Label()).Accepts("a name to be made once (SSA)")
			}
			own.maker[o] = i
		}
	}
	return own, nil
}

// sort orders the nodes so that every one follows those it reads from; of those
// that may come next, the first in the file does.
func (g *Graph) sort(own *names) error {
	waits := make([]int, len(g.Nodes))     // how many a node waits for
	readers := make([][]int, len(g.Nodes)) // who waits for it
	sorted := true
	for i, n := range g.Nodes {
		seen := -1
		for _, in := range n.Reads() {
			from, ok := own.maker[in]
			switch {
			case !ok && !own.outer.known(in):
				return errs.New(errs.InvalidGraph, "node %q (%s) reads %q, which nothing makes", n.Label(), n.OpType, in).At(n.Label())
			case !ok || from < 0 || from == seen:
				continue
			case from == i:
				return errs.New(errs.InvalidGraph, "node %q (%s) reads its own output", n.Label(), n.OpType).At(n.Label())
			}
			sorted = sorted && from < i
			waits[i]++
			readers[from] = append(readers[from], i)
			seen = from
		}
	}
	if sorted {
		return nil
	}
	ready := &intHeap{}
	for i, n := range waits {
		if n == 0 {
			ready.IntSlice = append(ready.IntSlice, i)
		}
	}
	order := make([]*Node, 0, len(g.Nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, g.Nodes[i])
		for _, r := range readers[i] {
			if waits[r]--; waits[r] == 0 {
				heap.Push(ready, r)
			}
		}
	}
	if len(order) < len(g.Nodes) {
		return errs.New(errs.InvalidGraph, "the nodes form a cycle").Accepts("an acyclic graph")
	}
	g.Nodes = order
	return nil
}

// intHeap is a heap of node indices.
type intHeap struct{ sort.IntSlice }

func (h *intHeap) Push(x any) { h.IntSlice = append(h.IntSlice, x.(int)) }

func (h *intHeap) Pop() any {
	last := len(h.IntSlice) - 1
	x := h.IntSlice[last]
	h.IntSlice = h.IntSlice[:last]
	return x
}

// Reads lists the names that a node reads, those of the graphs around it that
// its own graphs read included. The list may be the node's own.
func (n *Node) Reads() []string {
	if n.plain() {
		return n.Inputs[:len(n.Inputs):len(n.Inputs)]
	}
	var read []string
	for _, in := range n.Inputs {
		if in != "" {
			read = append(read, in)
		}
	}
	for _, a := range n.Attributes {
		if a.Graph != nil {
			read = append(read, a.Graph.reads()...)
		}
	}
	return read
}

// plain tells whether a node has all of its inputs and no graphs inside.
func (n *Node) plain() bool {
	for _, in := range n.Inputs {
		if in == "" {
			return false
		}
	}
	for _, a := range n.Attributes {
		if a.Graph != nil {
			return false
		}
	}
	return true
}

// reads lists the names that a graph reads from those around it.
func (g *Graph) reads() []string {
	own := make(map[string]bool, len(g.Nodes)+len(g.Inputs))
	for _, v := range g.Inputs {
		own[v.Name] = true
	}
	for _, t := range g.Initializers {
		own[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			own[o] = true
		}
	}
	var read []string
	add := func(name string) {
		if !own[name] {
			own[name] = true // once is enough
			read = append(read, name)
		}
	}
	for _, n := range g.Nodes {
		for _, in := range n.Reads() {
			add(in)
		}
	}
	for _, o := range g.Outputs {
		add(o.Name)
	}
	return read
}
