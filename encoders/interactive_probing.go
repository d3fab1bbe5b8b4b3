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

// Encode probes every RNN of the population.
func (e *interactiveProbing) Encode(t *grad.Tape, p *rnn.Population) grad.Var { return probe(t, e, p) }

// Advance composes one probe from the step's code and what the interrogator
// remembers, lets the RNNs answer and reads the answers.
func (e *interactiveProbing) Advance(p *rnn.Population, code grad.Var, s Probe) Probe {
	return e.ask(p, e.question(grad.Add(code, s.memory())), s)
}
