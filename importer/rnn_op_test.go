package importer

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// TestOpAttributes reads every attribute of the ops. The verification inside
// ReadBytes compares each with the reference evaluator, which knows no rnn.
func TestOpAttributes(t *testing.T) {
	set := func(pairs ...any) func(*onnx.Model) {
		return func(m *onnx.Model) {
			for i := 0; i < len(pairs); i += 2 {
				a, ok := pairs[i+1].(*onnx.Attribute)
				switch x := pairs[i+1].(type) {
				case int:
					a = integer(x)
				case float64:
					a = &onnx.Attribute{Type: onnx.AttributeFloat, Float: float32(x)}
				case string:
					a = &onnx.Attribute{Type: onnx.AttributeString, String: x}
				case []float32:
					a = &onnx.Attribute{Type: onnx.AttributeFloats, Floats: x}
				default:
					if !ok {
						panic(x)
					}
				}
				m.Graph.Nodes[0].Attributes[pairs[i].(string)] = a
			}
		}
	}
	peepholes := func(m *onnx.Model) {
		n := m.Graph.Nodes[0]
		n.Inputs = append(n.Inputs, "", "", "", "P")
		dims := m.Graph.Initializers[1].Dims
		m.Graph.Initializers = append(m.Graph.Initializers, normals(rand.New(rand.NewPCG(3, 4)), "P", dims[0], 3*dims[2]))
	}
	act := func(name string, alpha, beta float32) rnn.Activation {
		return rnn.Activation{Name: name, Alpha: alpha, Beta: beta}
	}
	for _, c := range []struct {
		name   string
		op     string
		dirs   int
		change func(*onnx.Model)
		want   rnn.Layer
	}{
		{"lstm", "LSTM", 1, set(), rnn.Layer{Cell: "lstm"}},
		{"lstm reverse", "LSTM", 1, set("direction", "reverse"), rnn.Layer{Cell: "lstm", Reverse: true}},
		{"lstm bidirectional", "LSTM", 2, set("direction", "bidirectional"), rnn.Layer{Cell: "lstm", Bidirectional: true}},
		{"lstm layout", "LSTM", 2, set("direction", "bidirectional", "layout", 1), rnn.Layer{Cell: "lstm", Bidirectional: true}},
		{"lstm clip", "LSTM", 1, set("clip", 0.3), rnn.Layer{Cell: "lstm", Variant: rnn.Variant{Clip: 0.3}}},
		{"lstm input_forget", "LSTM", 1, set("input_forget", 1), rnn.Layer{Cell: "lstm", Variant: rnn.Variant{InputForget: true}}},
		{"lstm peepholes", "LSTM", 1, peepholes, rnn.Layer{Cell: "lstm", Variant: rnn.Variant{Peepholes: true}}},
		{"lstm own activations", "LSTM", 2, set("direction", "bidirectional", "activations", texts("sigmoid", "tanh", "Tanh", "Sigmoid", "Tanh", "Tanh")),
			rnn.Layer{Cell: "lstm", Bidirectional: true}},
		{"lstm other activations", "LSTM", 1, set("activations", texts("HardSigmoid", "ScaledTanh", "LeakyRelu"), "activation_alpha", []float32{0.3, 1.5}, "activation_beta", []float32{0.4, 0.8}),
			rnn.Layer{Cell: "lstm", Variant: rnn.Variant{Activations: [3]rnn.Activation{act("HardSigmoid", 0.3, 0.4), act("ScaledTanh", 1.5, 0.8), act("LeakyRelu", 0.01, 0)}}}},
		{"gru", "GRU", 1, set("linear_before_reset", 1), rnn.Layer{Cell: "gru"}},
		{"gru reset first", "GRU", 1, set("linear_before_reset", 0), rnn.Layer{Cell: "gru", Variant: rnn.Variant{ResetFirst: true}}},
		{"gru bidirectional", "GRU", 2, set("linear_before_reset", 1, "direction", "bidirectional"), rnn.Layer{Cell: "gru", Bidirectional: true}},
		{"gru activations", "GRU", 1, set("linear_before_reset", 1, "activations", texts("HardSigmoid", "Softsign")),
			rnn.Layer{Cell: "gru", Variant: rnn.Variant{Activations: [3]rnn.Activation{act("HardSigmoid", 0.2, 0.5), act("Softsign", 0, 0)}}}},
		{"rnn", "RNN", 1, set(), rnn.Layer{Cell: "rnn_tanh"}},
		{"rnn relu", "RNN", 2, set("direction", "bidirectional", "activations", texts("Relu", "Relu")), rnn.Layer{Cell: "rnn_relu", Bidirectional: true}},
		{"rnn elu", "RNN", 1, set("activations", texts("Elu"), "activation_alpha", []float32{0.7}),
			rnn.Layer{Cell: "rnn_tanh", Variant: rnn.Variant{Activations: [3]rnn.Activation{act("Elu", 0.7, 0)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := modelOf(c.op, map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[c.op], 3, 5, c.dirs)
			c.change(m)
			got, report, err := readModel(m)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Inputs, c.want.Hidden = 3, 5
			if !reflect.DeepEqual(got.Spec.Layers, []rnn.Layer{c.want}) {
				t.Errorf("layer %+v, should be %+v", got.Spec.Layers, c.want)
			}
			if report.Verified.Method != "reference_evaluator" {
				t.Errorf("verification %+v", report.Verified)
			}
		})
	}
}

// TestVerificationCatches changes what a recogniser found in ways that keep all
// shapes, and expects each to be refused.
func TestVerificationCatches(t *testing.T) {
	for name, change := range map[string]func(*recurrence){
		"gate order":  spoil(func(w []float32) { swap(w, 0, 15, 15) }),
		"one bias":    spoil(func(w []float32) { w[len(w)-1] += 0.01 }),
		"direction":   func(r *recurrence) { r.layer.Reverse = true },
		"reset first": func(r *recurrence) { r.layer.Variant.ResetFirst = true },
	} {
		m := modelOf("GRU", 3, 3, 5, 1)
		m.Graph.Nodes[0].Attributes["linear_before_reset"] = integer(1)
		parsed, err := onnx.Parse(onnx.Marshal(m), nil, onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		v := newView(t.Context(), parsed)
		found, err := v.recurrences()
		if err != nil {
			t.Fatal(err)
		}
		change(found[0])
		s := &v.wire(found, 1).stacks()[0]
		recovered, err := s.model()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(v, s, recovered, 1); errs.CodeOf(err) != errs.VerificationFailed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// spoil changes the weights that a recurrence loads.
func spoil(change func(w []float32)) func(*recurrence) {
	return func(r *recurrence) {
		load := r.load
		r.load = func(dst []float32) {
			load(dst)
			change(dst)
		}
	}
}

func swap(x []float32, a, b, n int) {
	for i := range n {
		x[a+i], x[b+i] = x[b+i], x[a+i]
	}
}

// TestTwoNodesBidirectional joins a forward and a reverse node, the latter also
// written as a forward node between two reversals of time.
func TestTwoNodesBidirectional(t *testing.T) {
	for _, flipped := range []bool{false, true} {
		t.Run(fmt.Sprint(flipped), func(t *testing.T) {
			m, back := lstmModel(), modelOf("LSTM", 4, 3, 5, 1)
			g := m.Graph
			g.Nodes[0].Outputs = []string{"F"}
			r := rand.New(rand.NewPCG(7, 7))
			for _, w := range back.Graph.Initializers {
				g.Initializers = append(g.Initializers, normals(r, w.Name+"b", w.Dims...))
			}
			b := back.Graph.Nodes[0]
			b.Name, b.Inputs, b.Outputs = "back", []string{"X", "Wb", "Rb", "Bb"}, []string{"K"}
			g.Nodes = append(g.Nodes, b)
			if flipped {
				g.Initializers = append(g.Initializers, onnx.NewInts("start", []int64{-1}), onnx.NewInts("end", []int64{-1 << 40}), onnx.NewInts("zero", []int64{0}))
				b.Inputs[0], b.Outputs[0] = "Xf", "Kf"
				g.Nodes = append(g.Nodes,
					&onnx.Node{OpType: "Slice", Inputs: []string{"X", "start", "end", "zero", "start"}, Outputs: []string{"Xf"}},
					&onnx.Node{OpType: "Slice", Inputs: []string{"Kf", "start", "end", "zero", "start"}, Outputs: []string{"K"}})
			} else {
				b.Attributes["direction"] = &onnx.Attribute{Type: onnx.AttributeString, String: "reverse"}
			}
			top := modelOf("GRU", 3, 10, 4, 1).Graph
			top.Nodes[0].Inputs = []string{"Z", "Wt", "Rt", "Bt"}
			for _, w := range top.Initializers {
				w.Name += "t"
			}
			g.Initializers = append(append(g.Initializers, top.Initializers...), onnx.NewInts("one", []int64{1}))
			g.Nodes = append(g.Nodes,
				&onnx.Node{OpType: "Concat", Inputs: []string{"F", "K"}, Outputs: []string{"C"}, Attributes: map[string]*onnx.Attribute{"axis": integer(-1)}},
				&onnx.Node{OpType: "Squeeze", Inputs: []string{"C", "one"}, Outputs: []string{"Z"}}, top.Nodes[0])
			got, report, err := readModel(m)
			if err != nil {
				t.Fatal(err)
			}
			want := rnn.Spec{Layers: []rnn.Layer{
				{Cell: "lstm", Inputs: 3, Hidden: 5, Bidirectional: true},
				{Cell: "gru", Inputs: 10, Hidden: 4, Variant: rnn.Variant{ResetFirst: true}},
			}}
			if !got.Spec.Equal(want) || len(report.Others) > 0 {
				t.Errorf("%s, should be %s; %+v", got.Spec, want, report)
			}
		})
	}
}

// TestReadouts tells apart what a readout may read.
func TestReadouts(t *testing.T) {
	node := func(op string, in, out string, more ...string) *onnx.Node {
		return &onnx.Node{OpType: op, Inputs: append([]string{in}, more...), Outputs: []string{out}, Attributes: map[string]*onnx.Attribute{}}
	}
	with := func(n *onnx.Node, name string, a *onnx.Attribute) *onnx.Node {
		n.Attributes[name] = a
		return n
	}
	squeeze := node("Squeeze", "Y", "S", "one")
	for on, nodes := range map[string][]*onnx.Node{
		"every step":            {squeeze, node("Identity", "S", "P")},
		"the last step":         {squeeze, with(node("Gather", "S", "P", "minus"), "axis", integer(0))},
		"the first step":        {squeeze, with(node("Gather", "S", "P", "nought"), "axis", integer(0))},
		"the mean over time":    {squeeze, with(with(node("ReduceMean", "S", "P"), "axes", &onnx.Attribute{Type: onnx.AttributeInts, Ints: []int64{0}}), "keepdims", integer(0))},
		"the maximum over time": {squeeze, with(with(node("ReduceMax", "S", "P"), "axes", &onnx.Attribute{Type: onnx.AttributeInts, Ints: []int64{0}}), "keepdims", integer(0))},
		"":                      {squeeze, node("Relu", "S", "P")},
	} {
		m := lstmModel()
		r := rand.New(rand.NewPCG(5, 5))
		m.Graph.Nodes = append(append(m.Graph.Nodes, nodes...), node("MatMul", "P", "Q", "V"), node("Add", "b", "O", "Q"), node("Softmax", "O", "out"))
		m.Graph.Initializers = append(m.Graph.Initializers, normals(r, "V", 5, 2), normals(r, "b", 2), onnx.NewInts("one", []int64{1}),
			onnx.NewInts("minus", []int64{-1}, []int{}...), onnx.NewInts("nought", []int64{0}, []int{}...))
		m.Graph.Outputs = []onnx.Value{{Name: "out", Type: onnx.Float32}}
		got, report, err := readModel(m)
		if err != nil {
			t.Fatal(on, err)
		}
		if on == "" {
			if got.Spec.Outputs != 0 || !slices.Contains(report.Around, "behind the RNN: Relu, MatMul, Add, Softmax") {
				t.Errorf("%s, %+v", got.Spec, report)
			}
			continue
		}
		if want := "1 LSTM node, MatMul and Add readout on " + on; report.Found != want || got.Spec.Outputs != 2 || !slices.Contains(report.Around, "behind the readout: Softmax") {
			t.Errorf("%q, should be %q; %+v", report.Found, want, report)
		}
	}
}
