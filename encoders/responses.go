package encoders

import (
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

func init() { register("responses", newResponses) }

// Features per RNN.
const (
	spreadFeatures     = grad.StatisticsCount
	marksFeatures      = 2 * len(magnitudes)
	alterationFeatures = 2 * alteredKinds * (len(alterationLags) + 4*spreadFeatures)
	sumFeatures        = (3 + 6*len(secondMarks)) * marksFeatures
	strokeFeatures     = len(strokeLooks) * (4*spreadFeatures + 1)
	sampleFeatures     = (3*len(sampleSpans) + 1 + 2) * spreadFeatures
	shapeFeatures      = 6
	responseFeatures   = alterationFeatures + sumFeatures + strokeFeatures + sampleFeatures + shapeFeatures
)

// responseWidth is how many of an RNN's inputs are driven, the others being zero,
// and how many of its outputs are looked at.
const responseWidth = 64

// newResponses makes an MLP on statistics of what an RNN puts out when it reads
// fixed sequences, as any RNN may, or its own outputs: how sure its answers are,
// how they move, how long an altered input shows, how exactly numbers are kept and
// added, and whether what it generates is regular. Of the weights it reads the
// statistics of layerwise_statistics, which are hidden of every other RNN in
// training: they tell cells apart, and what is learned from them alone of one cell
// is wrong of another. Hidden states, which do so too, are not looked at.
func newResponses(c Config, r *rand.Rand) (Encoder, error) {
	n, err := newFeatureNet(c, statisticsFeatures+responseFeatures, r)
	if err != nil {
		return nil, err
	}
	n.least = smallestResponse
	return &responses{featureEncoder{n, c, statisticsAndResponsesOf}}, nil
}

func statisticsAndResponsesOf(t *grad.Tape, p *rnn.Population) grad.Var {
	return grad.Concat(statisticsOf(t, p), responsesOf(t, p))
}

type responses struct{ featureEncoder }

const (
	// responseNoise is how much Blur adds, in units of the spread over the zoo.
	responseNoise = 0.5
	// smallestResponse is the least spread of a feature that is scaled to one: many
	// are of numbers that float32 has to 1e-5 only.
	smallestResponse = 0.02
	// smallestScale keeps features finite whatever training makes of a scale.
	smallestScale = 1e-9
)

// Blur adds normal noise to each feature; for every other RNN it makes the
// statistics of the weights the zoo's means.
func (e *responses) Blur(r *rand.Rand, features []float32) {
	hide := r.IntN(2) == 0
	for i := range features {
		scale := e.scale.Value[i]
		if math.Abs(float64(scale)) < smallestScale {
			scale = smallestScale
		}
		features[i] += responseNoise * float32(r.NormFloat64()) / scale
		if hide && i < statisticsFeatures {
			features[i] = -e.shift.Value[i] / scale
		}
	}
}

// responsesOf returns the features, [N, responseFeatures].
func responsesOf(t *grad.Tape, p *rnn.Population) grad.Var {
	given := sequencesOf(min(p.Spec.Inputs(), responseWidth))
	last := p.Unroll(given.all.bind(t, p.Models))
	answers := mapped(func(h grad.Var) grad.Var { return p.Readout(h, min(p.Spec.OutputSize(), responseWidth)) }, last)
	to := func(s sequences) (ys []grad.Var) {
		for _, y := range answers[:len(s.steps)] {
			ys = append(ys, s.rowsOf(p.Models, given.all.rows, y))
		}
		return ys
	}
	parts := alterations(p.Models, to(given.altered), given.altered.bind(t, p.Models))
	parts = append(parts, markedSums(p.Models, to(given.marked), given.marked)...)
	parts = append(parts, strokes(p.Models, to(given.strokes))...)
	parts = append(parts, samples(t, p)...)
	return concatAll(append(parts, shapeOf(t, p)))
}

// outputScale brings outputs, logits as a rule, to where a tanh tells them apart.
const outputScale = 0.1

func mapped(f func(grad.Var) grad.Var, xs []grad.Var) []grad.Var {
	ys := make([]grad.Var, len(xs))
	for i, x := range xs {
		ys[i] = f(x)
	}
	return ys
}

// bounded keeps numbers within -1 and 1 and shows those about 1 best.
func bounded(x grad.Var) grad.Var { return grad.Tanh(grad.Scale(x, 0.5)) }

// each puts what belongs to a model into its row: [N*rows, cols] becomes [N, rows*cols].
func each(models int, x grad.Var) grad.Var {
	return grad.Reshape(x, models, x.Rows()/models*x.Cols())
}

// part i of n of what belongs to each model.
func part(models, i, n int, x grad.Var) grad.Var {
	x = each(models, x)
	return grad.Slice(x, i*x.Cols()/n, x.Cols()/n)
}

// sureness is the sum of squares of the probabilities in each row, 1 where one of
// them is: [rows, cols] becomes [rows, 1].
func sureness(p grad.Var) grad.Var {
	squares := grad.Reshape(grad.Mul(p, p), p.Rows()*p.Cols(), 1)
	return grad.Scale(grad.Mean(squares, p.Cols(), 1), float32(p.Cols()))
}

// spread are the seven statistics of all the numbers of each model.
func spread(xs ...grad.Var) grad.Var { return grad.Statistics(concatAll(xs)) }

func deviation(x grad.Var) grad.Var { return grad.Slice(grad.Statistics(x), 1, 1) }

// magnitudes of numbers that are told apart.
var magnitudes = [...]float32{0.5, 4, 32}

// marks are mean and deviation of each model's numbers, as small, middle and great
// ones are told apart best, marksFeatures columns.
func marks(x grad.Var) grad.Var {
	m := grad.Slice(grad.Statistics(x), 0, 2)
	var parts []grad.Var
	for _, s := range magnitudes {
		parts = append(parts, grad.Tanh(grad.Scale(m, s)))
	}
	return grad.Concat(parts...)
}

// alterations are how outputs, as probabilities and as numbers, spread, move and
// follow the next input, and how far and how long they differ where one step of
// the sequence was another.
func alterations(models int, ys, xs []grad.Var) (parts []grad.Var) {
	for _, f := range []func(grad.Var) grad.Var{grad.Softmax, bounded} {
		vs := mapped(f, ys)
		parts = append(parts, lasting(models, vs)...)
		for kind := range alteredKinds {
			of := func(x grad.Var) grad.Var { return part(models, kind, alteredKinds, x) }
			var values, moves, sure []grad.Var
			for step := alteredSettled; step < alteredSteps; step += 2 {
				values, sure = append(values, of(vs[step])), append(sure, of(sureness(vs[step])))
				moves = append(moves, minus(of(vs[step]), of(vs[step-1])))
			}
			parts = append(parts, spread(values...), spread(moves...), spread(sure...), echo(mapped(of, vs), mapped(of, xs)))
		}
	}
	return parts
}

// lasting are the root mean squares of the differences of pairs, step by step.
func lasting(models int, vs []grad.Var) (parts []grad.Var) {
	for _, lag := range alterationLags {
		for kind := range alteredKinds {
			d := part(models, kind, alteredKinds, apart(vs[alteredStep+lag]))
			parts = append(parts, deviation(grad.Concat(d, grad.Scale(d, -1))))
		}
	}
	return parts
}

// echo is how outputs differ from the next inputs, where there are as many.
func echo(vs, xs []grad.Var) grad.Var {
	if vs[0].Cols() != xs[0].Cols() {
		return vs[0].Tape().Zeros(vs[0].Rows(), spreadFeatures)
	}
	var errors []grad.Var
	for step := alteredSettled; step+1 < alteredSteps; step++ {
		errors = append(errors, minus(vs[step], xs[step+1]))
	}
	return spread(grad.Tanh(concatAll(errors)))
}

// markedSums are how exactly outputs add a marked number, and keep the sum while
// other numbers pass.
func markedSums(models int, ys []grad.Var, s sequences) []grad.Var {
	first := markedNumbers(models, s, ys[0])
	parts := []grad.Var{
		marks(each(models, ys[firstMark-1])),
		marks(each(models, minus(ys[firstMark], first))),
		marks(each(models, minus(ys[firstMark+2], ys[firstMark]))),
	}
	for i, second := range secondMarks {
		for _, x := range []grad.Var{
			minus(ys[second-1], ys[firstMark]), minus(ys[second], ys[second-1]),
			minus(ys[second+2], ys[second]), minus(ys[second+8], ys[second]), minus(ys[second+15], ys[second]),
			minus(ys[second+8], first),
		} {
			parts = append(parts, marks(part(models, i, len(secondMarks), x)))
		}
	}
	return parts
}

// markedNumbers are the first marked number of each sequence, for every output.
func markedNumbers(models int, s sequences, y grad.Var) grad.Var {
	outputs := y.Cols()
	v := make([]float32, s.rows*outputs)
	for i := range v {
		v[i] = s.steps[firstMark][i/outputs*s.inputs]
	}
	return repeated(y.Tape(), models, s.rows, outputs, v)
}

// strokes are how sure of their answers RNNs are that read a picture of strokes,
// tile by tile, and how answers to different pictures differ.
func strokes(models int, ys []grad.Var) (parts []grad.Var) {
	of := func(x grad.Var) grad.Var { return each(models, x) }
	for _, step := range strokeLooks {
		v := grad.Softmax(ys[step])
		parts = append(parts, spread(of(v)), spread(of(grad.Tanh(grad.Scale(ys[step], outputScale)))), spread(of(sureness(v))),
			spread(of(minus(v, grad.Softmax(ys[step-strokeMoves])))), deviation(grad.Mean(v, strokeRows, 1)))
	}
	return parts
}

// apart are the differences of pairs of rows: [2*rows, cols] becomes [rows, cols].
func apart(x grad.Var) grad.Var {
	cols := x.Cols()
	x = grad.Reshape(x, x.Rows()/2, 2*cols)
	return minus(grad.Slice(x, 0, cols), grad.Slice(x, cols, cols))
}

func minus(a, b grad.Var) grad.Var { return grad.Add(a, grad.Scale(b, -1)) }

// shapeOf describes the spec, alike for every RNN of the population.
func shapeOf(t *grad.Tape, p *rnn.Population) grad.Var {
	s := p.Spec
	readout := float32(0)
	if s.Outputs > 0 {
		readout = 1
	}
	row := []float32{log2(s.Inputs()), log2(s.Layers[0].Width()), log2(s.Width()), float32(len(s.Layers)), log2(s.OutputSize()), readout}
	return repeated(t, p.Models, 1, shapeFeatures, row)
}

func log2(n int) float32 { return float32(math.Log2(float64(n))) }
