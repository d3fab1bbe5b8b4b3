package importer

import (
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// stepCell is what a step turned out to be.
type stepCell struct {
	layer   rnn.Layer
	weights []float32
	input   *product // the product that reads the layer's input
	columns []int    // of the input's features in the product's data
	lanes   []int    // place of each batch entry among the product's vectors, at this step
	units   []int    // unit of each element of the hidden state
	batch   []int    // batch entry of each element of the hidden state
	byUnit  bool     // the hidden state is stored unit by unit
}

// load puts the weights into dst.
func (c *stepCell) load(dst []float32) { copy(dst, c.weights) }

// cell recovers the step's cell; false if it is none of those known.
func (s *step) cell() (*stepCell, bool) {
	if !s.explore() {
		return nil, false
	}
	r, ok := s.roles()
	if !ok {
		return nil, false
	}
	c := &stepCell{layer: rnn.Layer{Cell: r.cell, Variant: r.variant}}
	if !s.order(c) || !s.inputs(c) {
		return nil, false
	}
	info, ok := s.variant(c, r)
	if !ok {
		return nil, false
	}
	c.layer.Cell = info.Name
	c.layer.Variant.Peepholes = len(s.peepholes) > 0
	if (rnn.Spec{Layers: []rnn.Layer{c.layer}}).Validate() != nil {
		return nil, false
	}
	m := rnn.NewModel(rnn.Spec{Layers: []rnn.Layer{c.layer}})
	if !s.fill(c, m, r) {
		return nil, false
	}
	c.weights = m.Weights
	return c, true
}

// order finds the unit and batch entry of every element of the hidden state, in
// the order in which the first recurrent product reads them.
func (s *step) order(c *stepCell) bool {
	for _, p := range s.products {
		state, ok := s.stateOf(p)
		if !ok {
			continue
		}
		n := s.shape[s.h].Len()
		dims := s.shape[p.data].Dims
		columns := map[int]bool{}
		col, vector := make([]int, n), make([]int, n)
		for i, element := range state {
			if element >= 0 {
				col[element], vector[element] = p.col(i, dims), p.vector(i, dims)
				columns[p.col(i, dims)] = true
			}
		}
		hidden := len(columns)
		if hidden == 0 || n%hidden != 0 {
			return false
		}
		list := make([]int, 0, hidden)
		for k := range columns {
			list = append(list, k)
		}
		slices.Sort(list)
		c.layer.Hidden = hidden
		c.units, c.batch = make([]int, n), vector
		for e := range n {
			c.units[e], _ = slices.BinarySearch(list, col[e])
		}
		return c.layout()
	}
	return false
}

// layout finds how the hidden state is stored: [batch, units] or the other way
// round.
func (c *stepCell) layout() bool {
	n, rows, cols := len(c.units), true, true
	batch := n / c.layer.Hidden
	for e := range n {
		rows = rows && c.units[e] == e%c.layer.Hidden && c.batch[e] == e/c.layer.Hidden
		cols = cols && c.units[e] == e/batch && c.batch[e] == e%batch
	}
	c.byUnit = !rows
	return rows || cols
}

// distance compares a hidden state of the graph with step t of y.
func (c *stepCell) distance(state *onnx.Tensor, y sequence, t int) float64 {
	got := state.Float32s()
	want := y.data[t*y.batch*y.width : (t+1)*y.batch*y.width]
	if len(got) != len(want) {
		return inf
	}
	if c.byUnit {
		want = transpose(want, y.batch, y.width)
	}
	return distance(got, want)
}

// identity tells whether each batch entry is the vector of the same number.
func (c *stepCell) identity() bool {
	for b, lane := range c.lanes {
		if b != lane {
			return false
		}
	}
	return true
}

// vectors splits a value that the input product reads at one step into the
// layer's inputs of each batch entry.
func (c *stepCell) vectors(data *onnx.Tensor) (x []float32, batch int, err error) {
	x = c.input.vectors(data, c.columns)
	if data.Len()%c.input.cols != 0 || len(x) == 0 {
		n := c.input.node
		return nil, 0, errs.New(errs.ShapeMismatch, "node %q (%s) reads a value of dimensions %v", n.Label(), n.OpType, data.Dims).At(n.Label())
	}
	return x, len(x) / c.layer.Inputs, nil
}

// inputs finds the product that reads the layer's input and its columns there.
func (s *step) inputs(c *stepCell) bool {
	for _, p := range s.products {
		columns := s.inputColumns(p)
		if len(columns) > 0 && c.input == nil {
			c.input, c.columns = p, columns
			c.layer.Inputs = len(columns)
		}
	}
	return c.input != nil
}

// inputColumns lists the columns of a product's data that are not the state.
func (s *step) inputColumns(p *product) []int {
	state, _ := s.stateOf(p)
	var columns []int
	for i, dims := 0, s.shape[p.data].Dims; i < s.shape[p.data].Len(); i++ {
		if k := p.col(i, dims); p.vector(i, dims) == 0 && (state == nil || state[i] < 0) {
			columns = append(columns, k)
		}
	}
	return columns
}

// variant finds the activations of the gates; those of one kind must agree.
func (s *step) variant(c *stepCell, r gates) (rnn.CellInfo, bool) {
	info, _ := rnn.LookupCell(r.cell)
	var list []rnn.Activation
	for _, kind := range [][]string{{"i", "f", "o", "r", "z"}, {"g", "n", "h"}} {
		var shared []rnn.Activation
		for _, name := range kind {
			g, ok := r.of[name]
			if !ok {
				continue
			}
			a, ok := s.function(g)
			if !ok || len(shared) > 0 && shared[0] != a || g.negated && g.activation.node.OpType != "Sigmoid" && !r.variant.InputForget {
				return info, false
			}
			shared = append(shared, a)
		}
		list = append(list, shared[:min(1, len(shared))]...)
	}
	if r.squash != nil {
		list = append(list, activationOf(r.squash.node))
	}
	info, c.layer.Variant.Activations = chooseCell(info.ONNXOp, list)
	return info, true
}

// function describes what a gate's activation computes of W*x + R*h + b. Clipping
// a scaled and shifted value is a HardSigmoid.
func (s *step) function(g gate) (rnn.Activation, bool) {
	if !g.activation.clip {
		return activationOf(g.activation.node), true
	}
	shifted := func() setting {
		t := s.linear(1)
		for _, b := range s.biases {
			if s.shape[b].Len() == 1 {
				delete(t.values, b)
			}
		}
		return t
	}
	for _, p := range s.products {
		tr, ok := follow(shifted, p.out, g.activation.input, g.at)
		if ok && tr.by > 0 {
			return rnn.Activation{Name: "HardSigmoid", Alpha: float32(tr.by / g.activation.span), Beta: float32(tr.plus / g.activation.span)}, true
		}
	}
	return rnn.Activation{}, false
}

// activationOf describes an activation node.
func activationOf(n *onnx.Node) rnn.Activation {
	a := rnn.Activation{Name: activationOps[n.OpType]}
	takes := onnx.ActivationFunctions[a.Name]
	if takes.Alpha != nil {
		a.Alpha = n.Float("alpha", *takes.Alpha)
	}
	if takes.Beta != nil {
		a.Beta = n.Float("beta", *takes.Beta)
	}
	return a
}
