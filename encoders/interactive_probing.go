package encoders

import (
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

func init() { register("interactive_probing", newInteractiveProbing) }

// interactiveProbing asks the RNN questions: at every step the interrogator, an
// LSTM, reads the RNN's last outputs and composes its next input; what it
// remembers at the end is the embedding (paper, section 4). Gradients run
// through the probed RNN, whose weights are data.
type interactiveProbing struct {
	*prober
	echo *nn.Linear // the last answer -> the next probe's pre-activations
}

// echoGain is how strongly an RNN that generates its own inputs reads back, at
// first, what it put out. A probing sequence then starts as one of the RNN's own,
// which the interrogator learns to bend, and not as one that no RNN has ever
// read.
const echoGain = 2

func newInteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	p, err := newProber(c, r)
	if err != nil {
		return nil, err
	}
	in, out := c.Spec.Inputs(), c.Spec.OutputSize()
	e := &interactiveProbing{p, nn.NewLinear("echo", out, in, r)}
	clear(e.echo.W.Value)
	clear(e.echo.B.Value)
	if in == out && p.bound == nil {
		for i := range in {
			e.echo.W.Value[i*out+i] = echoGain
		}
	}
	return e, nil
}

// Params lists the weights.
func (e *interactiveProbing) Params() []*grad.Param {
	return append(e.prober.Params(), e.echo.Params()...)
}

// Encode probes every RNN of the population.
func (e *interactiveProbing) Encode(t *grad.Tape, p *rnn.Population) grad.Var { return probe(t, e, p) }

// Begin is the prober's, before any answer.
func (e *interactiveProbing) Begin(t *grad.Tape, p *rnn.Population) Probe {
	s := e.prober.Begin(t, p)
	s.Answer = t.Zeros(p.Models, p.Spec.OutputSize())
	return s
}

// Advance composes one probe from the step's code, what the interrogator
// remembers and the last answer, lets the RNNs answer and reads the answers.
func (e *interactiveProbing) Advance(p *rnn.Population, code grad.Var, s Probe) Probe {
	x := grad.Add(e.probe.Apply(grad.Add(code, s.memory())), e.echo.Apply(s.Answer))
	return e.ask(p, e.question(x), s)
}
