package encoders

import (
	"fmt"
	"math"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

func init() { register("layerwise_statistics", newLayerwiseStatistics) }

// Features per RNN: two layers of four gates of four tensors, two of the readout.
const (
	statisticsGates    = 4
	statisticsFeatures = grad.StatisticsCount * (2*statisticsGates*len(statisticsTensors) + 2)
)

// statisticsTensors are those of a layer.
var statisticsTensors = [...]string{"weight_ih", "weight_hh", "bias_ih", "bias_hh"}

// newLayerwiseStatistics makes an MLP on seven statistics of every gate of the
// first and the last layer and of the readout (Unterthiner et al., 2020; paper,
// section 4). It reads any spec: what an RNN lacks is zero.
func newLayerwiseStatistics(c Config, r *rand.Rand) (Encoder, error) {
	return newFeatureEncoder(c, statisticsFeatures, statisticsOf, r)
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
			parts = append(parts, scaledStatistics(t, p, layerTensor(tensor, layer), gate, len(cell.Gates), l.Hidden))
		}
	}
	return parts
}

func layerTensor(name string, layer int) string { return fmt.Sprintf("%s_l%d", name, layer) }

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
