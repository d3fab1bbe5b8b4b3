package encoders

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

// prober is what the probing encoders share: the layers that compose a probe,
// that read probe and answer, that remember, and that give the embedding
// (paper, section 4).
type prober struct {
	options      probingOptions
	spec         rnn.Spec
	bound        *bound      // of real probes; nil: probes are distributions over tokens
	codes        *grad.Param // [steps, hidden]: what each step's probe is composed from
	probe        *nn.Linear  // what a probe is composed from -> the probe's pre-activations
	read         *nn.Linear  // probe and outputs -> interrogator input
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

func newProber(c Config, r *rand.Rand) (*prober, error) {
	o, err := options(c, probingOptions{Steps: 22, Hidden: 128, Layers: 2})
	if err != nil {
		return nil, err
	}
	in, out := c.Spec.Inputs(), c.Spec.OutputSize()
	weights := o.Hidden*(2*in+2*out+c.Dim+o.Steps) + 8*o.Layers*o.Hidden*o.Hidden
	if err := cmp.Or(checkPlain(c), checkOneShape(c), checkSizes(c.Kind, o.Steps, o.Hidden, o.Layers), checkWeights(c.Kind, weights)); err != nil {
		return nil, err
	}
	e := &prober{options: o, spec: c.Spec, bound: newBound(c.InputRange, in), codes: grad.NewParam("codes", o.Steps, o.Hidden),
		probe: nn.NewLinear("probe", o.Hidden, in, r), read: nn.NewLinear("read", in+2*out, o.Hidden, r)}
	for i := range o.Layers {
		e.interrogator = append(e.interrogator, nn.NewLSTM(fmt.Sprintf("interrogator.%d", i), o.Hidden, o.Hidden, r).Remember(remember))
	}
	e.embed = nn.NewLinear("embed", o.Hidden, c.Dim, r)
	for i := range e.codes.Value {
		e.codes.Value[i] = float32(r.NormFloat64())
	}
	return e, nil
}

// Params lists the weights.
func (e *prober) Params() []*grad.Param {
	ps := append(e.probe.Params(), e.read.Params()...)
	for _, l := range e.interrogator {
		ps = append(ps, l.Params()...)
	}
	return append(append(ps, e.embed.Params()...), e.codes)
}

// Accepts RNNs of the same inputs and outputs that run step by step.
func (e *prober) Accepts() Acceptance {
	return Acceptance{Inputs: e.spec.Inputs(), Outputs: e.spec.OutputSize(), Causal: true, TrainedOn: e.spec}
}

// PermutationInvariant: a prober sees only what an RNN puts out.
func (e *prober) PermutationInvariant() bool { return true }

// question makes probes of their pre-activations.
func (e *prober) question(x grad.Var) grad.Var {
	if e.bound != nil {
		return e.bound.apply(x)
	}
	return grad.Softmax(x)
}

// probe runs a prober's loop.
func probe(t *grad.Tape, e Prober, p *rnn.Population) grad.Var {
	script, state := e.Script(t), e.Begin(t, p)
	for step := range e.Steps() {
		state = e.Advance(p, Given(script, step, p.Models), state)
	}
	return e.Finish(state)
}

// Steps is the length of the probing sequence.
func (e *prober) Steps() int { return e.options.Steps }

// Script is the codes, [Steps, hidden].
func (e *prober) Script(t *grad.Tape) grad.Var { return t.Param(e.codes) }

// Begin returns zero states, as values so that a loop can carry them.
func (e *prober) Begin(t *grad.Tape, p *rnn.Population) Probe {
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

// ask feeds one probe a RNN, [N, inputs], and reads the answers.
func (e *prober) ask(p *rnn.Population, question grad.Var, s Probe) Probe {
	next := Probe{Interrogator: make([]grad.State, len(e.interrogator))}
	var answer grad.Var
	answer, next.RNN = p.Step(question, s.RNN)
	if s.Answer != (grad.Var{}) {
		next.Answer = answer
	}
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
func (e *prober) Finish(s Probe) grad.Var { return e.embed.Apply(s.memory()) }

// memory is the interrogator's last layer.
func (s Probe) memory() grad.Var { return s.Interrogator[len(s.Interrogator)-1].H }

// bound maps any value into the range of real inputs.
type bound struct{ scale, shift []float32 }

func newBound(limits *[2]float32, inputs int) *bound {
	if limits == nil {
		return nil
	}
	b := &bound{make([]float32, inputs), make([]float32, inputs)}
	for i := range inputs {
		b.scale[i], b.shift[i] = limits[1]-limits[0], limits[0]
	}
	return b
}

func (b *bound) apply(x grad.Var) grad.Var {
	t, n := x.Tape(), len(b.scale)
	return grad.Standardize(grad.Sigmoid(x), t.Input("", 1, n, b.scale), t.Input("", 1, n, b.shift))
}
