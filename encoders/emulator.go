package encoders

import (
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
)

// Emulator imitates RNNs from their embeddings alone: an LSTM that reads the
// same inputs and must put out the same distributions (paper, section 4). The
// embedding enters at the first step only.
type Emulator struct {
	Config EmulatorConfig
	table  *grad.Param // [V, hidden]: input embedding
	enter  *nn.Linear  // embedding -> first input
	layers []*nn.LSTM
	out    *nn.Linear
}

// EmulatorConfig are its sizes.
type EmulatorConfig struct {
	Dim     int `json:"dim"`
	Inputs  int `json:"inputs"`
	Outputs int `json:"outputs"`
	Hidden  int `json:"hidden"`
	Layers  int `json:"layers"`
}

// NewEmulator draws initial weights from r.
func NewEmulator(c EmulatorConfig, r *rand.Rand) (*Emulator, error) {
	if min(c.Dim, c.Inputs, c.Outputs, c.Hidden, c.Layers) < 1 {
		return nil, fmt.Errorf("emulator: sizes %+v: all must be at least 1", c)
	}
	e := &Emulator{Config: c, table: grad.NewParam("emulator.table", c.Inputs, c.Hidden)}
	for i := range e.table.Value {
		e.table.Value[i] = float32(r.NormFloat64())
	}
	e.enter = nn.NewLinear("emulator.enter", c.Dim, c.Hidden, r)
	for i := range c.Layers {
		e.layers = append(e.layers, nn.NewLSTM(fmt.Sprintf("emulator.lstm.%d", i), c.Hidden, c.Hidden, r))
	}
	e.out = nn.NewLinear("emulator.out", c.Hidden, c.Outputs, r)
	return e, nil
}

// Params lists the weights.
func (e *Emulator) Params() []*grad.Param {
	ps := append([]*grad.Param{e.table}, e.enter.Params()...)
	for _, l := range e.layers {
		ps = append(ps, l.Params()...)
	}
	return append(ps, e.out.Params()...)
}

// Emulate returns the logits, [steps*N, Outputs], for token sequences laid out
// step by step, one sequence per embedding [N, Dim].
func (e *Emulator) Emulate(embedding grad.Var, tokens []int32, steps int) grad.Var {
	t := embedding.Tape()
	x := grad.Embed(t.Param(e.table), tokens)
	x = grad.AddAt(x, e.enter.Apply(embedding), 0)
	for _, l := range e.layers {
		h, _ := grad.Recurrent(grad.OpLSTM, l.Bind(t), grad.Steps{X: x, T: steps}, grad.State{})
		x = h
	}
	return e.out.Apply(x)
}
