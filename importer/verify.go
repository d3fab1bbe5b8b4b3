package importer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

// tolerance is the largest accepted difference of outputs, relative to the
// largest output where that is above 1.
const tolerance = 1e-4

// largeModel is the number of weights from which fewer steps are compared.
const largeModel = 1 << 20

// verify feeds noise to the original nodes and to the recovered model.
func verify(v *view, s *stack, m *rnn.Model, seed uint64) (Verification, error) {
	random := rng.Stream(seed, "importer verification", 0)
	compare := s.compareGraph
	if s.solitary() {
		compare = s.compareNodes
	}
	c, err := compare(v, m, random)
	if err != nil {
		return Verification{}, err
	}
	if err := c.refusal(m, "the graph", tolerance); err != nil {
		return Verification{}, err
	}
	return Verification{Method: "reference_evaluator", MaxAbsError: c.deviation}, nil
}

// quantisedTolerance is tolerance for the rounding to 8 bits in a graph itself.
const quantisedTolerance = 1e-2

// verifyQuantised also compares with the quantised graph as it is, where the
// evaluator knows its nodes, and says how far that is. Only strictly is being
// far a refusal.
func verifyQuantised(v *view, best candidate, m *rnn.Model, seed uint64, strict bool) (string, error) {
	if best.wiring.place != "" {
		return "", nil
	}
	c, err := best.compareGraph(v, m, rng.Stream(seed, "importer quantised", 0))
	if err != nil {
		return "without rounding to 8 bits; the quantised graph itself is not evaluated: " + errs.As(err).Detail, nil
	}
	if err := c.refusal(m, "the quantised graph", quantisedTolerance); strict && err != nil {
		return "", err
	}
	return fmt.Sprintf("without rounding to 8 bits; the quantised graph itself differs by %.2g", c.deviation), nil
}

// comparison is how far two runs are apart, and the largest value in them.
type comparison struct {
	deviation, scale float64
	overflow         bool // a value is NaN or infinite: nothing is compared
}

func (c *comparison) add(got, want []float32) {
	if len(got) != len(want) {
		c.deviation = inf
		return
	}
	c.see(got)
	c.see(want)
	c.deviation = max(c.deviation, distance(got, want))
}

// see notes the largest value, and whether all are finite.
func (c *comparison) see(values []float32) {
	for _, x := range values {
		c.scale = max(c.scale, math.Abs(float64(x)))
	}
	c.overflow = c.overflow || !(c.scale <= math.MaxFloat32)
}

// refusal is what the comparison with a graph means for the recovered model: nil
// where they are as close as accepted, relative to the largest value where that
// is above 1.
func (c *comparison) refusal(m *rnn.Model, graph string, accepted float64) error {
	limit := accepted * max(1, c.scale)
	switch {
	case c.overflow:
		return errs.New(errs.NonFiniteOutputs, "%s of %s computes NaN or infinite values on random input; its largest weight is %.3g", graph, m.Spec, largestOf(m.Weights)).
			Accepts("networks that compute finite numbers of inputs around 1").Do("the weights overflow: check that the training did not diverge")
	case !(c.deviation <= limit):
		return errs.New(errs.VerificationFailed, "the recovered %s differs from %s by %.3g on random input", m.Spec, graph, c.deviation).
			Accepts("at most %.1g", limit).Do("please report the file: the graph computes something else than its structure suggests")
	}
	return nil
}

// largestOf is the largest magnitude.
func largestOf(values []float32) (largest float64) {
	for _, x := range values {
		largest = max(largest, math.Abs(float64(x)))
	}
	return largest
}

// solitary tells whether every layer of the stack can run by itself.
func (s *stack) solitary() bool {
	for _, f := range s.flows() {
		if _, ok := f.ports.(solitary); !ok {
			return false
		}
	}
	return true
}

// compareNodes runs the original nodes by themselves one layer after the other,
// wired as the marks have shown: any number of steps will do.
func (s *stack) compareNodes(v *view, m *rnn.Model, random *rand.Rand) (comparison, error) {
	steps, batch := stepCount, batchSize
	if len(m.Weights) > largeModel {
		steps, batch = 3, 1 // the third step has seen the recurrent weights twice
	}
	for _, f := range s.flows() {
		if p, ok := f.ports.(*singlePorts); ok {
			batch = p.batch()
		}
	}
	x := noise(random, steps, batch, m.Spec.Inputs())
	y := x
	for _, u := range s.units {
		var err error
		if y, err = u.run(y, func(f *flow, x sequence) (sequence, error) { return f.ports.(solitary).run(x) }); err != nil {
			return comparison{}, err
		}
	}
	want := y.data
	if s.readout != nil {
		var err error
		if want, err = s.readout.original(v, y); err != nil {
			return comparison{}, err
		}
	}
	got, err := m.Run(x.data, steps, batch)
	if err != nil {
		return comparison{}, errs.New(errs.UnsupportedCell, "the recovered %s cannot run: %w", m.Spec, err)
	}
	var c comparison
	c.add(got, want)
	return c, nil
}

