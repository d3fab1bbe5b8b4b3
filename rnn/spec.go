package rnn

import (
	"fmt"
	"math"
	"slices"

	"rnnrep/internal/errs"
)

// Limits of a Spec. They bound the memory that a hostile description can ask for.
const (
	MaxLayers     = 64
	MaxSize       = 1 << 20   // inputs, hidden units or outputs of one layer
	MaxParameters = 256 << 20 // float32 values of one model
)

// Variant says how a layer's cell departs from PyTorch's. Its zero value is
// PyTorch's cell. ONNX attributes of the LSTM, GRU and RNN ops map onto it one
// to one. Variants run forward only; they are never trained.
type Variant struct {
	Clip        float32       `json:"clip,omitempty"`         // pre-activations are clipped to ±Clip; 0: not
	InputForget bool          `json:"input_forget,omitempty"` // LSTM: forget gate = 1 - input gate
	Peepholes   bool          `json:"peepholes,omitempty"`    // LSTM: extra weights peephole_* [3H], gates i, f, o
	ResetFirst  bool          `json:"reset_first,omitempty"`  // GRU: linear_before_reset = 0: n = tanh(Wx + R(r*h) + b)
	Activations [3]Activation `json:"activations,omitzero"`   // ONNX f, g, h; empty names: the cell's own
}

// Activation is an ONNX RNN activation function with its parameters.
type Activation struct {
	Name        string  `json:"name,omitempty"` // ONNX spelling: Sigmoid, Tanh, Relu, HardSigmoid, ...; "": default
	Alpha, Beta float32 `json:",omitempty"`
}

// Layer is one recurrent layer.
type Layer struct {
	Cell          string  `json:"cell"` // lstm, gru, rnn_tanh, rnn_relu
	Inputs        int     `json:"inputs"`
	Hidden        int     `json:"hidden"`
	Bidirectional bool    `json:"bidirectional,omitempty"`
	Reverse       bool    `json:"reverse,omitempty"` // one direction, running from the last step to the first
	Variant       Variant `json:"variant,omitzero"`
}

// Directions is 2 for a bidirectional layer, otherwise 1.
func (l Layer) Directions() int {
	if l.Bidirectional {
		return 2
	}
	return 1
}

// Width is the number of values the layer puts out at each step.
func (l Layer) Width() int { return l.Hidden * l.Directions() }

// Spec describes an RNN: a stack of recurrent layers and, if Outputs is not 0,
// a linear readout applied at every step. Layers may differ in cell and size.
type Spec struct {
	Layers  []Layer `json:"layers"`
	Outputs int     `json:"outputs"`
}

// Uniform is the usual stack: layers equal cells of equal width.
func Uniform(cell string, inputs, hidden, layers, outputs int) Spec {
	s := Spec{Outputs: outputs}
	for range layers {
		s.Layers = append(s.Layers, Layer{Cell: cell, Inputs: inputs, Hidden: hidden})
		inputs = hidden
	}
	return s
}

// Inputs is the number of values the RNN reads at each step.
func (s Spec) Inputs() int { return s.Layers[0].Inputs }

// Width is the number of values the last layer puts out at each step.
func (s Spec) Width() int { return s.Layers[len(s.Layers)-1].Width() }

// OutputSize is what one step puts out: the readout's size, or Width without one.
func (s Spec) OutputSize() int {
	if s.Outputs > 0 {
		return s.Outputs
	}
	return s.Width()
}

// Equal reports whether two specs are the same.
func (s Spec) Equal(o Spec) bool { return s.Outputs == o.Outputs && slices.Equal(s.Layers, o.Layers) }

// Causal reports whether the RNN can run step by step: no layer reads backwards.
func (s Spec) Causal() bool {
	return !slices.ContainsFunc(s.Layers, func(l Layer) bool { return l.Bidirectional || l.Reverse })
}

// Plain reports whether every layer is PyTorch's own cell, run forwards.
func (s Spec) Plain() bool {
	return s.Causal() && !slices.ContainsFunc(s.Layers, func(l Layer) bool { return l.Variant != Variant{} })
}

// String is a short name such as "lstm 6-32-32-6".
func (s Spec) String() string {
	if len(s.Layers) == 0 {
		return "empty"
	}
	str := s.Layers[0].Cell + " " + fmt.Sprint(s.Inputs())
	for i, l := range s.Layers {
		if i > 0 && l.Cell != s.Layers[0].Cell {
			str += "-" + l.Cell + " "
		}
		str += fmt.Sprintf("-%d", l.Hidden)
		if l.Bidirectional {
			str += "x2"
		}
	}
	if s.Outputs > 0 {
		str += fmt.Sprintf("-%d", s.Outputs)
	}
	return str
}

// Validate checks names, sizes, that each layer reads what the one below puts
// out, and the limits.
func (s Spec) Validate() error {
	if n := len(s.Layers); n == 0 || n > MaxLayers {
		return errs.New(errs.InvalidGraph, "spec has %d recurrent layers", n).Accepts("1 to %d", MaxLayers)
	}
	if s.Outputs < 0 || s.Outputs > MaxSize {
		return errs.New(errs.InvalidGraph, "spec has %d outputs", s.Outputs).Accepts("0 to %d", MaxSize)
	}
	var total int64
	for i, l := range s.Layers {
		if err := s.validateLayer(i); err != nil {
			return err
		}
		total += int64(l.parameters())
	}
	total += int64(s.Outputs) * int64(s.Width()+1)
	if total > MaxParameters {
		return errs.New(errs.TooLarge, "spec has %d parameters", total).Accepts("at most %d", MaxParameters)
	}
	return nil
}

func (s Spec) validateLayer(i int) error {
	l := s.Layers[i]
	c, ok := cells[l.Cell]
	if !ok {
		return errs.New(errs.UnsupportedCell, "layer %d: unknown cell %q", i, l.Cell).Accepts("%v", CellNames())
	}
	for what, n := range map[string]int{"inputs": l.Inputs, "hidden": l.Hidden} {
		if n < 1 || n > MaxSize {
			return errs.New(errs.InvalidGraph, "layer %d: %s is %d", i, what, n).Accepts("1 to %d", MaxSize)
		}
	}
	if i > 0 && l.Inputs != s.Layers[i-1].Width() {
		return errs.New(errs.ShapeMismatch, "layer %d reads %d values but the layer below puts out %d", i, l.Inputs, s.Layers[i-1].Width())
	}
	if l.Bidirectional && l.Reverse {
		return errs.New(errs.InvalidGraph, "layer %d is both bidirectional and reverse", i)
	}
	v := l.Variant
	if c := float64(v.Clip); c < 0 || math.IsNaN(c) || math.IsInf(c, 0) {
		return errs.New(errs.InvalidGraph, "layer %d: clip is %v", i, v.Clip).Accepts("a finite number, 0 for none")
	}
	if (v.Peepholes || v.InputForget) && c.ONNXOp != "LSTM" || v.ResetFirst && c.ONNXOp != "GRU" {
		return errs.New(errs.InvalidGraph, "layer %d: the variant does not belong to cell %q", i, l.Cell)
	}
	return nil
}
