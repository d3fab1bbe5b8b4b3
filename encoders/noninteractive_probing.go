package encoders

import (
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

func init() { register("noninteractive_probing", newNoninteractiveProbing) }

// noninteractiveProbing asks every RNN the same questions, which are learned;
// otherwise it is interactiveProbing (paper, section 4).
type noninteractiveProbing struct{ *prober }

func newNoninteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	p, err := newProber(c, r)
	if err != nil {
		return nil, err
	}
	return &noninteractiveProbing{p}, nil
}

// Encode probes every RNN of the population.
func (e *noninteractiveProbing) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return probe(t, e, p)
}

// Script is the questions, [Steps, inputs].
func (e *noninteractiveProbing) Script(t *grad.Tape) grad.Var { return e.question(t.Param(e.codes)) }

// Advance lets the RNNs answer one question and reads the answers.
func (e *noninteractiveProbing) Advance(p *rnn.Population, question grad.Var, s Probe) Probe {
	return e.ask(p, question, s)
}
