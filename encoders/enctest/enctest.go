// Package enctest is the compliance suite of encoders: what must hold of every
// kind, whatever it computes. It must not know any kind by name.
package enctest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// Case is an encoder under test, small enough for finite differences.
type Case struct {
	Config encoders.Config
	// OrderFree says that the encoder does not see the order of a tensor's
	// values at all, so that even an inconsistent permutation changes nothing.
	OrderFree bool
}

const (
	seed         = 5
	population   = 5
	emulateSteps = 4
)

// Run puts the encoder through the suite.
func Run(t *testing.T, c Case) {
	t.Run("gradients", func(t *testing.T) { checkGradients(t, c.Config) })
	t.Run("batch", func(t *testing.T) { checkBatch(t, c.Config) })
	t.Run("seed", func(t *testing.T) { checkSeed(t, c.Config) })
	t.Run("inference", func(t *testing.T) { checkInference(t, c.Config) })
	t.Run("permutation", func(t *testing.T) { checkPermutation(t, c) })
	t.Run("options", func(t *testing.T) { checkOptions(t, c.Config) })
	t.Run("acceptance", func(t *testing.T) { checkAcceptance(t, c.Config) })
	t.Run("odd weights", func(t *testing.T) { checkOddWeights(t, c.Config) })
	t.Run("bundle", func(t *testing.T) { checkBundle(t, c.Config) })
	t.Run("prober", func(t *testing.T) { checkProber(t, c.Config) })
}

// Models draws n RNNs with weights of the size that training gives them.
func Models(s rnn.Spec, n int) []*rnn.Model {
	models := make([]*rnn.Model, n)
	for i := range models {
		models[i] = rnn.NewModel(s)
		r := rng.Stream(seed, "models", uint64(i))
		for j := range models[i].Weights {
			models[i].Weights[j] = float32(r.NormFloat64() * 0.6)
		}
	}
	return models
}

// build makes the encoder, prepared as training does it.
func build(t *testing.T, c encoders.Config, r *rand.Rand) encoders.Encoder {
	t.Helper()
	e, err := encoders.New(c, r)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := e.(encoders.Preparer); ok {
		p.Prepare(Models(c.Spec, population))
	}
	return e
}

// embed returns the unit embeddings of all models at once.
func embed(e encoders.Encoder, models ...*rnn.Model) []float32 {
	t := grad.NewTape().Inference()
	return slices.Clone(encoders.Embeddings(t, e, rnn.Bind(t, models...)).Value())
}

// checkBatch: an RNN's embedding does not depend on what else is in the batch.
// One RNN alone goes through matrix-vector products, whose sums run in another
// order: those may differ by rounding.
func checkBatch(t *testing.T, c encoders.Config) {
	e, models := build(t, c, rng.Stream(seed, "encoder", 0)), Models(c.Spec, population)
	all := embed(e, models...)
	slices.Reverse(models)
	reversed := embed(e, models...)
	for i, m := range models {
		want := all[(population-1-i)*c.Dim : (population-i)*c.Dim]
		if got := reversed[i*c.Dim : (i+1)*c.Dim]; !slices.Equal(got, want) {
			t.Errorf("at another place of a batch the embedding is %v, not %v", got, want)
		}
		if got := embed(e, m); distance(got, want) > 1e-6 {
			t.Errorf("alone the embedding is %v, in a batch %v", got, want)
		}
	}
}

