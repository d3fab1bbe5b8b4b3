package encoders

import (
	"cmp"
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

// featureNet is what encoders of fixed features share: an MLP on the features,
// standardised.
type featureNet struct {
	scale, shift *grad.Param // to zero mean and unit spread over the training zoo
	mlp          *nn.MLP
}

type featureOptions struct {
	Hidden []int `json:"hidden"`
}

// featureLimit bounds a standardised feature softly, so that an odd RNN cannot
// push the MLP arbitrarily far.
const featureLimit = 4

// newFeatureNet makes one for as many features.
func newFeatureNet(c Config, features int, r *rand.Rand) (*featureNet, error) {
	o, err := options(c, featureOptions{Hidden: []int{256, 256}})
	if err != nil {
		return nil, err
	}
	widths := append(append([]int{features}, o.Hidden...), c.Dim)
	if err := cmp.Or(checkSizes(c.Kind, widths...), checkWeights(c.Kind, mlpWeights(widths...))); err != nil {
		return nil, err
	}
	return featureNetOf("", widths, r), nil
}

// featureNetOf has parameters of a prefix and widths from the features to the output.
func featureNetOf(prefix string, widths []int, r *rand.Rand) *featureNet {
	n := &featureNet{scale: grad.NewParam(prefix+"scale", 1, widths[0]), shift: grad.NewParam(prefix+"shift", 1, widths[0])}
	for i := range n.scale.Value {
		n.scale.Value[i] = 1
	}
	n.mlp = nn.NewMLP(prefix+"mlp", widths, r)
	return n
}

// Params lists the scaling too; it is trained like the rest.
func (n *featureNet) Params() []*grad.Param {
	return append([]*grad.Param{n.scale, n.shift}, n.mlp.Params()...)
}

// EncodeFeatures returns the MLP's outputs on features.
func (n *featureNet) EncodeFeatures(t *grad.Tape, features grad.Var) grad.Var {
	x := grad.Standardize(features, t.Param(n.scale), t.Param(n.shift))
	x = grad.Scale(grad.Tanh(grad.Scale(x, 1.0/featureLimit)), featureLimit)
	return n.mlp.Apply(x)
}

// prepare sets the scaling from the features of the training population.
func (n *featureNet) prepare(models []*rnn.Model, features func(*grad.Tape, *rnn.Population) grad.Var) {
	t := grad.NewTape().Inference()
	mean, square := make([]float64, len(n.scale.Value)), make([]float64, len(n.scale.Value))
	for _, m := range models {
		t.Reset()
		for i, v := range features(t, rnn.Bind(t, m)).Value() {
			mean[i] += float64(v) / float64(len(models))
			square[i] += float64(v) * float64(v) / float64(len(models))
		}
	}
	for i, m := range mean {
		spread := math.Sqrt(max(square[i]-m*m, 0))
		s := 1 / max(spread, smallestSpread)
		n.scale.Value[i], n.shift.Value[i] = float32(s), float32(-m*s)
	}
}

// concatAll joins any number of parts, a few at a time.
func concatAll(parts []grad.Var) grad.Var {
	for len(parts) > 1 {
		var joined []grad.Var
		for i := 0; i < len(parts); i += grad.MaxInputs {
			joined = append(joined, grad.Concat(parts[i:min(i+grad.MaxInputs, len(parts))]...))
		}
		parts = joined
	}
	return parts[0]
}
