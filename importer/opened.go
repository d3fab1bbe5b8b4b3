package importer

import (
	"bytes"
	"slices"

	"rnnrep/internal/onnx"
)

// openStates lets constants vary that are the states before the first step of a
// recurrence written out: what is multiplied, once, by a matrix that multiplies
// inner values elsewhere, and the cell state beside it. A first step is then a
// step as all others, and its states can be set to zeros.
func (v *view) openStates() {
	var recurrent []*product
	for _, g := range v.productGroups() {
		recurrent = append(recurrent, g[0])
	}
	for _, n := range v.graph.Nodes {
		if name := v.constantFactor(n, recurrent); name != "" {
			v.open(name)
		}
	}
	if len(v.opened) == 0 {
		return
	}
	v.index()
	for _, name := range v.constantCells() {
		v.open(name)
	}
	v.index()
	for name := range v.constants {
		if v.varying[name] {
			delete(v.constants, name)
		}
	}
}

// open makes a constant an input with a value.
func (v *view) open(name string) {
	if t, err := v.constant(name); err == nil && t != nil && t.Type.Float() && t.Len() > 0 {
		if v.opened == nil {
			v.opened = tensors{}
		}
		v.opened[name], v.varying[name] = t, true
	}
}

// constantFactor is what a product of two constants multiplies by the matrix of
// one of the products given; "" for other nodes.
func (v *view) constantFactor(n *onnx.Node, products []*product) string {
	if n.Domain != "" || n.OpType != "MatMul" && n.OpType != "Gemm" || len(n.Inputs) < 2 || len(n.Outputs) != 1 || v.varying[n.Outputs[0]] {
		return ""
	}
	for i := range 2 {
		w, err := v.constant(n.Inputs[1-i])
		if err != nil || w == nil {
			continue
		}
		if slices.ContainsFunc(products, func(p *product) bool {
			return p.weight == w || slices.Equal(p.weight.Dims, w.Dims) && bytes.Equal(p.weight.Raw, w.Raw)
		}) {
			return n.Inputs[i]
		}
	}
	return ""
}

// constantCells lists constants as large as an opened state that one node alone
// reads, which multiplies them by what depends on that state.
func (v *view) constantCells() (list []string) {
	for h, state := range v.opened {
		above := v.above(h)
		for _, n := range v.graph.Nodes {
			if n.OpType != "Mul" || n.Domain != "" || len(n.Inputs) != 2 || !above[n.Outputs[0]] {
				continue
			}
			for i, in := range n.Inputs {
				t, err := v.constant(in)
				if err == nil && t != nil && t.Len() == state.Len() && above[n.Inputs[1-i]] && len(v.readers(in)) == 1 {
					list = append(list, in)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
