package encoders

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
)

// Emulator imitates RNNs from their embeddings alone: an LSTM that reads the
// same inputs and must put out the same distributions (paper, section 4). The
// embedding enters at the first step, or at every one.
type Emulator struct {
	Config EmulatorConfig
	table  *grad.Param // [V, hidden]: input embedding of tokens, or
	read   *nn.Linear  // real inputs -> hidden
	enter  *nn.Linear  // embedding -> first input
	layers []*nn.LSTM
	out    *nn.Linear
}

// EmulatorConfig are its sizes and kind of input.
type EmulatorConfig struct {
	Dim     int  `json:"dim"`
	Inputs  int  `json:"inputs"`
	Real    bool `json:"real,omitempty"` // inputs are real vectors, not tokens
	Outputs int  `json:"outputs"`
	Hidden  int  `json:"hidden"`
	Layers  int  `json:"layers"`
	// EveryStep: the embedding enters at every step, not at the first one alone.
	EveryStep bool `json:"every_step,omitempty"`
}

// NewEmulator draws initial weights from r.
func NewEmulator(c EmulatorConfig, r *rand.Rand) (*Emulator, error) {
	weights := c.Hidden*(c.Inputs+c.Dim+c.Outputs) + 8*c.Layers*c.Hidden*c.Hidden
	if err := cmp.Or(checkSizes("emulator", c.Dim, c.Inputs, c.Outputs, c.Hidden, c.Layers), checkWeights("emulator", weights)); err != nil {
		return nil, err
	}
	e := &Emulator{Config: c}
	if c.Real {
		e.read = nn.NewLinear("emulator.read", c.Inputs, c.Hidden, r)
	} else {
		e.table = grad.NewParam("emulator.table", c.Inputs, c.Hidden)
		for i := range e.table.Value {
			e.table.Value[i] = float32(r.NormFloat64())
		}
	}
	e.enter = nn.NewLinear("emulator.enter", c.Dim, c.Hidden, r)
	for i := range c.Layers {
		e.layers = append(e.layers, nn.NewLSTM(fmt.Sprintf("emulator.lstm.%d", i), c.Hidden, c.Hidden, r).Remember(remember))
	}
	e.out = nn.NewLinear("emulator.out", c.Hidden, c.Outputs, r)
	return e, nil
}

// Params lists the weights.
func (e *Emulator) Params() []*grad.Param {
	var ps []*grad.Param
	if e.read != nil {
		ps = e.read.Params()
	} else {
		ps = append(ps, e.table)
	}
	ps = append(ps, e.enter.Params()...)
	for _, l := range e.layers {
		ps = append(ps, l.Params()...)
	}
	return append(ps, e.out.Params()...)
}

// Emulate returns the logits, [T*N, Outputs], for N sequences of T steps laid
// out step by step, one per embedding [N, Dim]: tokens, or real inputs where the
// config says so.
func (e *Emulator) Emulate(embedding grad.Var, in grad.Steps) grad.Var {
	logits, _ := e.Step(embedding, in, make([]grad.State, len(e.layers)), true)
	return logits
}

// Step is Emulate from given states of the layers, zero ones at the start of a
// sequence; next are those after it where in.T is 1.
func (e *Emulator) Step(embedding grad.Var, in grad.Steps, s []grad.State, start bool) (logits grad.Var, next []grad.State) {
	t := embedding.Tape()
	var x grad.Var
	if e.read != nil {
		x = e.read.Apply(in.X)
	} else {
		x = grad.Embed(t.Param(e.table), in.Tokens)
	}
	switch {
	case e.Config.EveryStep:
		x = grad.AddRepeated(x, e.enter.Apply(embedding), in.T, embedding.Rows())
	case start:
		x = grad.AddAt(x, e.enter.Apply(embedding), 0)
	}
	next = make([]grad.State, len(e.layers))
	for i, l := range e.layers {
		x, next[i] = grad.Recurrent(grad.OpLSTM, l.Bind(t), grad.Steps{X: x, T: in.T}, s[i])
	}
	return e.out.Apply(x), next
}

// remember is the initial bias of the forget gates of emulator and interrogator:
// the end of a sequence depends on the embedding, which comes with its first
// step, and an embedding on all of a probing sequence.
const remember = 2
