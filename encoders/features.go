package encoders

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

// featureEncoder reads RNNs of any spec through fixed features, in which the order
// of hidden units does not show.
type featureEncoder struct {
	*featureNet
	config Config
	of     features
}

// features computes those of N RNNs, [N, width].
type features func(t *grad.Tape, p *rnn.Population) grad.Var

func newFeatureEncoder(c Config, width int, of features, r *rand.Rand) (Encoder, error) {
	n, err := newFeatureNet(c, width, r)
	if err != nil {
		return nil, err
	}
	return &featureEncoder{n, c, of}, nil
}

// Accepts any spec.
func (e *featureEncoder) Accepts() Acceptance {
	return Acceptance{TrainedOn: e.config.Spec, Shapes: e.config.Shapes}
}

// PermutationInvariant: features do not depend on the order of units.
func (e *featureEncoder) PermutationInvariant() bool { return true }

// Encode returns the MLP's outputs.
func (e *featureEncoder) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return e.EncodeFeatures(t, e.of(t, p))
}

// Features are those that the MLP reads.
func (e *featureEncoder) Features(t *grad.Tape, p *rnn.Population) grad.Var { return e.of(t, p) }

// Prepare sets the scaling from the training population.
func (e *featureEncoder) Prepare(models []*rnn.Model) {
	t, rows := grad.NewTape().Inference(), make([][]float32, len(models))
	for i, m := range models {
		t.Reset()
		rows[i] = slices.Clone(e.of(t, rnn.Bind(t, m)).Value())
	}
	e.PrepareFeatures(rows)
}

// featureNet is an MLP on features, standardised.
type featureNet struct {
	scale, shift *grad.Param // to zero mean and unit spread over the training zoo
	least        float64     // of spreads: bounds what a constant feature is multiplied by
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
	n := &featureNet{scale: grad.NewParam("scale", 1, features), shift: grad.NewParam("shift", 1, features), least: smallestSpread}
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

// PrepareFeatures sets the scaling from the features of each RNN. Values that are
// not finite, of RNNs that overflow, do not count.
func (n *featureNet) PrepareFeatures(rows [][]float32) {
	width := len(n.scale.Value)
	mean, square, count := make([]float64, width), make([]float64, width), make([]int, width)
	for _, row := range rows {
		for i, v := range row {
			if notFinite(v) {
				continue
			}
			count[i]++
			mean[i] += float64(v) / float64(len(rows))
			square[i] += float64(v) * float64(v) / float64(len(rows))
		}
	}
	for i, m := range mean {
		counted := float64(len(rows)) / float64(max(count[i], 1))
		m *= counted
		spread := math.Sqrt(max(square[i]*counted-m*m, 0))
		s := 1 / max(spread, n.least)
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
