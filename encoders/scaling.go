package encoders

import (
	"math"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// smallestSpread bounds what a constant input is multiplied by.
const smallestSpread = 1e-3

// scaling brings the weights of RNNs of one plain spec to zero mean and unit
// spread over the training zoo, each gate of each tensor as a whole.
type scaling struct {
	spec         rnn.Spec
	scale, shift *grad.Param // [1, weights]; trained like the rest
}

func newScaling(s rnn.Spec) *scaling {
	n := s.Parameters()
	e := &scaling{s, grad.NewParam("scale", 1, n), grad.NewParam("shift", 1, n)}
	for i := range e.scale.Value {
		e.scale.Value[i] = 1
	}
	return e
}

// Prepare sets the scaling from the training population.
func (e *scaling) Prepare(models []*rnn.Model) {
	for _, b := range gateBlocks(e.spec) {
		scale, shift := b.standardization(models)
		for i := b.first; i < b.last; i++ {
			e.scale.Value[i], e.shift.Value[i] = scale, shift
		}
	}
}

// params lists what is trained.
func (e *scaling) params() []*grad.Param { return []*grad.Param{e.scale, e.shift} }

// weights returns all weights in Layout's order, scaled, [N, weights].
func (e *scaling) weights(t *grad.Tape, p *rnn.Population) grad.Var {
	var parts []grad.Var
	for _, s := range e.spec.Layout() {
		v, _ := p.Slot(s.Name)
		parts = append(parts, v)
	}
	return grad.Standardize(concatAll(parts), t.Param(e.scale), t.Param(e.shift))
}

// gateBlock is one gate's part of a tensor, or a whole tensor of the readout, as
// a range of Model.Weights.
type gateBlock struct{ first, last int }

// gateBlocks lists those of a plain spec, in order.
func gateBlocks(s rnn.Spec) (blocks []gateBlock) {
	for i, slot := range s.Layout() {
		gates := 1
		if layer := i / 4; layer < len(s.Layers) {
			gates = gateCount(s.Layers[layer])
		}
		size := slot.Size() / gates
		for g := range gates {
			blocks = append(blocks, gateBlock{slot.Offset + g*size, slot.Offset + (g+1)*size})
		}
	}
	return blocks
}

func gateCount(l rnn.Layer) int {
	cell, _ := rnn.LookupCell(l.Cell)
	return len(cell.Gates)
}

// standardization returns what the block's weights are multiplied by, and what
// is added then, for zero mean and unit spread over all models.
func (b gateBlock) standardization(models []*rnn.Model) (scale, shift float32) {
	var sum, squares float64
	for _, m := range models {
		for _, w := range m.Weights[b.first:b.last] {
			sum += float64(w)
			squares += float64(w) * float64(w)
		}
	}
	n := float64(len(models) * (b.last - b.first))
	mean := sum / n
	s := 1 / max(math.Sqrt(max(squares/n-mean*mean, 0)), smallestSpread)
	return float32(s), float32(-mean * s)
}