// run gives x to the directions of a layer.
func (u *unit) run(x sequence, run func(*flow, sequence) (sequence, error)) (out sequence, err error) {
	for i, f := range u.parts {
		y, err := run(f, x.flipped(f.flipped))
		if err != nil {
			return out, err
		}
		if y = y.flipped(f.flipped); i == 0 {
			out = y
		} else {
			out = beside(out, y)
		}
	}
	return out, nil
}

// original runs the readout's product and Add on every vector of y.
func (r *readout) original(v *view, y sequence) ([]float32, error) {
	product := r.nodes[0]
	g := &onnx.Graph{Nodes: []*onnx.Node{product}, Inputs: []onnx.Value{{Name: r.input}}, Outputs: []onnx.Value{{Name: product.Outputs[0]}}}
	if r.added != "" {
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: "Add", Inputs: []string{product.Outputs[0], r.added}, Outputs: []string{r.result}})
		g.Outputs[0].Name = r.result
	}
	kind := onnx.Float32
	for _, name := range append(slices.Clone(product.Inputs), r.added) {
		if t, err := v.constant(name); err == nil && t != nil {
			named := *t
			named.Name, kind = name, t.Type
			g.Initializers = append(g.Initializers, &named)
		}
	}
	wide := onnx.NewFloats("", y.data).Float64s()
	dims := slices.Repeat([]int{1}, r.rank)
	dims[r.rank-2], dims[r.rank-1] = y.steps*y.batch, y.width
	values, err := v.run(g, tensors{r.input: onnx.FromFloats(r.input, kind, wide, dims...)})
	if err != nil {
		return nil, err
	}
	return values[g.Outputs[0].Name].Float32s(), nil
}

// compareGraph runs the whole graph on random inputs, from initial states of
// zeros, and compares every value in it that the model can tell: hidden states
// and the readout. Each layer is fed with what arrives at it in the graph, so
// that the rounding of quantised layers does not add up.
func (s *stack) compareGraph(v *view, m *rnn.Model, random *rand.Rand) (comparison, error) {
	given := v.drawInputs(random)
	var names, starts []string
	for _, f := range s.flows() {
		names, starts = append(append(names, f.needs()...), f.observed()...), append(starts, f.starts()...)
	}
	if s.readout != nil {
		names = append(names, s.readout.input, s.readout.result)
	}
	values, err := v.observe(given, starts, names)
	if err != nil {
		return comparison{}, err
	}
	var c comparison
	for _, f := range s.flows() {
		for _, name := range f.observed() {
			c.see(values[name].Float32s())
		}
	}
	var x, y, left sequence // the first layer's input, what the layers make of it, what left the layer below
	for i, u := range s.units {
		arrived, err := u.parts[0].input(values)
		if err != nil {
			return c, err
		}
		if arrived = arrived.flipped(u.parts[0].flipped); i > 0 {
			c.add(arrived.data, left.data)
		} else {
			x, y = arrived, arrived
		}
		if left, err = u.run(arrived, func(f *flow, x sequence) (sequence, error) {
			out, err := f.original().apply(x)
			if err == nil {
				c.deviation = max(c.deviation, f.deviation(values, out))
				c.see(out.data)
			}
			return out, err
		}); err != nil {
			return c, err
		}
		if y, err = u.run(y, func(f *flow, x sequence) (sequence, error) { return f.original().apply(x) }); err != nil {
			return c, err
		}
	}
	if s.readout != nil {
		c.add(s.readout.apply(values[s.readout.input].Float32s()), values[s.readout.result].Float32s())
		y = sequence{y.steps, y.batch, m.Spec.Outputs, s.readout.apply(y.data)}
	}
	got, err := m.Run(x.data, x.steps, x.batch)
	if err != nil {
		return c, err
	}
	c.add(got, y.data)
	return c, nil
}

// zero puts zeros in place of values.
func (v *view) zero(given tensors, names []string) error {
	for _, name := range names {
		values, err := v.evaluate(given, name)
		if err != nil {
			return err
		}
		t := values[name]
		given[name] = &onnx.Tensor{Name: name, Type: t.Type, Dims: t.Dims, Raw: make([]byte, len(t.Raw))}
	}
	return nil
}

// apply computes W*x + b of every vector in x.
func (a *affine) apply(x []float32) []float32 {
	width := len(a.weight) / a.outputs
	y := make([]float32, 0, len(x)/width*a.outputs)
	for ; len(x) >= width; x = x[width:] {
		for o := range a.outputs {
			sum := float64(a.bias[o])
			for i, w := range a.weight[o*width : (o+1)*width] {
				sum += float64(w) * float64(x[i])
			}
			y = append(y, float32(sum))
		}
	}
	return y
}
