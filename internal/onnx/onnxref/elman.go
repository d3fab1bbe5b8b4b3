package onnxref

func init() { register(elman, "RNN") }

// elmanCell is the operator RNN: h = f(W x + R h + b).
type elmanCell struct {
	*recurrent
	pre []float64 // [batch, hidden]
}

func elman(c *call) ([]*value, error) {
	r, err := c.recurrent(1, "Tanh")
	if err != nil {
		return nil, err
	}
	e := &elmanCell{recurrent: r}
	if e.pre, err = r.scratch(r.hidden); err != nil {
		return nil, err
	}
	if err := r.run(e); err != nil {
		return nil, err
	}
	return r.outputs(r.h)
}

func (e *elmanCell) step(d int, x, h [][]float64) error {
	n, f := e.hidden, e.activations[d][0]
	e.begin(e.pre, d, x, n)
	e.w[d].addProduct(e.pre, n, 0, n, x)
	e.r[d].addProduct(e.pre, n, 0, n, h)
	for b := range h {
		if h[b] != nil {
			for k := range n {
				h[b][k] = f(e.clamp(e.pre[b*n+k]))
			}
		}
	}
	return nil
}
