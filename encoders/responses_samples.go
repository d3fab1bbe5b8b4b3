package encoders

import (
	"math"

	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// An RNN of as many outputs as inputs reads what it puts out: sampleEach sequences
// from each of the first tokens.
const (
	sampleEach  = 4
	sampleFirst = 8 // at most
	sampleSteps = 40
	// sampleSharpness makes a sampled token nearly a one-hot row, smoothly: a
	// choice would fall this way or that by rounding.
	sampleSharpness = 6
)

var (
	sampleSpans = [...][2]int{{2, 12}, {12, 24}, {24, sampleSteps}} // steps that are looked at together
	countScales = [...]float32{0.25, 2}
)

// samples are, of such sequences, how sure the RNN was, how what came next differed
// from what it expected, its outputs, and how regular the sequences are: whether
// sequences from one token have tokens in numbers of equal differences. There is
// none of this where the RNN has other inputs than outputs or runs backwards.
func samples(t *grad.Tape, p *rnn.Population) []grad.Var {
	n := p.Spec.Inputs()
	if n != p.Spec.OutputSize() || n > responseWidth || !p.Spec.Plain() {
		return []grad.Var{t.Zeros(p.Models, sampleFeatures)}
	}
	firsts := min(n, sampleFirst)
	g := generation{models: p.Models, rows: firsts * sampleEach, count: t.Zeros(p.Models*firsts*sampleEach, n)}
	x, state := g.begin(t, n), p.Start()
	for _, noise := range sampleNoise(n).bind(t, p.Models) {
		var y grad.Var
		y, state = p.Step(x, state)
		next := grad.Scale(bounded(y), 2)
		if n > 1 {
			next = grad.Softmax(grad.Scale(grad.Add(y, noise), sampleSharpness))
		}
		g.add(x, y, next)
		x = next
	}
	return g.features(firsts)
}

// sampleNoise is Gumbel's: of logits and noise, the greatest sum is a sample.
func sampleNoise(inputs int) sequences {
	s, r := newSequences(sampleSteps, sampleEach*min(inputs, sampleFirst), inputs), rng.Stream(0, "samples", uint64(inputs))
	for _, step := range s.steps {
		for i := range step {
			step[i] = float32(-math.Log(-math.Log(r.Float64())))
		}
	}
	return s
}

// generation collects what RNNs put out, [N, rows*cols] a step.
type generation struct {
	models, rows           int
	sure, surprise, output []grad.Var
	count                  grad.Var // of each token so far, [N*rows, inputs]
}

// begin gives every sequence its first token.
func (g *generation) begin(t *grad.Tape, inputs int) grad.Var {
	first := make([]float32, g.rows*inputs)
	for row := range g.rows {
		first[row*inputs+row/sampleEach] = 1
	}
	return repeated(t, g.models, g.rows, inputs, first)
}

// add takes a step: what was read, what was put out, and what is read next.
func (g *generation) add(x, y, next grad.Var) {
	p, expected := grad.Softmax(y), x
	if y.Cols() > 1 {
		expected = p
	}
	g.sure = append(g.sure, each(g.models, sureness(p)))
	g.surprise = append(g.surprise, each(g.models, minus(expected, next)))
	g.output = append(g.output, each(g.models, grad.Tanh(grad.Scale(y, outputScale))))
	g.count = grad.Add(g.count, x)
}

func (g *generation) features(firsts int) (parts []grad.Var) {
	for _, of := range [][]grad.Var{g.sure, g.surprise, g.output} {
		for _, span := range sampleSpans {
			parts = append(parts, spread(of[span[0]:span[1]]...))
		}
	}
	sum := g.sure[0]
	for _, s := range g.sure[1:] {
		sum = grad.Add(sum, s)
	}
	sum = grad.Scale(grad.Reshape(sum, g.models*g.rows, 1), 1.0/sampleSteps)
	parts = append(parts, spread(each(g.models, grad.Mean(sum, sampleEach, 1))))
	return append(parts, g.regularity()...)
}

// regularity is how the differences of the numbers of neighbouring tokens vary
// among sequences from one token.
func (g *generation) regularity() (parts []grad.Var) {
	n := g.count.Cols()
	if n == 1 {
		return []grad.Var{g.count.Tape().Zeros(g.models, len(countScales)*spreadFeatures)}
	}
	d := minus(grad.Slice(g.count, 1, n-1), grad.Slice(g.count, 0, n-1))
	d = grad.AddRepeated(d, grad.Scale(grad.Mean(d, sampleEach, 1), -1), sampleEach, 1)
	variance := each(g.models, grad.Mean(grad.Mul(d, d), sampleEach, 1))
	for _, s := range countScales {
		parts = append(parts, spread(grad.Tanh(grad.Scale(variance, s))))
	}
	return parts
}
