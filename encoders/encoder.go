package encoders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// Encoder maps a population of N RNNs to N embeddings.
type Encoder interface {
	// Params lists what training changes, in a fixed order of unique names.
	Params() []*grad.Param
	// Encode returns [N, Dim], not yet normalised.
	Encode(t *grad.Tape, p *rnn.Population) grad.Var
	// Accepts says which specs Encode takes.
	Accepts() Acceptance
}

// Prober is an Encoder that loops: Begin once, Advance Steps times, Finish.
// Encode must equal that; an exporter writes the loop as such.
type Prober interface {
	Encoder
	Steps() int
	// Script returns what the steps are given, one row each, [Steps, width];
	// Var{} where that is nothing.
	Script(t *grad.Tape) grad.Var
	Begin(t *grad.Tape, p *rnn.Population) Probe
	// Advance takes one step. given is the step's row of the script once for
	// every RNN, [N, width]: see Given.
	Advance(p *rnn.Population, given grad.Var, state Probe) Probe
	Finish(state Probe) grad.Var
}

// Given is a row of a prober's script for n RNNs, [n, width].
func Given(script grad.Var, step, n int) grad.Var {
	if script == (grad.Var{}) {
		return script
	}
	return grad.Embed(script, slices.Repeat([]int32{int32(step)}, n))
}

// Probe is what a prober carries from step to step.
type Probe struct {
	RNN          rnn.State    // of the probed RNNs
	Interrogator []grad.State // of the prober's own layers
	Answer       grad.Var     // the RNNs' last outputs, [N, outputs]; Var{} where they are not asked again
}

// Preparer is an Encoder that looks at the training population once before
// training, to scale its inputs say.
type Preparer interface {
	Prepare(models []*rnn.Model)
}

// Augmenter is an Encoder that does not know that hidden units may stand in any
// order, and learns it from copies of the RNNs that compute the same.
type Augmenter interface {
	// Augment returns an altered copy of m, drawn from r; m itself is unchanged.
	Augment(r *rand.Rand, m *rnn.Model) *rnn.Model
}

// Featured is an Encoder that reads RNNs through features which training does not
// change, so that they need to be computed once only.
type Featured interface {
	Encoder
	// Features returns those of N RNNs, [N, width].
	Features(t *grad.Tape, p *rnn.Population) grad.Var
	// EncodeFeatures is Encode, given the features.
	EncodeFeatures(t *grad.Tape, features grad.Var) grad.Var
	// PrepareFeatures is a Preparer's Prepare, given the features of each RNN.
	PrepareFeatures(rows [][]float32)
}

// Blurred is a Featured encoder that learns from features with some noise: a zoo
// has few RNNs for its many features, by which an encoder would tell one from
// another.
type Blurred interface {
	Featured
	// Blur adds noise, drawn from r, to the features of one RNN.
	Blur(r *rand.Rand, features []float32)
}

// Config makes an encoder: what New needs and a manifest stores.
type Config struct {
	Kind    string          `json:"kind"`
	Dim     int             `json:"dim"`
	Spec    rnn.Spec        `json:"spec"`    // of the zoo it is trained on
	Options json.RawMessage `json:"options"` // of the kind; absent fields keep their defaults
	// InputRange is what the zoo's RNNs read at each input, from low to high;
	// absent: they read tokens, as one-hot vectors.
	InputRange *[2]float32 `json:"input_range,omitempty"`
	// Shapes are those of a zoo of many architectures; Spec then has the most
	// inputs and outputs of all.
	Shapes *Shapes `json:"shapes,omitempty"`
}

// builder makes one kind of encoder.
type builder func(c Config, r *rand.Rand) (Encoder, error)

var builders = map[string]builder{}

// register adds a kind; each encoder's file calls it from init.
func register(kind string, b builder) {
	if _, dup := builders[kind]; dup {
		panic("encoders: registered twice: " + kind)
	}
	builders[kind] = b
}

// Kinds lists the registered encoders, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(builders)) }

// New makes an encoder with initial weights drawn from r.
func New(c Config, r *rand.Rand) (Encoder, error) {
	b, ok := builders[c.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown encoder %q; known: %v", c.Kind, Kinds())
	}
	if c.Dim < 1 || c.Dim > 4096 {
		return nil, fmt.Errorf("embedding dimension is %d; 1 to 4096 is accepted", c.Dim)
	}
	if err := c.Spec.Validate(); err != nil {
		return nil, err
	}
	if l := c.InputRange; l != nil && !(l[0] < l[1] && l[1]-l[0] < math.MaxFloat32) {
		return nil, fmt.Errorf("input range is %v; a lower and a greater limit are accepted", *l)
	}
	if c.Shapes != nil {
		if err := c.Shapes.validate(c.Spec); err != nil {
			return nil, err
		}
	}
	return b(c, r)
}

// options decodes a kind's options over its defaults; unknown fields are errors.
func options[T any](c Config, defaults T) (T, error) {
	if len(c.Options) == 0 {
		return defaults, nil
	}
	d := json.NewDecoder(bytes.NewReader(c.Options))
	d.DisallowUnknownFields()
	if err := d.Decode(&defaults); err != nil {
		return defaults, fmt.Errorf("options of encoder %q: %w", c.Kind, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return defaults, fmt.Errorf("options of encoder %q: text after the object", c.Kind)
	}
	return defaults, nil
}

// Embeddings are the encoder's outputs scaled to unit length, [N, Dim] (paper,
// section 4).
func Embeddings(t *grad.Tape, e Encoder, p *rnn.Population) grad.Var {
	return grad.L2Normalize(e.Encode(t, p))
}
