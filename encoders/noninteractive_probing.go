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
	state, questions := e.Begin(t, p), e.question(t.Param(e.codes))
	for step := range e.options.Steps {
		number := make([]int32, p.Models)
		for i := range number {
			number[i] = int32(step)
		}
		state = e.ask(p, grad.Embed(questions, number), state)
	}
	return e.Finish(state)
}
