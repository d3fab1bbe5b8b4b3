package onnxref

func init() { register(gru, "GRU") }

// gruCell is one GRU; gates are stacked z, r, h.
type gruCell struct {
	*recurrent
	pre   []float64   // [batch, 3*hidden]
	reset [][]float64 // r * h of every sequence
	rest  []float64   // [batch, 3*hidden], of which the last third holds R h + Rb
	after bool        // linear_before_reset
}

func gru(c *call) ([]*value, error) {
	r, err := c.recurrent(3, "Sigmoid", "Tanh")
	if err != nil {
		return nil, err
	}
	g := &gruCell{recurrent: r, reset: make([][]float64, r.batch), after: c.node.Int("linear_before_reset", 0) != 0}
	if g.pre, err = r.scratch(3 * r.hidden); err != nil {
		return nil, err
	}
	if g.rest, err = r.scratch(3 * r.hidden); err != nil {
		return nil, err
	}
	if err := r.run(g); err != nil {
		return nil, err
	}
	return r.outputs(r.h)
}

func (g *gruCell) step(d int, x, h [][]float64) error {
	n := 3 * g.hidden
	g.begin(g.pre, d, x, 2*g.hidden)
	g.w[d].addProduct(g.pre, n, 0, n, x)
	g.r[d].addProduct(g.pre, n, 0, 2*g.hidden, h)
	f := g.activations[d][0]
	for b := range h {
		g.reset[b] = nil
		if h[b] == nil {
			continue
		}
		pre := g.pre[b*n : (b+1)*n]
		for k := range 2 * g.hidden {
			pre[k] = f(g.clamp(pre[k]))
		}
		g.reset[b] = h[b]
		if !g.after { // the candidate sees r * h; pre[r] is free afterwards
			reset := pre[g.hidden : 2*g.hidden]
			for k := range reset {
				reset[k] *= h[b][k]
			}
			g.reset[b] = reset
		}
		copy(g.rest[b*n+2*g.hidden:(b+1)*n], g.bias[d][n+2*g.hidden:])
	}
	g.r[d].addProduct(g.rest, n, 2*g.hidden, n, g.reset)
	for b := range h {
		if h[b] != nil {
			g.candidate(d, g.pre[b*n:(b+1)*n], g.rest[b*n:(b+1)*n], h[b])
		}
	}
	return nil
}

// candidate finishes a step of one sequence: h = (1-z) * candidate + z * h.
func (g *gruCell) candidate(d int, pre, rest, h []float64) {
	n, activate := g.hidden, g.activations[d][1]
	for k := range n {
		recurrence := rest[2*n+k]
		if g.after {
			recurrence *= pre[n+k]
		}
		z := pre[k]
		h[k] = (1-z)*activate(g.clamp(pre[2*n+k]+recurrence)) + z*h[k]
	}
}
