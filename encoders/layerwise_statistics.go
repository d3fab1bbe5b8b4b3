package encoders

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

func init() { register("layerwise_statistics", newLayerwiseStatistics) }

// layerwiseStatistics is an MLP on seven statistics of every gate of the first
// and the last layer and of the readout (Unterthiner et al., 2020; paper,
// section 4). It reads any spec: what an RNN lacks is zero.
type layerwiseStatistics struct {
	options      statisticsOptions
	scale, shift *grad.Param // to zero mean and unit spread over the training zoo
	mlp          *nn.MLP
	spec         rnn.Spec
}

type statisticsOptions struct {
	Hidden []int `json:"hidden"`
}

// Features per RNN: two layers of four gates of four tensors, two of the readout.
const (
	statisticsGates    = 4
	statisticsFeatures = grad.StatisticsCount * (2*statisticsGates*len(statisticsTensors) + 2)
)

// statisticsTensors are those of a layer.
var statisticsTensors = [...]string{"weight_ih", "weight_hh", "bias_ih", "bias_hh"}

// featureLimit bounds a standardised feature softly, so that an odd RNN cannot
// push the MLP arbitrarily far.
const featureLimit = 4

func newLayerwiseStatistics(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, statisticsOptions{Hidden: []int{256, 256}})
	if err != nil {
		return nil, err
	}
	widths := append(append([]int{statisticsFeatures}, o.Hidden...), c.Dim)
	if err := cmp.Or(checkSizes(c.Kind, widths...), checkWeights(c.Kind, mlpWeights(widths...))); err != nil {
		return nil, err
	}
	e := &layerwiseStatistics{options: o, spec: c.Spec,
		scale: grad.NewParam("scale", 1, statisticsFeatures), shift: grad.NewParam("shift", 1, statisticsFeatures)}
	for i := range e.scale.Value {
		e.scale.Value[i] = 1
	}
	e.mlp = nn.NewMLP("mlp", widths, r)
	return e, nil
}

// Params lists the scaling too; it is trained like the rest.
func (e *layerwiseStatistics) Params() []*grad.Param {
	return append([]*grad.Param{e.scale, e.shift}, e.mlp.Params()...)
}

// Accepts any spec.
func (e *layerwiseStatistics) Accepts() Acceptance { return Acceptance{TrainedOn: e.spec} }

// PermutationInvariant: statistics do not depend on order.
func (e *layerwiseStatistics) PermutationInvariant() bool { return true }

// Encode returns the MLP's outputs.
func (e *layerwiseStatistics) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return e.EncodeFeatures(t, e.Features(t, p))
}

// Features are the statistics.
func (e *layerwiseStatistics) Features(t *grad.Tape, p *rnn.Population) grad.Var {
	return statisticsOf(t, p)
}

// EncodeFeatures returns the MLP's outputs on statistics.
func (e *layerwiseStatistics) EncodeFeatures(t *grad.Tape, statistics grad.Var) grad.Var {
	x := grad.Standardize(statistics, t.Param(e.scale), t.Param(e.shift))
	x = grad.Scale(grad.Tanh(grad.Scale(x, 1.0/featureLimit)), featureLimit)
	return e.mlp.Apply(x)
}

// Prepare sets the scaling from the training population.
func (e *layerwiseStatistics) Prepare(models []*rnn.Model) {
	t := grad.NewTape().Inference()
	mean, square := make([]float64, statisticsFeatures), make([]float64, statisticsFeatures)
	for _, m := range models {
		t.Reset()
		for i, v := range statisticsOf(t, rnn.Bind(t, m)).Value() {
			mean[i] += float64(v) / float64(len(models))
			square[i] += float64(v) * float64(v) / float64(len(models))
		}
	}
	for i, m := range mean {
		spread := math.Sqrt(max(square[i]-m*m, 0))
		s := 1 / max(spread, smallestSpread)
		e.scale.Value[i], e.shift.Value[i] = float32(s), float32(-m*s)
	}
}

// statisticsOf returns the features, [N, statisticsFeatures]. Weights are
// scaled by the square root of the layer's width: their initial spread then
// does not depend on it.
func statisticsOf(t *grad.Tape, p *rnn.Population) grad.Var {
	var parts []grad.Var
	for _, layer := range []int{0, len(p.Spec.Layers) - 1} {
		parts = append(parts, layerStatistics(t, p, layer)...)
	}
	for _, name := range []string{"linear.weight", "linear.bias"} {
		parts = append(parts, scaledStatistics(t, p, name, 0, 1, p.Spec.Width()))
	}
	return concatAll(parts)
}

// Statistics returns the features that layerwise_statistics reads, not scaled,
// [len(models), len(StatisticsNames())].
func Statistics(models []*rnn.Model) []float32 {
	t := grad.NewTape().Inference()
	var all []float32
	for _, m := range models {
		t.Reset()
		all = append(all, statisticsOf(t, rnn.Bind(t, m)).Value()...)
	}
	return all
}

// StatisticsNames names the features: "first.i.weight_ih.mean". Gates of other
// cells than the LSTM stand where gates of like purpose do.
func StatisticsNames() (names []string) {
	add := func(of string) {
		for _, s := range []string{"mean", "deviation", "minimum", "quartile1", "median", "quartile3", "maximum"} {
			names = append(names, of+"."+s)
		}
	}
	for _, layer := range []string{"first", "last"} {
		for _, gate := range []string{"i", "f", "g", "o"} {
			for _, tensor := range statisticsTensors {
				add(layer + "." + gate + "." + tensor)
			}
		}
	}
	add("linear.weight")
	add("linear.bias")
	return names
}

// layerStatistics are one layer's, gate by gate in statisticsSlot's order.
func layerStatistics(t *grad.Tape, p *rnn.Population, layer int) (parts []grad.Var) {
	l := p.Spec.Layers[layer]
	cell, _ := rnn.LookupCell(l.Cell)
	bySlot := map[int]int{}
	for i, g := range cell.Gates {
		bySlot[statisticsSlot[g]] = i
	}
	for slot := range statisticsGates {
		gate, ok := bySlot[slot]
		for _, tensor := range statisticsTensors {
			if !ok {
				parts = append(parts, t.Zeros(p.Models, grad.StatisticsCount))
				continue
			}
			parts = append(parts, scaledStatistics(t, p, fmt.Sprintf("%s_l%d", tensor, layer), gate, len(cell.Gates), l.Hidden))
		}
	}
	return parts
}

// statisticsSlot puts gates of like purpose of different cells in one place.
var statisticsSlot = map[string]int{"i": 0, "z": 0, "f": 1, "r": 1, "g": 2, "n": 2, "h": 2, "o": 3}

// scaledStatistics are those of one gate's part of a tensor, or zeros.
func scaledStatistics(t *grad.Tape, p *rnn.Population, name string, gate, gates, width int) grad.Var {
	v, ok := p.Slot(name)
	if !ok {
		return t.Zeros(p.Models, grad.StatisticsCount)
	}
	cols := v.Cols() / gates
	return grad.Scale(grad.Statistics(grad.Slice(v, gate*cols, cols)), float32(math.Sqrt(float64(width))))
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
