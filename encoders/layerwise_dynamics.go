package encoders

import (
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

func init() { register("layerwise_dynamics", newLayerwiseDynamics) }

// The RNN reads drivenRows sequences: the first half tokens, as one-hot rows, the
// others normal numbers. Sequences 2i and 2i+1 differ in their first drivenApart
// steps alone.
const (
	drivenRows  = 8
	drivenSteps = 32
	drivenApart = 16
	// drivenInputs bounds the numbers that all sequences are made of: RNNs of many
	// inputs read the same steps again.
	drivenInputs = 1 << 18
	// drivenWidth is how many of the inputs are driven, the others being zero, and
	// how many of the outputs are looked at.
	drivenWidth = 1 << 12
)

// Features per RNN.
const (
	shapeFeatures    = 6
	pooledFeatures   = 2 * len(statisticsTensors) * grad.StatisticsCount
	momentsFeatures  = 5 * grad.StatisticsCount // of each of two layers, the outputs and their softmax
	dynamicsFeatures = statisticsFeatures + pooledFeatures + 4*momentsFeatures + shapeFeatures
)

// newLayerwiseDynamics makes an MLP on statistics of the weights, as
// layerwise_statistics reads them, and of what the RNN does: the RNN reads fixed
// random sequences, and the states of its first and last layer and its outputs
// are summed up by how they spread, how they move from step to step, and how long
// they remember that two sequences began differently. It reads any spec, and its
// numbers mean much the same for RNNs of any cell and width; those of the paper
// read one architecture, or RNNs of one format.
func newLayerwiseDynamics(c Config, r *rand.Rand) (Encoder, error) {
	return newFeatureEncoder(c, dynamicsFeatures, dynamicsOf, r)
}

// dynamicsOf returns the features, [N, dynamicsFeatures].
func dynamicsOf(t *grad.Tape, p *rnn.Population) grad.Var {
	last := len(p.Spec.Layers) - 1
	parts := []grad.Var{statisticsOf(t, p)}
	for _, layer := range []int{0, last} {
		for _, tensor := range statisticsTensors {
			parts = append(parts, scaledStatistics(t, p, layerTensor(tensor, layer), 0, 1, p.Spec.Layers[layer].Hidden))
		}
	}
	layers := p.Unroll(drivingInputs(t, p))
	states := momentsOf(layers[last])
	outputs := states.apply(func(h grad.Var) grad.Var { return p.Readout(h, min(p.Spec.OutputSize(), drivenWidth)) })
	scaled := func(x grad.Var) grad.Var { return grad.Scale(x, outputScale) }
	for _, m := range []moments{
		momentsOf(layers[0]).apply(grad.Tanh), states.apply(grad.Tanh), outputs.apply(scaled).apply(grad.Tanh), outputs.apply(grad.Softmax),
	} {
		parts = append(parts, m.statistics(p.Models)...)
	}
	return concatAll(append(parts, shapeOf(t, p)))
}

// outputScale brings outputs, logits as a rule, to where a tanh tells them apart.
const outputScale = 0.1

// drivingInputs are the sequences, one [N*drivenRows, inputs driven] a step.
func drivingInputs(t *grad.Tape, p *rnn.Population) []grad.Var {
	n := min(p.Spec.Inputs(), drivenWidth)
	r := rng.Stream(0, "driving inputs", uint64(n))
	distinct := min(drivenSteps, drivenInputs/(drivenRows*n)&^1) // as many before as after drivenApart
	zeros := t.Zeros(p.Models*drivenRows, n)
	var rows []grad.Var
	for i := range distinct {
		v := drivingStep(r, n, i >= distinct/2)
		rows = append(rows, grad.AddRepeated(zeros, t.Input("", drivenRows, n, v), p.Models, drivenRows))
	}
	var xs []grad.Var
	for step := range drivenSteps {
		half := step / drivenApart
		xs = append(xs, rows[half*distinct/2+step%(distinct/2)])
	}
	return xs
}

// drivingStep draws a step of all sequences; pairs of them may be equal.
func drivingStep(r *rand.Rand, inputs int, pairs bool) []float32 {
	v := make([]float32, drivenRows*inputs)
	for row := range drivenRows {
		x := v[row*inputs : (row+1)*inputs]
		switch {
		case pairs && row%2 == 1:
			copy(x, v[(row-1)*inputs:])
		case row >= drivenRows/2:
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
		default:
			drawToken(r, x)
		}
	}
	return v
}

// moments are the values of the steps looked at, [N*drivenRows, width] each.
type moments struct {
	parting     grad.Var // the last at which pairs of sequences differ
	before, end grad.Var // the last two
}

func momentsOf(xs []grad.Var) moments {
	return moments{xs[drivenApart-1], xs[drivenSteps-2], xs[drivenSteps-1]}
}

func (m moments) apply(f func(grad.Var) grad.Var) moments {
	return moments{f(m.parting), f(m.before), f(m.end)}
}

// statistics are those of the values at the end, for either half of the sequences;
// of the last step's change; and of how pairs of sequences differ, at the end and
// when they begin to be equal.
func (m moments) statistics(models int) []grad.Var {
	pairs := func(x grad.Var) grad.Var { return each(models, apart(x)) }
	end, half := each(models, m.end), drivenRows/2*m.end.Cols()
	var parts []grad.Var
	for _, x := range []grad.Var{grad.Slice(end, 0, half), grad.Slice(end, half, half), each(models, minus(m.end, m.before)), pairs(m.end), pairs(m.parting)} {
		parts = append(parts, grad.Statistics(x))
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
