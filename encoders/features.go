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
	n := &featureNet{scale: grad.NewParam("scale", 1, features), shift: grad.NewParam("shift", 1, features)}
	for i := range n.scale.Value {
		n.scale.Value[i] = 1
	}
	n.mlp = nn.NewMLP("mlp", widths, r)
	return n, nil
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

// prepare sets the scaling from the features of the training population. Values
// that are not finite, of RNNs that overflow, do not count.
func (n *featureNet) prepare(models []*rnn.Model, features func(*grad.Tape, *rnn.Population) grad.Var) {
	t := grad.NewTape().Inference()
	width := len(n.scale.Value)
	mean, square, count := make([]float64, width), make([]float64, width), make([]int, width)
	for _, m := range models {
		t.Reset()
		for i, v := range features(t, rnn.Bind(t, m)).Value() {
			if notFinite(v) {
				continue
			}
			count[i]++
			mean[i] += float64(v) / float64(len(models))
			square[i] += float64(v) * float64(v) / float64(len(models))
		}
	}
	for i, m := range mean {
		counted := float64(len(models)) / float64(max(count[i], 1))
		m *= counted
		spread := math.Sqrt(max(square[i]*counted-m*m, 0))
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
