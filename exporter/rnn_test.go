package exporter

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/importer"
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
	"rnnrep/internal/ort"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

func writeRNN(t testing.TB, m *rnn.Model) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := WriteRNN(&data, m); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// TestWriteRNNImportsBack: what was written comes back, spec and bits.
func TestWriteRNNImportsBack(t *testing.T) {
	for i := range 1000 {
		r := rng.Stream(1, "round trip", uint64(i))
		m := randomModel(randomSpec(r), 1, r)
		got, report, err := importer.ReadBytes(writeRNN(t, m), importer.Options{})
		if err != nil {
			t.Errorf("model %d, %+v: %v", i, m.Spec, err)
			continue
		}
		if !got.Spec.Equal(m.Spec) {
			t.Errorf("model %d: came back as %+v, was %+v (%s)", i, got.Spec, m.Spec, report.Found)
			continue
		}
		if !slices.EqualFunc(got.Weights, m.Weights, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			t.Errorf("model %d, %+v: the weights are others", i, m.Spec)
		}
	}
}

// eachRun runs do for random models on random inputs of 5 steps, batch 2, with
// the outputs that rnn.Model.Run computes.
func eachRun(t *testing.T, name string, do func(data []byte, inputs map[string]*onnx.Tensor) (*onnx.Tensor, error)) {
	const steps, batch = 5, 2
	var worst float64
	for i := range 150 {
		r := rng.Stream(1, "evaluation", uint64(i))
		m := randomModel(randomSpec(r), 1, r)
		x := normal(steps*batch*m.Spec.Inputs(), r)
		want, err := m.Run(x, steps, batch)
		if err != nil {
			t.Fatal(err)
		}
		y, err := do(writeRNN(t, m), map[string]*onnx.Tensor{"input": onnx.NewFloats("input", x, steps, batch, m.Spec.Inputs())})
		if err != nil {
			t.Errorf("model %d, %+v: %v", i, m.Spec, err)
			continue
		}
		if !slices.Equal(y.Dims, []int{steps, batch, m.Spec.OutputSize()}) {
			t.Errorf("model %d, %+v: output of dimensions %v", i, m.Spec, y.Dims)
			continue
		}
		for j, got := range y.Float32s() {
			e := math.Abs(float64(got-want[j])) / max(1, math.Abs(float64(want[j])))
			worst = max(worst, e)
			if !(e < 2e-6) {
				t.Errorf("model %d, %+v: output %d is %v, not %v", i, m.Spec, j, got, want[j])
				break
			}
		}
	}
	t.Logf("greatest difference in %s: %.2g", name, worst)
}

func normal(n int, r *rand.Rand) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestWriteRNNInReferenceEvaluator(t *testing.T) {
	eachRun(t, "the reference evaluator", func(data []byte, inputs map[string]*onnx.Tensor) (*onnx.Tensor, error) {
		outputs, err := onnxref.Run(context.Background(), parse(t, data), inputs, onnxref.Limits{})
		return outputs["output"], err
	})
}

func TestWriteRNNInONNXRuntime(t *testing.T) {
	if err := ort.Available(); err != nil {
		t.Skipf("ONNX Runtime is not available: %v", err)
	}
	eachRun(t, "ONNX Runtime", func(data []byte, inputs map[string]*onnx.Tensor) (*onnx.Tensor, error) {
		outputs, err := ort.Run(context.Background(), data, inputs, []string{"output"})
		return outputs["output"], err
	})
}

// TestWriteRNNConventions: what readers could default differently is written.
func TestWriteRNNConventions(t *testing.T) {
	s := rnn.Spec{Outputs: 2, Layers: []rnn.Layer{
		{Cell: "gru", Inputs: 3, Hidden: 4, Bidirectional: true},
		{Cell: "lstm", Inputs: 8, Hidden: 5, Reverse: true},
		{Cell: "rnn_relu", Inputs: 5, Hidden: 6}}}
	m := randomModel(s, 1, rng.Stream(1, "conventions", 0))
	data := writeRNN(t, m)
	if !bytes.Equal(data, writeRNN(t, m)) {
		t.Error("a second file has other bytes")
	}
	f := parse(t, data)
	if f.IRVersion != 8 || f.Opsets[""] != 17 || f.Producer != "rnnrep" || f.Metadata["spec"] == "" {
		t.Errorf("IR %d, opset %d, producer %q, spec %q", f.IRVersion, f.Opsets[""], f.Producer, f.Metadata["spec"])
	}
	if in, out := f.Graph.Inputs[0], f.Graph.Outputs[0]; in.Name != "input" || out.Name != "output" ||
		!slices.Equal(in.Params, []string{"sequence", "batch", ""}) || !slices.Equal(out.Params, []string{"sequence", "batch", ""}) {
		t.Errorf("input %+v, output %+v", in, out)
	}
	byName := map[string]*onnx.Node{}
	for _, n := range f.Graph.Nodes {
		byName[n.Name] = n
		if n.Attributes["layout"] != nil {
			t.Errorf("node %s has a layout", n.Name)
		}
	}
	for name, want := range map[string]struct {
		hidden      int64
		direction   string
		activations []string
	}{
		"gru_l0":  {4, "bidirectional", []string{"Sigmoid", "Tanh", "Sigmoid", "Tanh"}},
		"lstm_l1": {5, "reverse", []string{"Sigmoid", "Tanh", "Tanh"}},
		"rnn_l2":  {6, "forward", []string{"Relu"}},
	} {
		n := byName[name]
		if n == nil {
			t.Errorf("no node %s", name)
			continue
		}
		if n.Int("hidden_size", 0) != want.hidden || n.Text("direction", "") != want.direction || !slices.Equal(n.Attributes["activations"].Strings, want.activations) {
			t.Errorf("node %s: hidden_size %d, direction %q, activations %q", name, n.Int("hidden_size", 0), n.Text("direction", ""), n.Attributes["activations"].Strings)
		}
	}
	if a := byName["gru_l0"].Attributes["linear_before_reset"]; a == nil || a.Int != 1 {
		t.Error("linear_before_reset is not written as 1")
	}
}

func TestWriteRNNRefuses(t *testing.T) {
	s := rnn.Uniform("lstm", 2, 3, 1, 1)
	nan := rnn.NewModel(s)
	nan.Weights[7] = float32(math.NaN())
	for code, m := range map[errs.Code]*rnn.Model{
		errs.NonFiniteWeights: nan,
		errs.ShapeMismatch:    {Spec: s, Weights: make([]float32, 3)},
		errs.InvalidGraph:     {},
	} {
		var data bytes.Buffer
		if err := WriteRNN(&data, m); errs.CodeOf(err) != code || data.Len() > 0 {
			t.Errorf("%d bytes written, error %v, want %s", data.Len(), err, code)
		}
	}
}
