package training

import (
	"slices"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// runner steps an RNN, or a clone of one, through sequences; it implements
// tasks.Runner.
type runner struct {
	tape   *grad.Tape
	inputs int
	hidden []int // units of each layer
	// advance takes one step of rows sequences; first is the step after Reset.
	advance func(in grad.Steps, s []grad.State, rows int, first bool) (out grad.Var, next []grad.State)
	layers  []layerState
	rows    int
	first   bool
}

// layerState is what a layer carries between steps, copied off the tape.
type layerState struct{ h, c []float32 }

func newRunner(tr *rnn.Trainee) *runner {
	r := &runner{tape: grad.NewTape().Inference(), inputs: tr.Spec.Inputs()}
	for _, l := range tr.Spec.Layers {
		r.hidden = append(r.hidden, l.Hidden)
	}
	r.advance = func(in grad.Steps, s []grad.State, _ int, _ bool) (grad.Var, []grad.State) {
		return tr.Step(r.tape, in, s)
	}
	return r
}

// newClone runs the emulator in place of the RNN of an embedding.
func newClone(e *encoders.Emulator, embedding []float32) *runner {
	r := &runner{tape: grad.NewTape().Inference(), inputs: e.Config.Inputs, hidden: slices.Repeat([]int{e.Config.Hidden}, e.Config.Layers)}
	r.advance = func(in grad.Steps, s []grad.State, rows int, first bool) (grad.Var, []grad.State) {
		return e.Step(r.tape.Input("", rows, len(embedding), slices.Repeat(embedding, rows)), in, s, first)
	}
	return r
}

// Reset starts n sequences from the zero state.
func (r *runner) Reset(n int) {
	r.rows, r.first, r.layers = n, true, make([]layerState, len(r.hidden))
	for i, units := range r.hidden {
		r.layers[i] = layerState{make([]float32, n*units), make([]float32, n*units)}
	}
}

// Step feeds one token a sequence and writes the logits, [n, outputs].
func (r *runner) Step(tokens []int32, logits []float32) {
	r.tape.Reset()
	r.step(grad.Steps{Tokens: tokens, T: 1}, logits)
}

// StepInputs feeds real inputs, [n, inputs], and writes the outputs, [n, outputs].
func (r *runner) StepInputs(inputs, logits []float32) {
	r.tape.Reset()
	r.step(grad.Steps{X: r.tape.Input("", r.rows, r.inputs, inputs), T: 1}, logits)
}

func (r *runner) step(in grad.Steps, logits []float32) {
	state := make([]grad.State, len(r.layers))
	for i, units := range r.hidden {
		state[i].H = r.tape.Input("", r.rows, units, r.layers[i].h)
		state[i].C = r.tape.Input("", r.rows, units, r.layers[i].c)
	}
	out, next := r.advance(in, state, r.rows, r.first)
	r.first = false
	for i, s := range next {
		copy(r.layers[i].h, s.H.Value())
		if s.C.Tape() != nil {
			copy(r.layers[i].c, s.C.Value())
		}
	}
	copy(logits, out.Value())
}
