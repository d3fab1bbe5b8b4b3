package onnxref

func init() { register(lstm, "LSTM") }

// lstmCell is one LSTM; gates are stacked i, o, f, c, peepholes i, o, f.
type lstmCell struct {
	*recurrent
	cells     [][]float64 // [batch, hidden]
	peepholes [][]float64 // [3*hidden]
	pre       []float64   // [batch, 4*hidden]
	coupled   bool        // input_forget
}

func lstm(c *call) ([]*value, error) {
	r, err := c.recurrent(4, "Sigmoid", "Tanh", "Tanh")
	if err != nil {
		return nil, err
	}
	return r.lstm()
}

// lstm runs the cell on operands that have been read.
func (r *recurrent) lstm() ([]*value, error) {
	l := &lstmCell{recurrent: r, coupled: r.node.Int("input_forget", 0) != 0}
	var err error
	if l.cells, err = r.state(6); err != nil {
		return nil, err
	}
	if l.peepholes, err = r.perDirection(7, 3*r.hidden); err != nil {
		return nil, err
	}
	if l.pre, err = r.scratch(4 * r.hidden); err != nil {
		return nil, err
	}
	if err := r.run(l); err != nil {
		return nil, err
	}
	return r.outputs(r.h, l.cells)
}

func (l *lstmCell) step(d int, x, h [][]float64) error {
	n := 4 * l.hidden
	l.begin(l.pre, d, x, n)
	l.w[d].addProduct(l.pre, n, 0, n, x)
	l.r[d].addProduct(l.pre, n, 0, n, h)
	for b := range h {
		if h[b] != nil {
			l.gate(d, l.pre[b*n:(b+1)*n], h[b], l.rowOf(l.cells[d], b))
		}
	}
	return nil
}

// gate computes the new state of one sequence from its pre-activations.
func (l *lstmCell) gate(d int, pre, h, c []float64) {
	n, p := l.hidden, l.peepholes[d]
	f, g, out := l.activations[d][0], l.activations[d][1], l.activations[d][2]
	for k := range n {
		input := f(l.clamp(pre[k] + p[k]*c[k]))
		forget := 1 - input
		if !l.coupled {
			forget = f(l.clamp(pre[2*n+k] + p[2*n+k]*c[k]))
		}
		c[k] = forget*c[k] + input*g(l.clamp(pre[3*n+k]))
		output := f(l.clamp(pre[n+k] + p[n+k]*c[k]))
		h[k] = output * out(c[k]) // not clipped: ONNX Runtime does not either
	}
}
