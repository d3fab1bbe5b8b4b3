package rnn

import (
	"slices"
	"strconv"

	"rnnrep/internal/grad"
)

// Unroll runs the stack over a sequence from the zero state, one input [R,
// Inputs] a step, and returns what the last layer puts out at every step, [R, Width].
// Where inputs are narrower, the RNN's other inputs are zero. It takes any spec:
// reverse and bidirectional layers read the sequence backwards; a Variant runs as
// the cell it departs from.
func (p *Population) Unroll(inputs []grad.Var) []grad.Var {
	xs := inputs
	for i, l := range p.Spec.Layers {
		directions := make([][]grad.Var, l.Directions())
		for d := range directions {
			directions[d] = p.direction(i, d, xs)
		}
		xs = directions[0]
		if l.Bidirectional {
			xs = make([]grad.Var, len(inputs))
			for t := range xs {
				xs[t] = grad.Concat(directions[0][t], directions[1][t])
			}
		}
	}
	return xs
}

// Readout returns the first n outputs, at most OutputSize, of what the last layer
// puts out: [R, n] of h, [R, Width].
func (p *Population) Readout(h grad.Var, n int) grad.Var {
	if p.Spec.Outputs == 0 {
		return firstCols(h, n)
	}
	return grad.LinearEach(h, firstCols(p.slots["linear.weight"], n*h.Cols()), firstCols(p.slots["linear.bias"], n))
}

// direction runs one direction of layer i; h is in the order of xs.
func (p *Population) direction(i, d int, xs []grad.Var) []grad.Var {
	l := p.Spec.Layers[i]
	suffix := "_l" + strconv.Itoa(i)
	if d == 1 {
		suffix += "_reverse"
	}
	w := grad.Weights{IH: readingFirst(p.slots["weight_ih"+suffix], l.Inputs, xs[0].Cols()), HH: p.slots["weight_hh"+suffix], BIH: p.slots["bias_ih"+suffix], BHH: p.slots["bias_hh"+suffix]}
	backwards := d == 1 || l.Reverse
	xs = slices.Clone(xs)
	if backwards {
		slices.Reverse(xs)
	}
	var state grad.State
	for t, x := range xs {
		xs[t], state = grad.Recurrent(layerOps[l.Cell], w, grad.Steps{X: x, T: 1}, state)
	}
	if backwards {
		slices.Reverse(xs)
	}
	return xs
}

// readingFirst are the weights of the first n of an RNN's inputs: ih is [N,
// gates*H*inputs].
func readingFirst(ih grad.Var, inputs, n int) grad.Var {
	if n == inputs {
		return ih
	}
	rows := ih.Rows() * ih.Cols() / inputs
	return grad.Reshape(grad.Slice(grad.Reshape(ih, rows, inputs), 0, n), ih.Rows(), rows/ih.Rows()*n)
}

func firstCols(x grad.Var, n int) grad.Var {
	if n == x.Cols() {
		return x
	}
	return grad.Slice(x, 0, n)
}
