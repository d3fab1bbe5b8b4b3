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

func init() { register("flattened", newFlattened) }

// flattened is an MLP on all weights, each gate of each tensor brought to zero
// mean and unit spread (paper, section 4). That hidden units may stand in any
// order, it learns from permuted copies.
type flattened struct {
	permuting
	spec         rnn.Spec
	scale, shift *grad.Param // [1, weights]
	mlp          *nn.MLP
}

type flattenedOptions struct {
	Hidden []int `json:"hidden"`
}

func newFlattened(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, flattenedOptions{Hidden: []int{128, 128}})
	if err != nil {
		return nil, err
	}
	n := c.Spec.Parameters()
	widths := append(append([]int{n}, o.Hidden...), c.Dim)
	if err := cmp.Or(checkPlain(c), checkSizes(c.Kind, widths[1:]...), checkWeights(c.Kind, mlpWeights(widths...))); err != nil {
		return nil, err
	}
	e := &flattened{spec: c.Spec, scale: grad.NewParam("scale", 1, n), shift: grad.NewParam("shift", 1, n), mlp: nn.NewMLP("mlp", widths, r)}
	for i := range e.scale.Value {
		e.scale.Value[i] = 1
	}
	return e, nil
}

// Params lists the scaling too; it is trained like the rest.
func (e *flattened) Params() []*grad.Param {
	return append([]*grad.Param{e.scale, e.shift}, e.mlp.Params()...)
}

// Accepts RNNs of the zoo's own spec.
func (e *flattened) Accepts() Acceptance { return Acceptance{Exact: true, TrainedOn: e.spec} }

// Encode returns the MLP's outputs.
func (e *flattened) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	var parts []grad.Var
	for _, s := range e.spec.Layout() {
		v, _ := p.Slot(s.Name)
		parts = append(parts, v)
	}
	return e.mlp.Apply(grad.Standardize(concatAll(parts), t.Param(e.scale), t.Param(e.shift)))
}

// Prepare sets the scaling from the training population.
func (e *flattened) Prepare(models []*rnn.Model) {
	for _, b := range gateBlocks(e.spec) {
		scale, shift := standardization(models, b)
		for i := b.first; i < b.last; i++ {
			e.scale.Value[i], e.shift.Value[i] = scale, shift
		}
	}
}

// gateBlock is one gate's part of a tensor, or a whole tensor of the readout, as
// a range of Model.Weights.
type gateBlock struct{ first, last int }

// gateBlocks lists a plain spec's, in order.
func gateBlocks(s rnn.Spec) (blocks []gateBlock) {
	for i, slot := range s.Layout() {
		gates := 1
		if layer := i / 4; layer < len(s.Layers) {
			cell, _ := rnn.LookupCell(s.Layers[layer].Cell)
			gates = len(cell.Gates)
		}
		size := slot.Size() / gates
		for g := range gates {
			blocks = append(blocks, gateBlock{slot.Offset + g*size, slot.Offset + (g+1)*size})
		}
	}
	return blocks
}

// standardization returns what weights of the block are multiplied by, and what
// is added then, for zero mean and unit spread over all models.
func standardization(models []*rnn.Model, b gateBlock) (scale, shift float32) {
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

// checkPlain says whether the spec is of PyTorch's plain cells, run forwards.
func checkPlain(c Config) error {
	if !c.Spec.Plain() {
		return fmt.Errorf("%s: RNNs of spec %s are not of plain cells that run step by step", c.Kind, c.Spec)
	}
	return nil
}
