package encoders

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

func init() { register("dwsnet", newDWSNet) }

// dwsnet is a deep weight-space network for stacked recurrent layers: every
// layer maps weights to features of the same shape and commutes with any order
// of the hidden units (Navon et al., 2023; Zhou et al., 2023; paper, section 4).
// Gates are channels. Inputs and outputs, whose order does matter, are told
// apart by learned positions.
type dwsnet struct {
	shape           dwsShape
	enter           []dwsEntry    // per map
	inputs, outputs *grad.Param   // positions, [units, channels]
	layers          [][]dwsMixing // per layer and map
	mlp             *nn.MLP
}

type dwsOptions struct {
	Channels int   `json:"channels"`
	Layers   int   `json:"layers"`
	Hidden   []int `json:"hidden"` // of the MLP behind the mean over each map
}

func newDWSNet(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, dwsOptions{Channels: 48, Layers: 4, Hidden: []int{256}})
	if err != nil {
		return nil, err
	}
	shape := newDWSShape(c.Spec)
	widths := append(append([]int{len(shape.maps) * o.Channels}, o.Hidden...), c.Dim)
	if err := cmp.Or(checkPlain(c), checkOneShape(c), checkSizes(c.Kind, append(widths, o.Channels, o.Layers)...)); err != nil {
		return nil, err
	}
	inputs, outputs := shape.axes[0], shape.axes[len(shape.axes)-1]
	weights := mlpWeights(widths...) + o.Channels*(inputs+outputs)
	if err := checkWeights(c.Kind, weights+o.Layers*shape.inputsOfMixing()*o.Channels*o.Channels); err != nil {
		return nil, err
	}
	e := &dwsnet{shape: shape, inputs: newPositions("inputs", inputs, o.Channels, r), outputs: newPositions("outputs", outputs, o.Channels, r)}
	for _, m := range shape.maps {
		e.enter = append(e.enter, newDWSEntry(m, o.Channels, r))
	}
	for i := range o.Layers {
		var layer []dwsMixing
		for _, m := range shape.maps {
			layer = append(layer, newDWSMixing(fmt.Sprintf("layer.%d.%s", i, m.name), &shape, m, o.Channels, r))
		}
		e.layers = append(e.layers, layer)
	}
	e.mlp = nn.NewMLP("mlp", widths, r)
	return e, nil
}

func newPositions(name string, units, channels int, r *rand.Rand) *grad.Param {
	p := grad.NewParam(name, units, channels)
	for i := range p.Value {
		p.Value[i] = float32(r.NormFloat64())
	}
	return p
}

// Params lists the weights.
func (e *dwsnet) Params() []*grad.Param {
	ps := []*grad.Param{e.inputs, e.outputs}
	for _, m := range e.enter {
		ps = append(ps, m.params()...)
	}
	for _, layer := range e.layers {
		for _, m := range layer {
			ps = append(ps, m.params()...)
		}
	}
	return append(ps, e.mlp.Params()...)
}

// Accepts RNNs of the zoo's own spec.
func (e *dwsnet) Accepts() Acceptance { return Acceptance{Exact: true, TrainedOn: e.shape.spec} }

// PermutationInvariant: layers are equivariant, and means see no order.
func (e *dwsnet) PermutationInvariant() bool { return true }

// Prepare scales the gates of every map to zero mean and unit spread over the
// training population.
func (e *dwsnet) Prepare(models []*rnn.Model) {
	blocks := gateBlocks(e.shape.spec)
	for i := range e.enter {
		for channel := range e.enter[i].scale.Value {
			scale, shift := blocks[0].standardization(models)
			e.enter[i].scale.Value[channel], e.enter[i].shift.Value[channel] = scale, shift
			blocks = blocks[1:]
		}
	}
}

// Encode returns the MLP's outputs on the means over all maps.
func (e *dwsnet) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	f := dwsFeatures{shape: &e.shape, models: p.Models}
	for _, m := range e.enter {
		f.values = append(f.values, m.apply(t, p))
	}
	f.addPositions(0, t.Param(e.inputs))
	f.addPositions(len(e.shape.axes)-1, t.Param(e.outputs))
	for _, layer := range e.layers {
		f = f.mixed(layer)
	}
	return e.mlp.Apply(f.wholeMeans(f.rowMeans()))
}

// dwsEntry turns a map's gates into features.
type dwsEntry struct {
	dwsMap
	scale, shift *grad.Param // [1, gates]
	linear       *nn.Linear
}

func newDWSEntry(m dwsMap, channels int, r *rand.Rand) dwsEntry {
	n := m.gates * len(m.slots)
	e := dwsEntry{m, grad.NewParam(m.name+".scale", 1, n), grad.NewParam(m.name+".shift", 1, n), nn.NewLinear(m.name, n, channels, r)}
	for i := range e.scale.Value {
		e.scale.Value[i] = 1
	}
	return e
}

func (e *dwsEntry) params() []*grad.Param {
	return append([]*grad.Param{e.scale, e.shift}, e.linear.Params()...)
}

// apply returns [N*units, channels], or of pairs of units.
func (e *dwsEntry) apply(t *grad.Tape, p *rnn.Population) grad.Var {
	var gates []grad.Var
	for _, name := range e.slots {
		v, _ := p.Slot(name)
		rows := grad.Reshape(v, p.Models*e.gates, v.Cols()/e.gates)
		gates = append(gates, grad.Transpose(rows, e.gates))
	}
	return e.linear.Apply(grad.Standardize(concatAll(gates), t.Param(e.scale), t.Param(e.shift)))
}
