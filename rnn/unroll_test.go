package rnn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// sequence puts x, [steps, rows, inputs], on the tape, step by step.
func sequence(tape *grad.Tape, x []float32, steps, inputs int) (xs []grad.Var) {
	n := len(x) / steps
	for s := range steps {
		xs = append(xs, tape.Input("", n/inputs, inputs, x[s*n:(s+1)*n]))
	}
	return xs
}

// unroll feeds x, [steps, rows, inputs], to a population and returns its outputs,
// [steps, rows, OutputSize].
func unroll(models []*rnn.Model, x []float32, steps, inputs int) (outputs []float32) {
	tape := grad.NewTape().Inference()
	p := rnn.Bind(tape, models...)
	for _, h := range p.Unroll(sequence(tape, x, steps, inputs)) {
		outputs = append(outputs, p.Readout(h, p.Spec.OutputSize()).Value()...)
	}
	return outputs
}

// unrolledSpecs has every cell, one and two directions, layers that differ.
func unrolledSpecs() (specs []rnn.Spec) {
	layer := func(cell string, inputs, hidden int) rnn.Layer {
		return rnn.Layer{Cell: cell, Inputs: inputs, Hidden: hidden}
	}
	both := func(l rnn.Layer) rnn.Layer { l.Bidirectional = true; return l }
	reverse := func(l rnn.Layer) rnn.Layer { l.Reverse = true; return l }
	for _, cell := range rnn.CellNames() {
		specs = append(specs, rnn.Uniform(cell, 3, 5, 2, 4), rnn.Uniform(cell, 1, 4, 1, 0),
			rnn.Spec{Layers: []rnn.Layer{reverse(layer(cell, 3, 5))}, Outputs: 2},
			rnn.Spec{Layers: []rnn.Layer{layer(cell, 2, 3), reverse(layer(cell, 3, 5))}},
			rnn.Spec{Layers: []rnn.Layer{both(layer(cell, 3, 5)), both(layer(cell, 10, 4))}},
			rnn.Spec{Layers: []rnn.Layer{both(layer(cell, 2, 3)), layer(cell, 6, 5)}, Outputs: 4})
	}
	return append(specs,
		rnn.Spec{Layers: []rnn.Layer{layer("gru", 3, 7), layer("lstm", 7, 4), layer("rnn_relu", 4, 5)}, Outputs: 3},
		rnn.Spec{Layers: []rnn.Layer{both(layer("lstm", 2, 4)), reverse(layer("gru", 8, 3)), layer("rnn_tanh", 3, 6)}},
		rnn.Spec{Layers: []rnn.Layer{layer("rnn_tanh", 2, 6), both(layer("gru", 6, 3))}, Outputs: 5})
}

// TestUnrollEqualsRun: every model's rows of a population are what the plain
// reference puts out.
func TestUnrollEqualsRun(t *testing.T) {
	const steps = 6
	worst := 0.0
	for _, spec := range unrolledSpecs() {
		for _, models := range []int{1, 3} {
			for _, each := range []int{1, 4} {
				ms := randomModels(spec, models)
				x := normal(rand.New(rand.NewPCG(9, 9)), steps*models*each*spec.Inputs(), 1)
				got := unroll(ms, x, steps, spec.Inputs())
				for i, m := range ms {
					want, err := m.Run(pick(x, steps, models, i), steps, each)
					if err != nil {
						t.Fatal(err)
					}
					e := relativeError(t, pick(got, steps, models, i), want)
					worst = max(worst, e)
					if e > 1e-6 {
						t.Errorf("%+v, model %d of %d, %d rows each: relative error %g", spec, i, models, each, e)
					}
				}
			}
		}
	}
	t.Logf("greatest relative error %.2g", worst)
}

// TestUnrollKeepsItsInputs: layers that read backwards reverse a copy.
func TestUnrollKeepsItsInputs(t *testing.T) {
	const steps, rows = 5, 2
	for _, spec := range unrolledSpecs() {
		x := normal(rand.New(rand.NewPCG(9, 9)), steps*rows*spec.Inputs(), 1)
		tape := grad.NewTape().Inference()
		in := sequence(tape, x, steps, spec.Inputs())
		rnn.Bind(tape, randomModels(spec, 1)...).Unroll(in)
		if !slices.Equal(in[0].Value(), x[:rows*spec.Inputs()]) {
			t.Errorf("%s: the inputs are reversed in place", spec)
		}
	}
}

