package onnx

import (
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"rnnrep/internal/errs"
)

// check verifies names and puts the nodes into topological order. outer holds
// the names that an enclosing graph defines.
func (g *Graph) check(outer map[string]bool) error {
	maker := map[string]int{} // name -> node; -1: input or initializer
	given := map[string]bool{}
	for _, t := range g.Initializers {
		if given[t.Name] {
			return errs.New(errs.InvalidGraph, "two initializers are named %q", t.Name).At(t.Name)
		}
		given[t.Name] = true
		maker[t.Name] = -1
	}
	inputs := map[string]bool{}
	for _, v := range g.Inputs {
		if inputs[v.Name] {
			return errs.New(errs.InvalidGraph, "two inputs are named %q", v.Name).At(v.Name)
		}
		inputs[v.Name] = true
		maker[v.Name] = -1
	}
	for i, n := range g.Nodes {
		for _, o := range n.Outputs {
			if _, dup := maker[o]; dup && o != "" {
				return errs.New(errs.InvalidGraph, "node %q makes %q, which is made elsewhere too", n.Label(), o).At(n.Label()).Accepts("a name to be made once (SSA)")
			}
			maker[o] = i
		}
	}
	delete(maker, "")
	if err := g.sort(maker, outer); err != nil {
		return err
	}
	for _, o := range g.Outputs {
		if _, ok := maker[o.Name]; !ok && !outer[o.Name] {
			return errs.New(errs.InvalidGraph, "nothing makes the output %q", o.Name).At(o.Name)
		}
	}
	return g.checkInner(maker, outer)
}

// sort orders the nodes so that every one follows those it reads from.
func (g *Graph) sort(maker map[string]int, outer map[string]bool) error {
	d := simple.NewDirectedGraph()
	for i := range g.Nodes {
		d.AddNode(simple.Node(i))
	}
	for i, n := range g.Nodes {
		for _, in := range n.reads() {
			from, ok := maker[in]
			switch {
			case !ok && !outer[in]:
				return errs.New(errs.InvalidGraph, "node %q (%s) reads %q, which nothing makes", n.Label(), n.OpType, in).At(n.Label())
			case !ok || from < 0:
			case from == i:
				return errs.New(errs.InvalidGraph, "node %q (%s) reads its own output", n.Label(), n.OpType).At(n.Label())
			default:
				d.SetEdge(simple.Edge{F: simple.Node(from), T: simple.Node(i)})
			}
		}
	}
	order, err := topo.SortStabilized(d, nil)
	if err != nil {
		return errs.New(errs.InvalidGraph, "the nodes form a cycle").Accepts("an acyclic graph")
	}
	sorted := make([]*Node, len(order))
	for i, n := range order {
		sorted[i] = g.Nodes[n.ID()]
	}
	g.Nodes = sorted
	return nil
}

// reads lists the names a node reads, those of graphs inside it included.
func (n *Node) reads() []string {
	var names []string
	for _, in := range n.Inputs {
		if in != "" {
			names = append(names, in)
		}
	}
	for _, a := range n.Attributes {
		if a.Graph == nil {
			continue
		}
		own := map[string]bool{}
		for _, v := range a.Graph.Inputs {
			own[v.Name] = true
		}
		for _, t := range a.Graph.Initializers {
			own[t.Name] = true
		}
		for _, inner := range a.Graph.Nodes {
			for _, o := range inner.Outputs {
				own[o] = true
			}
		}
		for _, inner := range a.Graph.Nodes {
			for _, in := range inner.reads() {
				if !own[in] {
					names = append(names, in)
				}
			}
		}
	}
	return names
}

func (g *Graph) checkInner(maker map[string]int, outer map[string]bool) error {
	var known map[string]bool
	for _, n := range g.Nodes {
		for _, a := range n.Attributes {
			if a.Graph == nil {
				continue
			}
			if known == nil {
				known = map[string]bool{}
				for name := range maker {
					known[name] = true
				}
				for name := range outer {
					known[name] = true
				}
			}
			if err := a.Graph.check(known); err != nil {
				return err
			}
		}
	}
	return nil
}
