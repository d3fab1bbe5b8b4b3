package exporter

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// WriteRNN writes m as one ONNX file; see the package comment for its inputs
// and outputs. Every weight keeps its bits: only the order of gates changes, to
// ONNX's. An invalid model is refused with the error of rnn.Model.Validate.
func WriteRNN(w io.Writer, m *rnn.Model) error {
	if err := m.Validate(); err != nil {
		return err
	}
	spec, err := json.Marshal(m.Spec)
	if err != nil {
		return err
	}
	g := newGraph("rnn")
	x := g.input("input", onnx.Float32, "sequence", "batch", m.Spec.Inputs())
	slots := m.Spec.Layout()
	for i, l := range m.Spec.Layers {
		n := 4
		if l.Variant.Peepholes {
			n = 5
		}
		n *= l.Directions()
		x = writeLayer(g, i, l, m, slots[:n], x)
		slots = slots[n:]
	}
	if m.Spec.Outputs > 0 {
		x = writeReadout(g, m, x)
	}
	g.output("output", x, onnx.Float32, "sequence", "batch", m.Spec.OutputSize())
	_, err = w.Write(onnx.Marshal(g.model("The recurrent network "+m.Spec.String()+", from a zero state", map[string]string{"spec": string(spec)})))
	return err
}

// writeLayer adds layer i, whose tensors are slots, and returns its output
// [sequence, batch, Width].
func writeLayer(g *graph, i int, l rnn.Layer, m *rnn.Model, slots []rnn.Slot, x string) string {
	cell, _ := rnn.LookupCell(l.Cell)
	name := fmt.Sprintf("%s_l%d", strings.ToLower(cell.ONNXOp), i)
	kinds := len(slots) / l.Directions()
	// stack joins a kind of tensor over the directions, in ONNX's order of gates.
	stack := func(order []int, kinds ...int) (values []float32) {
		for d := range l.Directions() {
			for _, k := range kinds {
				values = append(values, reorder(m.Tensor(slots[d*len(slots)/l.Directions()+k]), order)...)
			}
		}
		return values
	}
	gates := cell.GateCount() * l.Hidden
	inputs := []string{x,
		g.initializer(onnx.NewFloats(name+".W", stack(cell.ToONNX(), 0), l.Directions(), gates, l.Inputs)),
		g.initializer(onnx.NewFloats(name+".R", stack(cell.ToONNX(), 1), l.Directions(), gates, l.Hidden)),
		g.initializer(onnx.NewFloats(name+".B", stack(cell.ToONNX(), 2, 3), l.Directions(), 2*gates))}
	if kinds > 4 {
		p := stack(peepholeOrder(cell), 4)
		inputs = append(inputs, "", "", "", g.initializer(onnx.NewFloats(name+".P", p, l.Directions(), 3*l.Hidden)))
	}
	y := g.node(cell.ONNXOp, name, 1, inputs, layerAttributes(l, cell)...)[0] // [sequence, directions, batch, hidden]
	if !l.Bidirectional {
		return g.op("Squeeze", []string{y, g.ints(1)})
	}
	y = g.op("Transpose", []string{y}, intsAttribute("perm", 0, 2, 1, 3))
	return g.op("Reshape", []string{y, g.ints(0, 0, -1)})
}

// reorder returns the blocks of w in the given order.
func reorder(w []float32, order []int) []float32 {
	n := len(w) / len(order)
	r := make([]float32, 0, len(w))
	for _, from := range order {
		r = append(r, w[from*n:(from+1)*n]...)
	}
	return r
}

// peepholeOrder maps ONNX position -> canonical index among the gates that have
// peepholes: all but the candidate.
func peepholeOrder(c rnn.CellInfo) []int {
	peeps := func(gates []string) []string {
		return slices.DeleteFunc(slices.Clone(gates), func(g string) bool { return g == "g" })
	}
	return rnn.CellInfo{Gates: peeps(c.Gates), ONNXGates: peeps(c.ONNXGates)}.ToONNX()
}

// layerAttributes writes every attribute that an importer could default
// differently, and what the layer's Variant asks for.
func layerAttributes(l rnn.Layer, cell rnn.CellInfo) []attribute {
	direction := "forward"
	switch {
	case l.Bidirectional:
		direction = "bidirectional"
	case l.Reverse:
		direction = "reverse"
	}
	a := []attribute{intAttribute("hidden_size", l.Hidden), textAttribute("direction", direction)}
	if cell.ONNXOp == "GRU" {
		a = append(a, intAttribute("linear_before_reset", oneIf(!l.Variant.ResetFirst)))
	}
	if l.Variant.InputForget {
		a = append(a, intAttribute("input_forget", 1))
	}
	if l.Variant.Clip > 0 {
		a = append(a, floatAttribute("clip", l.Variant.Clip))
	}
	return append(a, activationAttributes(l, cell)...)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// activationAttributes names the functions of each direction, with the
// parameters that they take in the same order (ONNX RNN-14).
func activationAttributes(l rnn.Layer, cell rnn.CellInfo) []attribute {
	var names []string
	var alphas, betas []float32
	for range l.Directions() {
		for i, name := range cell.ONNXActivations {
			v := l.Variant.Activations[i]
			if v.Name == "" {
				v.Name = name
			}
			names = append(names, v.Name)
			takes := onnx.ActivationFunctions[v.Name]
			if takes.Alpha != nil {
				alphas = append(alphas, v.Alpha)
			}
			if takes.Beta != nil {
				betas = append(betas, v.Beta)
			}
		}
	}
	a := []attribute{textsAttribute("activations", names)}
	if alphas != nil {
		a = append(a, floatsAttribute("activation_alpha", alphas))
	}
	if betas != nil {
		a = append(a, floatsAttribute("activation_beta", betas))
	}
	return a
}

// writeReadout adds the linear layer at every step.
func writeReadout(g *graph, m *rnn.Model, x string) string {
	out, width := m.Spec.Outputs, m.Spec.Width()
	weight, transposed := m.Named("linear.weight"), make([]float32, out*width)
	for o := range out {
		for j := range width {
			transposed[j*out+o] = weight[o*width+j]
		}
	}
	w := g.initializer(onnx.NewFloats("linear.weight_transposed", transposed, width, out))
	b := g.initializer(onnx.NewFloats("linear.bias", m.Named("linear.bias"), out))
	return g.op("Add", []string{g.op("MatMul", []string{x, w}), b})
}
