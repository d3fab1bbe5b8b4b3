package encoders

import (
	"fmt"
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
	options      probingOptions
	spec         rnn.Spec
	probe        *nn.Linear // interrogator state -> next probe
	read         *nn.Linear // probe and outputs -> interrogator input
	interrogator []*nn.LSTM
	embed        *nn.Linear
}

type probingOptions struct {
	Steps  int `json:"steps"`  // length of the probing sequence
	Hidden int `json:"hidden"` // units of an interrogator layer
	Layers int `json:"layers"`
}

// logitScale brings logits, which reach ±20, to the range of the other inputs.
const logitScale = 0.2

func newInteractiveProbing(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, probingOptions{Steps: 22, Hidden: 128, Layers: 2})
	if err != nil {
		return nil, err
	}
	if o.Steps < 1 || o.Hidden < 1 || o.Layers < 1 {
		return nil, fmt.Errorf("interactive_probing: options %+v: all must be at least 1", o)
	}
	if !c.Spec.Plain() {
		return nil, fmt.Errorf("interactive_probing: RNNs of spec %s cannot be run step by step", c.Spec)
	}
	in, out := c.Spec.Inputs(), c.Spec.OutputSize()
	e := &interactiveProbing{options: o, spec: c.Spec,
		probe: nn.NewLinear("probe", o.Hidden, in, r), read: nn.NewLinear("read", in+2*out, o.Hidden, r)}
	for i := range o.Layers {
		e.interrogator = append(e.interrogator, nn.NewLSTM(fmt.Sprintf("interrogator.%d", i), o.Hidden, o.Hidden, r))
	}
	e.embed = nn.NewLinear("embed", o.Hidden, c.Dim, r)
	return e, nil
}

// Params lists the interrogator's weights.
func (e *interactiveProbing) Params() []*grad.Param {
	ps := append(e.probe.Params(), e.read.Params()...)
	for _, l := range e.interrogator {
		ps = append(ps, l.Params()...)
	}
	return append(ps, e.embed.Params()...)
}

// Accepts RNNs of the same inputs and outputs that run step by step.
func (e *interactiveProbing) Accepts() Acceptance {
	return Acceptance{Inputs: e.spec.Inputs(), Outputs: e.spec.OutputSize(), Causal: true, TrainedOn: e.spec}
}

// PermutationInvariant: the prober sees only what the RNN puts out.
func (e *interactiveProbing) PermutationInvariant() bool { return true }

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
	question := grad.Softmax(e.probe.Apply(s.memory()))
	var answer grad.Var
	answer, next.RNN = p.Step(question, s.RNN)
	x := grad.Gelu(e.read.Apply(grad.Concat(question, grad.Scale(answer, logitScale), grad.Softmax(answer))))
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
