package encoders

import (
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

func init() { register("interactive_probing", newInteractiveProbing) }

// interactiveProbing asks the RNN questions: at every step the interrogator, an
// LSTM, reads the RNN's last outputs and composes its next input; what it
// remembers at the end is the embedding (paper, section 4). Gradients run
// through the probed RNN, whose weights are data.
type interactiveProbing struct{ *prober }

func newInteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	p, err := newProber(c, r)
	if err != nil {
		return nil, err
	}
	return &interactiveProbing{p}, nil
}

// Steps is the length of the probing sequence.
func (e *interactiveProbing) Steps() int { return e.options.Steps }

// Encode probes every RNN of the population.
func (e *interactiveProbing) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	state := e.Begin(t, p)
	for range e.options.Steps {
		state = e.Advance(p, state)
	}
	return e.Finish(state)
}

// Begin returns zero states, as values so that a loop can carry them.
func (e *interactiveProbing) Begin(t *grad.Tape, p *rnn.Population) Probe {
	s := Probe{RNN: p.Start(), Interrogator: make([]grad.State, len(e.interrogator))}
	for i, l := range p.Spec.Layers {
		s.RNN[i] = zeroState(t, p.Models, l.Hidden, l.Cell == "lstm")
	}
	for i := range e.interrogator {
		s.Interrogator[i] = zeroState(t, p.Models, e.options.Hidden, true)
	}
	return s
}

func zeroState(t *grad.Tape, rows, hidden int, cell bool) grad.State {
	s := grad.State{H: t.Zeros(rows, hidden)}
	if cell {
		s.C = t.Zeros(rows, hidden)
	}
	return s
}

// Advance composes one probe, lets the RNNs answer and reads the answers.
func (e *interactiveProbing) Advance(p *rnn.Population, s Probe) Probe {
	next := Probe{Interrogator: make([]grad.State, len(e.interrogator))}
	question := e.question(s.memory())
	var answer grad.Var
	answer, next.RNN = p.Step(question, s.RNN)
	x := e.impression(question, answer)
	t := x.Tape()
	for i, l := range e.interrogator {
		h, state := grad.Recurrent(grad.OpLSTM, l.Bind(t), grad.Steps{X: x, T: 1}, s.Interrogator[i])
		next.Interrogator[i] = state
		x = grad.Add(x, h)
	}
	return next
}

// Finish reads the embedding from the interrogator's memory.
func (e *interactiveProbing) Finish(s Probe) grad.Var { return e.embed.Apply(s.memory()) }

// memory is the interrogator's last layer.
func (s Probe) memory() grad.Var { return s.Interrogator[len(s.Interrogator)-1].H }
