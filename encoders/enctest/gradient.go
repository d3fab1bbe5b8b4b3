package enctest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// trainingPass is one emulation loss as training computes it, with gradients.
type trainingPass struct {
	encoder  encoders.Encoder
	emulator *encoders.Emulator
	models   []*rnn.Model
	tape     *grad.Tape
	tokens   []int32
	inputs   []float32 // instead of tokens, where RNNs read real inputs
	targets  []float32 // probabilities
}

func newTrainingPass(t *testing.T, c encoders.Config) *trainingPass {
	r := rng.Stream(seed, "emulator", 0)
	emulator, err := encoders.NewEmulator(emulatorConfig(c, 6, 2), r)
	if err != nil {
		t.Fatal(err)
	}
	p := &trainingPass{encoder: build(t, c, rng.Stream(seed, "encoder", 0)), emulator: emulator, models: Models(c.Spec, 3), tape: grad.NewTape()}
	for range emulateSteps * len(p.models) {
		p.tokens = append(p.tokens, int32(r.IntN(c.Spec.Inputs())))
		p.targets = append(p.targets, distribution(r, c.Spec.OutputSize())...)
		for range c.Spec.Inputs() {
			p.inputs = append(p.inputs, float32(r.NormFloat64()))
		}
	}
	return p
}

// steps are the emulator's inputs.
func (p *trainingPass) steps() grad.Steps {
	if p.emulator.Config.Real {
		n := p.emulator.Config.Inputs
		return grad.Steps{X: p.tape.Input("", len(p.inputs)/n, n, p.inputs), T: emulateSteps}
	}
	return grad.Steps{Tokens: p.tokens, T: emulateSteps}
}

func distribution(r *rand.Rand, n int) []float32 {
	d := make([]float32, n)
	var sum float32
	for i := range d {
		d[i] = float32(r.ExpFloat64())
		sum += d[i]
	}
	for i := range d {
		d[i] /= sum
	}
	return d
}

func (p *trainingPass) params() []*grad.Param {
	return append(p.encoder.Params(), p.emulator.Params()...)
}

// loss is the divergence of the emulation, smooth so that differences apply. It
// is summed in float64 from the logits.
func (p *trainingPass) loss(backward bool) float64 {
	p.tape.Reset()
	z := encoders.Embeddings(p.tape, p.encoder, rnn.Bind(p.tape, p.models...))
	logits := p.emulator.Emulate(z, p.steps())
	if backward {
		p.tape.Backward(grad.KL(logits, p.targets))
	}
	var sum float64
	n := logits.Cols()
	for i := range logits.Rows() {
		var norm float64
		for _, x := range logits.Value()[i*n : (i+1)*n] {
			norm += math.Exp(float64(x))
		}
		for j, q := range p.targets[i*n : (i+1)*n] {
			sum += float64(q) * (math.Log(float64(q)) - float64(logits.Value()[i*n+j]) + math.Log(norm))
		}
	}
	return sum / float64(logits.Rows())
}

// rounding is a gradient that may be none.
const rounding = 1e-7

// checkGradients compares the gradients of the elements that matter most, and
// of one at random, of every parameter with central differences through
// encoder, emulator and loss. A parameter without any gradient is an error: it
// would never be trained.
func checkGradients(t *testing.T, c encoders.Config) {
	p := newTrainingPass(t, c)
	p.loss(true)
	r := rng.Stream(seed, "elements", 0)
	for _, param := range p.params() {
		order := make([]int, len(param.Grad))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Compare(math.Abs(float64(param.Grad[b])), math.Abs(float64(param.Grad[a])))
		})
		greatest := math.Abs(float64(param.Grad[order[0]]))
		if !(greatest > rounding) {
			t.Errorf("%s: the greatest gradient is %v", param.Name, greatest)
			continue
		}
		for _, i := range append(order[:min(3, len(order))], r.IntN(len(order))) {
			want := p.difference(param, i)
			if d := math.Abs(want - float64(param.Grad[i])); !(d < 2e-5+0.02*math.Abs(want)) {
				t.Errorf("%s, element %d: gradient %g, differences say %g", param.Name, i, param.Grad[i], want)
			}
		}
	}
}

// difference is the derivative of the loss by one element; Richardson's
// combination leaves an error of fourth order.
func (p *trainingPass) difference(param *grad.Param, i int) float64 {
	const h = 2e-2
	x := param.Value[i]
	at := func(d float32) float64 {
		param.Value[i] = x + d
		return p.loss(false)
	}
	derivative := (8*(at(h/2)-at(-h/2)) - (at(h) - at(-h))) / (6 * h)
	param.Value[i] = x
	return derivative
}
