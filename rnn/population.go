package rnn

import (
	"fmt"

	"rnnrep/internal/grad"
)

// Population is one or many models of one spec, bound to a tape. Model n owns
// rows n*R/N to (n+1)*R/N of every step's input. Only Plain specs can Step.
type Population struct {
	Spec   Spec
	Models int
	layers []grad.Weights
	slots  map[string]grad.Var
}

// State is what the layers of a population carry from step to step.
type State []grad.State

var layerOps = map[string]grad.Op{
	"lstm": grad.OpLSTM, "gru": grad.OpGRU, "rnn_tanh": grad.OpElmanTanh, "rnn_relu": grad.OpElmanRelu,
}

// Bind puts the weights of models on the tape as constants named as Layout
// names them, one row per model.
func Bind(t *grad.Tape, models ...*Model) *Population {
	spec := models[0].Spec
	for _, m := range models {
		if !m.Spec.Equal(spec) {
			panic(fmt.Sprintf("rnn: population of %s and %s", spec, m.Spec))
		}
	}
	return bind(spec, len(models), func(s Slot) grad.Var {
		v, w := t.Buffer(s.Name, len(models), s.Size())
		for i, m := range models {
			copy(w[i*s.Size():], m.Tensor(s))
		}
		return v
	})
}

// Trainee is one model whose weights are parameters.
type Trainee struct {
	Spec   Spec
	params []*grad.Param
}

// NewTrainee copies m's weights into parameters.
func NewTrainee(m *Model) *Trainee {
	tr := &Trainee{Spec: m.Spec}
	for _, s := range m.Spec.Layout() {
		rows, cols := 1, s.Size()
		if len(s.Shape) == 2 {
			rows, cols = s.Shape[0], s.Shape[1]
		}
		p := grad.NewParam(s.Name, rows, cols)
		copy(p.Value, m.Tensor(s))
		tr.params = append(tr.params, p)
	}
	return tr
}

// Params lists the parameters in Layout's order.
func (tr *Trainee) Params() []*grad.Param { return tr.params }

// Weights appends the current weights, in Layout's order, to dst.
func (tr *Trainee) Weights(dst []float32) []float32 {
	for _, p := range tr.params {
		dst = append(dst, p.Value...)
	}
	return dst
}

// Sequence runs the whole stack over tokens or real inputs, with zero initial
// state, and returns the logits of every step, [T*R, OutputSize]. It allocates
// nothing.
func (tr *Trainee) Sequence(t *grad.Tape, in grad.Steps) grad.Var {
	for i, l := range tr.Spec.Layers {
		h, _ := grad.Recurrent(layerOps[l.Cell], tr.layer(t, i), in, grad.State{})
		in = grad.Steps{X: h, T: in.T}
	}
	return tr.readout(t, in.X)
}

// Step is Sequence from a given state; next is the state of the last step when
// in.T is 1.
func (tr *Trainee) Step(t *grad.Tape, in grad.Steps, s State) (logits grad.Var, next State) {
	next = make(State, len(s))
	for i, l := range tr.Spec.Layers {
		var h grad.Var
		h, next[i] = grad.Recurrent(layerOps[l.Cell], tr.layer(t, i), in, s[i])
		in = grad.Steps{X: h, T: in.T}
	}
	return tr.readout(t, in.X), next
}

func (tr *Trainee) layer(t *grad.Tape, i int) grad.Weights {
	p := tr.params[4*i : 4*i+4]
	return grad.Weights{IH: t.Param(p[0]), HH: t.Param(p[1]), BIH: t.Param(p[2]), BHH: t.Param(p[3])}
}

func (tr *Trainee) readout(t *grad.Tape, h grad.Var) grad.Var {
	if tr.Spec.Outputs == 0 {
		return h
	}
	p := tr.params[4*len(tr.Spec.Layers):]
	return grad.Linear(h, t.Param(p[0]), t.Param(p[1]))
}

// bind makes a population whose tensors come from value.
func bind(spec Spec, models int, value func(Slot) grad.Var) *Population {
	p := &Population{Spec: spec, Models: models, slots: map[string]grad.Var{}}
	slots := spec.Layout()
	for _, s := range slots {
		p.slots[s.Name] = value(s)
	}
	if !spec.Plain() {
		return p
	}
	for i := range spec.Layers {
		s := slots[4*i : 4*i+4]
		p.layers = append(p.layers, grad.Weights{
			IH: p.slots[s[0].Name], HH: p.slots[s[1].Name], BIH: p.slots[s[2].Name], BHH: p.slots[s[3].Name]})
	}
	return p
}

// Slot returns the tensor of that name, [N, size]; ok is false if there is none.
func (p *Population) Slot(name string) (v grad.Var, ok bool) {
	v, ok = p.slots[name]
	return v, ok
}

// Start returns the zero state.
func (p *Population) Start() State { return make(State, len(p.layers)) }

// Step feeds one input x [R, Inputs] and returns the outputs [R, OutputSize]
// and the state after it. s is not changed. It panics unless the spec is Plain.
func (p *Population) Step(x grad.Var, s State) (logits grad.Var, next State) {
	if p.layers == nil {
		panic("rnn: only plain cells run on a tape: " + p.Spec.String())
	}
	next = make(State, len(p.layers))
	for i, l := range p.Spec.Layers {
		x, next[i] = grad.Recurrent(layerOps[l.Cell], p.layers[i], grad.Steps{X: x, T: 1}, s[i])
	}
	return p.Readout(x, p.Spec.OutputSize()), next
}
