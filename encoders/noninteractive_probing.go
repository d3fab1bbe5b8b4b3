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

// codeSpread is the initial spread of the codes: wide enough for the first
// probes to differ, each close to one token rather than a mixture of all, which
// no RNN has ever read.
const codeSpread = 3

func newNoninteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	p, err := newProber(c, r)
	if err != nil {
		return nil, err
	}
	for i := range p.codes.Value {
		p.codes.Value[i] *= codeSpread
	}
	return &noninteractiveProbing{p}, nil
}

// Encode probes every RNN of the population.
func (e *noninteractiveProbing) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	return probe(t, e, p)
}

// Script is the questions, [Steps, inputs].
func (e *noninteractiveProbing) Script(t *grad.Tape) grad.Var {
	return e.question(e.probe.Apply(t.Param(e.codes)))
}

// Advance lets the RNNs answer one question and reads the answers.
func (e *noninteractiveProbing) Advance(p *rnn.Population, question grad.Var, s Probe) Probe {
	return e.ask(p, question, s)
}
