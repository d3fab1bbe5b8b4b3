package rnn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// TestPopulationAgainstTorch: one model on a tape gives PyTorch's outputs.
func TestPopulationAgainstTorch(t *testing.T) {
	eachFixture(t, true, func(t *testing.T, f *fixture) {
		got, _ := rollOut([]*rnn.Model{f.model()}, f.inputs(f.Batches[0]), f.Steps)
		if e := relativeError(t, got, f.Logits); e > 1e-5 {
			t.Errorf("relative error %g", e)
		}
	})
}

// rollOut feeds x to a population for some steps and returns all outputs and the
// gradient of x of a loss over the last.
func rollOut(models []*rnn.Model, x []float32, steps int) (outputs, gradient []float32) {
	tape := grad.NewTape()
	p := rnn.Bind(tape, models...)
	state := p.Start()
	n := len(x) / steps
	var in []grad.Var
	var y grad.Var
	for s := range steps {
		v := tape.Variable("", n/p.Spec.Inputs(), p.Spec.Inputs(), x[s*n:(s+1)*n])
		in = append(in, v)
		y, state = p.Step(v, state)
		outputs = append(outputs, y.Value()...)
	}
	// A sum of squares: its gradient at a row does not depend on the other rows.
	tape.Backward(grad.Scale(grad.MeanSquare(y, make([]float32, len(y.Value()))), float32(len(y.Value()))))
	for _, v := range in {
		gradient = append(gradient, v.Grad()...)
	}
	return outputs, gradient
}

// pick returns model m's share of each step of values.
func pick(values []float32, steps, models, m int) (own []float32) {
	n := len(values) / steps / models
	for s := range steps {
		own = append(own, values[(s*models+m)*n:(s*models+m+1)*n]...)
	}
	return own
}

// TestPopulationEqualsOneByOne: outputs and input gradients of models bound
// together are those of each bound alone, bit for bit. Sums are powers of two
// long, so that the loss scales without rounding.
func TestPopulationEqualsOneByOne(t *testing.T) {
	const models, steps = 4, 5
	for _, cell := range rnn.CellNames() {
		for _, sizes := range [][2]int{{5, 7}, {32, 32}, {3, 17}} {
			for _, each := range []int{1, 2, 4} {
				spec := rnn.Spec{Outputs: 4, Layers: []rnn.Layer{
					{Cell: cell, Inputs: 3, Hidden: sizes[0]}, {Cell: cell, Inputs: sizes[0], Hidden: sizes[1]}}}
				t.Run(fmt.Sprintf("%s, %d rows each", spec, each), func(t *testing.T) {
					ms := randomModels(spec, models)
					x := normal(rand.New(rand.NewPCG(9, 9)), steps*models*each*3, 1)
					outputs, gradient := rollOut(ms, x, steps)
					for m, model := range ms {
						o, g := rollOut([]*rnn.Model{model}, pick(x, steps, models, m), steps)
						if !slices.Equal(o, pick(outputs, steps, models, m)) {
							t.Errorf("model %d: outputs differ when run alone", m)
						}
						if !slices.Equal(g, pick(gradient, steps, models, m)) {
							t.Errorf("model %d: gradients differ when run alone", m)
						}
					}
				})
			}
		}
	}
}

func TestPopulationSlots(t *testing.T) {
	ms := randomModels(rnn.Uniform("gru", 2, 3, 1, 4), 3)
	p := rnn.Bind(grad.NewTape(), ms...)
	for _, s := range p.Spec.Layout() {
		v, ok := p.Slot(s.Name)
		if !ok || v.Rows() != 3 || v.Cols() != s.Size() {
			t.Fatalf("slot %s: %v", s.Name, ok)
		}
		for m := range ms {
			if !slices.Equal(v.Value()[m*s.Size():(m+1)*s.Size()], ms[m].Tensor(s)) {
				t.Errorf("slot %s: row %d is not model %d", s.Name, m, m)
			}
		}
	}
	if _, ok := p.Slot("weight_ih_l1"); ok {
		t.Error("a slot that the spec does not have")
	}
}

// TestVariantPopulationHasSlotsOnly: weights of any spec can be read, but only
// plain cells step.
func TestVariantPopulationHasSlotsOnly(t *testing.T) {
	spec := rnn.Uniform("lstm", 2, 3, 1, 0)
	spec.Layers[0].Bidirectional = true
	p := rnn.Bind(grad.NewTape(), rnn.NewModel(spec))
	if _, ok := p.Slot("weight_hh_l0_reverse"); !ok {
		t.Error("no reverse weights")
	}
	defer func() {
		if recover() == nil {
			t.Error("a bidirectional population stepped")
		}
	}()
	p.Step(grad.Var{}, nil)
}

func randomModels(spec rnn.Spec, n int) []*rnn.Model {
	r := rand.New(rand.NewPCG(1, 2))
	ms := make([]*rnn.Model, n)
	for i := range ms {
		ms[i] = &rnn.Model{Spec: spec, Weights: normal(r, spec.Parameters(), .4)}
	}
	return ms
}

func normal(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}
