package encoders

import (
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

func init() { register("noninteractive_probing", newNoninteractiveProbing) }

// noninteractiveProbing asks every RNN the same questions, which are learned;
// otherwise it is interactiveProbing (paper, section 4).
type noninteractiveProbing struct {
	*prober
	codes *grad.Param // [steps, hidden]: what each probe is composed from
}

func newNoninteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	p, err := newProber(c, r)
	if err != nil {
		return nil, err
	}
	e := &noninteractiveProbing{p, grad.NewParam("codes", p.options.Steps, p.options.Hidden)}
	for i := range e.codes.Value {
		e.codes.Value[i] = float32(r.NormFloat64())
	}
	return e, nil
}

// Params lists the weights.
func (e *noninteractiveProbing) Params() []*grad.Param { return append(e.prober.Params(), e.codes) }

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
