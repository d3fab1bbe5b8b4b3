package theory

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/internal/optim"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// LearnConfig says which prober learns to tell which RNNs apart.
type LearnConfig struct {
	Kind    string // interactive_probing or noninteractive_probing
	Cell    string
	Size    int  // functions
	Point   bool // of Points, otherwise of Thresholds
	Queries int
	Seed    uint64
	Steps   int // of the optimiser; 0: 3000
}

const (
	learnDim       = 16
	learnHidden    = 64
	learnRate      = 3e-3
	learnBatch     = 64
	testedNetworks = 512
	// Training begins with RNNs whose answers are gradual, so that there are
	// gradients, and ends with steep ones.
	firstSteepness = 1
	// testSteepness makes RNNs answer yes or no to all but a thousandth of the
	// real-valued queries that a mixture of tokens is.
	testSteepness = 1000
)

// Learn trains a prober of so many queries and a linear readout to name the
// function of RNNs, and returns the share of functions that it names right when
// answers are yes or no.
func Learn(c LearnConfig) (float64, error) {
	if c.Steps == 0 {
		c.Steps = 3000
	}
	r := rng.Stream(c.Seed, "learned prober", 0)
	first, err := Network(c.Cell, c.Size, 0, c.Point, Weights{})
	if err != nil {
		return 0, err
	}
	spec := first.Spec
	options := fmt.Sprintf(`{"steps":%d,"hidden":%d,"layers":1}`, c.Queries, learnHidden)
	e, err := encoders.New(encoders.Config{Kind: c.Kind, Dim: learnDim, Spec: spec, Options: json.RawMessage(options)}, r)
	if err != nil {
		return 0, err
	}
	head := nn.NewLinear("head", learnDim, c.Size, r)
	params := append(e.Params(), head.Params()...)
	adam := optim.NewAdamW(optim.DefaultAdamW(), params)
	rate := optim.WarmupCosine(learnRate, 100, c.Steps, 0.05)
	t := grad.NewTape()
	for step := range c.Steps {
		done := min(1, 1.25*float64(step)/float64(c.Steps))
		models, targets, err := networks(c, learnBatch, firstSteepness*math.Pow(Steepness/firstSteepness, done), r)
		if err != nil {
			return 0, err
		}
		t.Reset()
		t.Backward(grad.CrossEntropy(head.Apply(e.Encode(t, rnn.Bind(t, models...))), targets))
		optim.ClipNorm(params, 1)
		adam.Step(rate(step))
	}
	models, targets, err := networks(c, testedNetworks, testSteepness, r)
	if err != nil {
		return 0, err
	}
	t = grad.NewTape().Inference()
	return named(head.Apply(e.Encode(t, rnn.Bind(t, models...))), targets), nil
}

// networks draws RNNs, of every function as many.
func networks(c LearnConfig, n int, steepness float64, r *rand.Rand) (models []*rnn.Model, functions []int32, err error) {
	for i := range n {
		k := i % c.Size
		m, err := Network(c.Cell, c.Size, k, c.Point, Weights{float32(steepness), float32(0.8 * (r.Float64() - 0.5))})
		if err != nil {
			return nil, nil, err
		}
		models, functions = append(models, m), append(functions, int32(k))
	}
	return models, functions, nil
}

// named is the share of rows whose greatest logit is the target's.
func named(logits grad.Var, targets []int32) float64 {
	right := 0
	for k := range logits.Rows() {
		row := logits.Value()[k*logits.Cols() : (k+1)*logits.Cols()]
		best := 0
		for i, v := range row {
			if v > row[best] {
				best = i
			}
		}
		if best == int(targets[k]) {
			right++
		}
	}
	return float64(right) / float64(logits.Rows())
}