// distance is the greatest difference; infinite where a value is no number.
func distance(a, b []float32) float64 {
	var worst float64
	for i, x := range a {
		d := math.Abs(float64(x) - float64(b[i]))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}

// checkSeed: the initial weights are a function of the random stream, and
// parameters have distinct names and gradient buffers of their own.
func checkSeed(t *testing.T, c encoders.Config) {
	a, b := build(t, c, rng.Stream(seed, "encoder", 0)), build(t, c, rng.Stream(seed, "encoder", 0))
	other := build(t, c, rng.Stream(seed, "encoder", 1))
	differ := false
	names := map[string]bool{}
	for i, p := range a.Params() {
		q := b.Params()[i]
		if p == q || p.Name != q.Name || !slices.Equal(p.Value, q.Value) {
			t.Errorf("parameter %d: %s and %s are not equal copies", i, p.Name, q.Name)
		}
		if names[p.Name] || len(p.Value) != p.Rows*p.Cols || len(p.Grad) != len(p.Value) {
			t.Errorf("parameter %s of %dx%d: name in use, or %d values and %d gradients", p.Name, p.Rows, p.Cols, len(p.Value), len(p.Grad))
		}
		names[p.Name] = true
		differ = differ || !slices.Equal(p.Value, other.Params()[i].Value)
	}
	if !differ {
		t.Error("another seed gives the same weights")
	}
	models := Models(c.Spec, population)
	if !slices.Equal(embed(a, models...), embed(b, models...)) {
		t.Error("equal encoders give different embeddings")
	}
}

// checkInference: a tape that skips what gradients need computes the same bits.
func checkInference(t *testing.T, c encoders.Config) {
	e, models := build(t, c, rng.Stream(seed, "encoder", 0)), Models(c.Spec, population)
	tape := grad.NewTape()
	z := encoders.Embeddings(tape, e, rnn.Bind(tape, models...))
	if got := embed(e, models...); !slices.Equal(got, z.Value()) {
		t.Errorf("inference gives %v, training %v", got, z.Value())
	}
	if z.Rows() != population || z.Cols() != c.Dim {
		t.Errorf("embeddings are %dx%d, want %dx%d", z.Rows(), z.Cols(), population, c.Dim)
	}
	for _, n := range tape.Nodes() {
		if n.Param != nil && !slices.Contains(e.Params(), n.Param) {
			t.Errorf("parameter %s is used but not listed by Params: it would be neither trained nor saved", n.Name)
		}
	}
}

// checkOptions: what is not an option is refused, and so is nonsense.
func checkOptions(t *testing.T, c encoders.Config) {
	for _, options := range []string{`{"no_such_option": 1}`, `{`, `[]`, `"text"`, `{} {}`} {
		c.Options = json.RawMessage(options)
		if _, err := encoders.New(c, rng.Stream(seed, "encoder", 0)); err == nil {
			t.Errorf("options %s are accepted", options)
		}
	}
	c.Options = nil
	for _, bad := range []func(*encoders.Config){
		func(c *encoders.Config) { c.Dim = 0 },
		func(c *encoders.Config) { c.Dim = 1 << 20 },
		func(c *encoders.Config) { c.Spec = rnn.Spec{} },
	} {
		d := c
		bad(&d)
		if _, err := encoders.New(d, rng.Stream(seed, "encoder", 0)); err == nil {
			t.Errorf("dimension %d and spec %s are accepted", d.Dim, d.Spec)
		}
	}
}

// checkProber: Encode is the loop that Begin, Advance and Finish describe.
func checkProber(t *testing.T, c encoders.Config) {
	p, ok := build(t, c, rng.Stream(seed, "encoder", 0)).(encoders.Prober)
	if !ok {
		return
	}
	tape := grad.NewTape().Inference()
	models := rnn.Bind(tape, Models(c.Spec, population)...)
	script, state := p.Script(tape), p.Begin(tape, models)
	for step := range p.Steps() {
		state = p.Advance(models, encoders.Given(script, step, population), state)
	}
	loop, whole := p.Finish(state), p.Encode(tape, models)
	if !slices.Equal(loop.Value(), whole.Value()) {
		t.Errorf("the loop gives %v, Encode %v", loop.Value(), whole.Value())
	}
}

// name is for messages about RNNs.
func name(s rnn.Spec) string { return fmt.Sprintf("%s (plain %v)", s, s.Plain()) }