// TestUnrollOfFewerInputs: the inputs that are not given are zero.
func TestUnrollOfFewerInputs(t *testing.T) {
	const steps, models, each, given, inputs = 4, 2, 3, 2, 5
	spec := rnn.Spec{Layers: []rnn.Layer{{Cell: "lstm", Inputs: inputs, Hidden: 3, Bidirectional: true}, {Cell: "gru", Inputs: 6, Hidden: 4}}, Outputs: 2}
	ms := randomModels(spec, models)
	few := normal(rand.New(rand.NewPCG(9, 9)), steps*models*each*given, 1)
	var all []float32
	for row := range slices.Chunk(few, given) {
		all = append(append(all, row...), make([]float32, inputs-given)...)
	}
	if e := relativeError(t, unroll(ms, few, steps, given), unroll(ms, all, steps, inputs)); e > 1e-6 {
		t.Errorf("relative error %g", e)
	}
}

// TestVariantsUnrollPlain: a Variant runs as the cell it departs from.
func TestVariantsUnrollPlain(t *testing.T) {
	const steps, models, each = 6, 2, 3
	for cell, variants := range map[string][]rnn.Variant{
		"lstm":     {{Clip: 0.1}, {InputForget: true}, {Peepholes: true}, {Activations: [3]rnn.Activation{{Name: "HardSigmoid", Alpha: 0.2, Beta: 0.5}}}},
		"gru":      {{Clip: 0.1}, {ResetFirst: true}},
		"rnn_tanh": {{Clip: 0.1}, {Activations: [3]rnn.Activation{{Name: "Softsign"}}}},
	} {
		for _, v := range variants {
			plain := rnn.Spec{Layers: []rnn.Layer{{Cell: cell, Inputs: 2, Hidden: 4, Bidirectional: true}, {Cell: cell, Inputs: 8, Hidden: 3}}, Outputs: 2}
			spec := rnn.Spec{Layers: slices.Clone(plain.Layers), Outputs: plain.Outputs}
			spec.Layers[0].Variant, spec.Layers[1].Variant = v, v
			altered, originals := randomModels(spec, models), make([]*rnn.Model, models)
			x := normal(rand.New(rand.NewPCG(9, 9)), steps*models*each*2, 1)
			for i, m := range altered {
				originals[i] = withoutVariant(m, plain)
				own := pick(x, steps, models, i)
				a, errA := m.Run(own, steps, each)
				b, errB := originals[i].Run(own, steps, each)
				if errA != nil || errB != nil || slices.Equal(a, b) {
					t.Fatalf("%s, %+v: as the plain cell (%v, %v)", cell, v, errA, errB)
				}
			}
			if !slices.Equal(unroll(altered, x, steps, 2), unroll(originals, x, steps, 2)) {
				t.Errorf("%s, %+v does not run as the plain cell", cell, v)
			}
		}
	}
}

// withoutVariant has m's tensors, but for those that the plain spec lacks.
func withoutVariant(m *rnn.Model, plain rnn.Spec) *rnn.Model {
	p := rnn.NewModel(plain)
	tensors := map[string][]float32{}
	for _, s := range m.Spec.Layout() {
		tensors[s.Name] = m.Tensor(s)
	}
	for _, s := range plain.Layout() {
		copy(p.Tensor(s), tensors[s.Name])
	}
	return p
}

// TestReadoutOfFirstOutputs: fewer outputs are the first of all.
func TestReadoutOfFirstOutputs(t *testing.T) {
	const rows, n = 3, 2 // of each model
	for _, outputs := range []int{0, 5} {
		tape := grad.NewTape().Inference()
		p := rnn.Bind(tape, randomModels(rnn.Uniform("gru", 2, 4, 1, outputs), 2)...)
		h := tape.Input("", 2*rows, 4, normal(rand.New(rand.NewPCG(9, 9)), 2*rows*4, 1))
		all, first := p.Readout(h, p.Spec.OutputSize()), p.Readout(h, n)
		if first.Rows() != 2*rows || first.Cols() != n {
			t.Fatalf("%dx%d", first.Rows(), first.Cols())
		}
		for r := range 2 * rows {
			if e := relativeError(t, first.Value()[r*n:(r+1)*n], all.Value()[r*all.Cols():r*all.Cols()+n]); e > 1e-6 {
				t.Errorf("%d outputs, row %d: relative error %g", outputs, r, e)
			}
		}
	}
}
