package encoders

import (
	"cmp"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

func init() { register("flattened", newFlattened) }

// flattened is an MLP on all weights (paper, section 4). That hidden units may
// stand in any order, it learns from permuted copies.
type flattened struct {
	permuting
	*scaling
	mlp *nn.MLP
}

type flattenedOptions struct {
	Hidden []int `json:"hidden"`
}

func newFlattened(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, flattenedOptions{Hidden: []int{128, 128}})
	if err != nil {
		return nil, err
	}
	widths := append(append([]int{c.Spec.Parameters()}, o.Hidden...), c.Dim)
	if err := cmp.Or(checkPlain(c), checkOneShape(c), checkSizes(c.Kind, widths[1:]...), checkWeights(c.Kind, mlpWeights(widths...))); err != nil {
		return nil, err
	}
	return &flattened{scaling: newScaling(c.Spec), mlp: nn.NewMLP("mlp", widths, r)}, nil
}

// Params lists the scaling too.
func (e *flattened) Params() []*grad.Param { return append(e.params(), e.mlp.Params()...) }

// Accepts RNNs of the zoo's own spec.
func (e *flattened) Accepts() Acceptance { return Acceptance{Exact: true, TrainedOn: e.spec} }

// Encode returns the MLP's outputs.
func (e *flattened) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return e.mlp.Apply(e.weights(t, p))
}
