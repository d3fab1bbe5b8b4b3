package nn

import (
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
)

// LayerNorm has a scale and a shift for each of n columns.
type LayerNorm struct{ W, B *grad.Param }

// NewLayerNorm starts with scale 1 and shift 0, as torch.nn.LayerNorm does.
func NewLayerNorm(name string, n int) *LayerNorm {
	l := &LayerNorm{grad.NewParam(name+".weight", 1, n), grad.NewParam(name+".bias", 1, n)}
	for i := range l.W.Value {
		l.W.Value[i] = 1
	}
	return l
}

// Params lists scale and shift.
func (l *LayerNorm) Params() []*grad.Param { return []*grad.Param{l.W, l.B} }

// Apply normalises each row.
func (l *LayerNorm) Apply(x grad.Var) grad.Var {
	t := x.Tape()
	return grad.LayerNorm(x, t.Param(l.W), t.Param(l.B))
}

// Attention is multi-head self-attention: a linear layer to queries, keys and
// values, attention, a linear layer back.
type Attention struct {
	In, Out *Linear
	Heads   int
}

// NewAttention draws weights as torch.nn.MultiheadAttention does: In by Glorot
// and Bengio (2010) with zero bias, Out as a linear layer with zero bias. heads
// must divide dim.
func NewAttention(name string, dim, heads int, r *rand.Rand) *Attention {
	in := &Linear{uniform(grad.NewParam(name+".in.weight", 3*dim, dim), math.Sqrt(6/float64(4*dim)), r), grad.NewParam(name+".in.bias", 1, 3*dim)}
	out := NewLinear(name+".out", dim, dim, r)
	clear(out.B.Value)
	return &Attention{in, out, heads}
}

// Params lists the weights and biases of In and Out.
func (a *Attention) Params() []*grad.Param { return append(a.In.Params(), a.Out.Params()...) }

// Apply attends within each sequence of n rows.
func (a *Attention) Apply(x grad.Var, n int) grad.Var {
	return a.Out.Apply(grad.Attention(a.In.Apply(x), n, a.Heads))
}

// TransformerLayer adds to each row what attention and then an MLP of one
// hidden layer make of its normalised values (torch.nn.TransformerEncoderLayer
// with norm_first and tanh-form GELU).
type TransformerLayer struct {
	Norm1, Norm2 *LayerNorm
	Attention    *Attention
	MLP          *MLP
}

// NewTransformerLayer draws weights as the parts do.
func NewTransformerLayer(name string, dim, heads, hidden int, r *rand.Rand) *TransformerLayer {
	return &TransformerLayer{NewLayerNorm(name+".norm1", dim), NewLayerNorm(name+".norm2", dim),
		NewAttention(name+".attention", dim, heads, r), NewMLP(name+".mlp", []int{dim, hidden, dim}, r)}
}

// Params lists those of attention, MLP and the two norms.
func (l *TransformerLayer) Params() []*grad.Param {
	ps := append(l.Attention.Params(), l.MLP.Params()...)
	return append(append(ps, l.Norm1.Params()...), l.Norm2.Params()...)
}

// Apply runs the layer over sequences of n rows.
func (l *TransformerLayer) Apply(x grad.Var, n int) grad.Var {
	x = grad.Add(x, l.Attention.Apply(l.Norm1.Apply(x), n))
	return grad.Add(x, l.MLP.Apply(l.Norm2.Apply(x)))
}
