// Package nn has the trained layers that encoders, emulator and predictors are
// made of: parameters with PyTorch's initial values, and how to apply them.
package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
)

// uniform fills p with values within ±bound.
func uniform(p *grad.Param, bound float64, r *rand.Rand) *grad.Param {
	for i := range p.Value {
		p.Value[i] = float32((2*r.Float64() - 1) * bound)
	}
	return p
}

// Linear is y = x·Wᵀ + b, W [out, in].
type Linear struct{ W, B *grad.Param }

// NewLinear draws weights as torch.nn.Linear does: uniform within 1/sqrt(in).
func NewLinear(name string, in, out int, r *rand.Rand) *Linear {
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{uniform(grad.NewParam(name+".weight", out, in), bound, r), uniform(grad.NewParam(name+".bias", 1, out), bound, r)}
}

// Params lists the weights and biases.
func (l *Linear) Params() []*grad.Param { return []*grad.Param{l.W, l.B} }

// Apply returns x·Wᵀ + b.
func (l *Linear) Apply(x grad.Var) grad.Var {
	t := x.Tape()
	return grad.Linear(x, t.Param(l.W), t.Param(l.B))
}

// MLP is a stack of Linear layers with GELU in between.
type MLP struct{ Layers []*Linear }

// NewMLP takes the widths from input to output.
func NewMLP(name string, widths []int, r *rand.Rand) *MLP {
	m := &MLP{}
	for i := 1; i < len(widths); i++ {
		m.Layers = append(m.Layers, NewLinear(fmt.Sprintf("%s.%d", name, i-1), widths[i-1], widths[i], r))
	}
	return m
}

// Params lists the layers' parameters in order.
func (m *MLP) Params() (ps []*grad.Param) {
	for _, l := range m.Layers {
		ps = append(ps, l.Params()...)
	}
	return ps
}

// Apply runs the stack.
func (m *MLP) Apply(x grad.Var) grad.Var {
	for i, l := range m.Layers {
		if i > 0 {
			x = grad.Gelu(x)
		}
		x = l.Apply(x)
	}
	return x
}

// LSTM is one layer with PyTorch's weights.
type LSTM struct{ IH, HH, BIH, BHH *grad.Param }

// NewLSTM draws weights as torch.nn.LSTM does: uniform within 1/sqrt(hidden).
func NewLSTM(name string, in, hidden int, r *rand.Rand) *LSTM {
	bound := 1 / math.Sqrt(float64(hidden))
	return &LSTM{
		IH:  uniform(grad.NewParam(name+".weight_ih", 4*hidden, in), bound, r),
		HH:  uniform(grad.NewParam(name+".weight_hh", 4*hidden, hidden), bound, r),
		BIH: uniform(grad.NewParam(name+".bias_ih", 1, 4*hidden), bound, r),
		BHH: uniform(grad.NewParam(name+".bias_hh", 1, 4*hidden), bound, r),
	}
}

// Remember sets the forget gate's initial bias, so that the layer keeps its cell
// over about exp(bias) steps before it has learned to (Jozefowicz et al., 2015).
func (l *LSTM) Remember(bias float32) *LSTM {
	hidden := len(l.BIH.Value) / 4
	for i := hidden; i < 2*hidden; i++ {
		l.BIH.Value[i], l.BHH.Value[i] = bias, 0
	}
	return l
}

// Params lists the four weights.
func (l *LSTM) Params() []*grad.Param { return []*grad.Param{l.IH, l.HH, l.BIH, l.BHH} }

// Bind puts the weights on a tape.
func (l *LSTM) Bind(t *grad.Tape) grad.Weights {
	return grad.Weights{IH: t.Param(l.IH), HH: t.Param(l.HH), BIH: t.Param(l.BIH), BHH: t.Param(l.BHH)}
}
