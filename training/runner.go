package training

import (
	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// runner steps a trainee through sequences; it implements tasks.Runner.
type runner struct {
	trainee *rnn.Trainee
	tape    *grad.Tape
	layers  []layerState
	rows    int
}

// layerState is what a layer carries between steps, copied off the tape.
type layerState struct{ h, c []float32 }

func newRunner(tr *rnn.Trainee) *runner {
	return &runner{trainee: tr, tape: grad.NewTape().Inference(), layers: make([]layerState, len(tr.Spec.Layers))}
}

// Reset starts n sequences from the zero state.
func (r *runner) Reset(n int) {
	r.rows = n
	for i, l := range r.trainee.Spec.Layers {
		r.layers[i] = layerState{make([]float32, n*l.Hidden), make([]float32, n*l.Hidden)}
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
	r.step(grad.Steps{X: r.tape.Input("", r.rows, r.trainee.Spec.Inputs(), inputs), T: 1}, logits)
}

func (r *runner) step(in grad.Steps, logits []float32) {
	state := make(rnn.State, len(r.layers))
	for i, l := range r.trainee.Spec.Layers {
		state[i].H = r.tape.Input("", r.rows, l.Hidden, r.layers[i].h)
		state[i].C = r.tape.Input("", r.rows, l.Hidden, r.layers[i].c)
	}
	out, next := r.trainee.Step(r.tape, in, state)
	for i, s := range next {
		copy(r.layers[i].h, s.H.Value())
		if s.C.Tape() != nil {
			copy(r.layers[i].c, s.C.Value())
		}
	}
	copy(logits, out.Value())
}
