package exporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/errs"
	"rnnrep/internal/grad"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
	"rnnrep/rnn"
)

// encoderCases has a row for every kind: small sizes, cells of every sort.
var encoderCases = map[string][]encoders.Config{
	"layerwise_statistics": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"hidden":[6,5]}`)},
		{Spec: rnn.Uniform("gru", 2, 5, 1, 3), Options: json.RawMessage(`{"hidden":[]}`)},
		{Spec: rnn.Uniform("rnn_relu", 2, 5, 3, 0), Options: json.RawMessage(`{"hidden":[4]}`)},
	},
	"responses": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 3), Options: json.RawMessage(`{"hidden":[6,5]}`)},
		{Spec: rnn.Uniform("gru", 1, 5, 1, 1), Options: json.RawMessage(`{"hidden":[]}`)},
		{Spec: rnn.Uniform("rnn_relu", 2, 4, 3, 3), Options: json.RawMessage(`{"hidden":[4]}`)},
	},
	"parameter_transformer": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"tokens":"row","width":6,"layers":2,"heads":2,"feed_forward":7}`)},
		{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"tokens":"unit","width":4,"layers":1,"heads":1,"feed_forward":5}`)},
	},
	"dwsnet": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"channels":5,"layers":2,"hidden":[6]}`)},
		{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"channels":4,"layers":1,"hidden":[]}`)},
	},
	"flattened": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"hidden":[6,5]}`)},
		{Spec: rnn.Uniform("gru", 2, 3, 3, 0), Options: json.RawMessage(`{"hidden":[]}`)},
	},
	"noninteractive_probing": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"steps":4,"hidden":6,"layers":2}`)},
		{Spec: rnn.Uniform("gru", 3, 5, 1, 4), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`), InputRange: &[2]float32{-0.5, 3}},
	},
	"interactive_probing": {
		{Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: json.RawMessage(`{"steps":4,"hidden":6,"layers":2}`)},
		{Spec: rnn.Uniform("gru", 4, 5, 1, 3), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)},
		{Spec: rnn.Uniform("rnn_tanh", 3, 4, 2, 0), Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`), InputRange: &[2]float32{-0.5, 3}},
		{Spec: rnn.Spec{Layers: []rnn.Layer{{Cell: "gru", Inputs: 2, Hidden: 3}, {Cell: "lstm", Inputs: 3, Hidden: 4}}, Outputs: 2},
			Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)},
	},
}

// eachEncoder runs do for a bundle of every row of encoderCases.
func eachEncoder(t *testing.T, do func(t *testing.T, b *encoders.Bundle)) {
	for _, kind := range encoders.Kinds() {
		if len(encoderCases[kind]) == 0 {
			t.Errorf("%s has no row in encoderCases", kind)
		}
		for _, c := range encoderCases[kind] {
			c.Kind, c.Dim = kind, testDim
			t.Run(kind+", "+c.Spec.String(), func(t *testing.T) { do(t, enctest.Bundle(t, c)) })
		}
	}
}

func export(t testing.TB, b *encoders.Bundle) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := WriteEncoder(&data, b, Options{Models: 3}); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// verifyAll compares a file with its bundle in every evaluator at hand.
func verifyAll(t *testing.T, data []byte, b *encoders.Bundle) {
	t.Helper()
	checks, err := VerifyEncoder(data, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		t.Log(c)
	}
}

func parse(t testing.TB, data []byte) *onnx.Model {
	t.Helper()
	m, err := onnx.Parse(data, nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWriteEncoder: the file computes what the bundle does, twice the same
// bytes, within the promised versions.
func TestWriteEncoder(t *testing.T) {
	eachEncoder(t, func(t *testing.T, b *encoders.Bundle) {
		data := export(t, b)
		verifyAll(t, data, b)
		if !bytes.Equal(data, export(t, b)) {
			t.Error("a second export has other bytes")
		}
		m := parse(t, data)
		if m.IRVersion != 8 || len(m.Opsets) != 1 || m.Opsets[""] != 17 {
			t.Errorf("IR %d, opsets %v", m.IRVersion, m.Opsets)
		}
	})
}

// TestRangedEncoder: task parameters that are real numbers are exported as the
// bundle estimates them, angles of all quadrants among them.
func TestRangedEncoder(t *testing.T) {
	c := encoderCases["noninteractive_probing"][0]
	c.Kind, c.Dim = "noninteractive_probing", testDim
	b := enctest.RangedBundle(t, c)
	data := export(t, b)
	verifyAll(t, data, b)
	want := map[string][]int64{"task": {-1, 2}, "task_0": {-1, 2}}
	for _, o := range parse(t, data).Graph.Outputs {
		if dims, ok := want[o.Name]; ok && slices.Equal(o.Dims, dims) {
			delete(want, o.Name)
		} else if strings.HasPrefix(o.Name, "task") {
			t.Errorf("output %s has dimensions %v", o.Name, o.Dims)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing outputs: %v", want)
	}
}

// TestOtherSpec: of a bundle of many shapes, the file for RNNs of one of them, that
// the training saw or not, computes what the bundle does; so it does with a curve
// of the gap.
func TestOtherSpec(t *testing.T) {
	for kind, options := range map[string]string{"responses": `{"hidden":[6]}`, "layerwise_statistics": `{"hidden":[6]}`} {
		trained := rnn.Uniform("lstm", 4, 5, 1, 3)
		b := enctest.Bundle(t, encoders.Config{Kind: kind, Dim: testDim, Spec: trained, Options: json.RawMessage(options),
			InputRange: &[2]float32{-0.5, 3}, Shapes: encoders.NewShapes([]rnn.Spec{trained, rnn.Uniform("gru", 2, 8, 2, 1)})})
		b.Manifest.Predictors.GapCurve, b.Predictors.Config.GapCurve = .05, .05
		for _, spec := range []rnn.Spec{rnn.Uniform("gru", 2, 5, 2, 1), rnn.Uniform("rnn_tanh", 6, 4, 3, 5)} {
			f, err := b.For(spec)
			if err != nil {
				t.Fatal(err)
			}
			data := export(t, f)
			verifyAll(t, data, f)
			var said rnn.Spec
			var accepts encoders.Acceptance
			m := parse(t, data)
			for key, v := range map[string]any{"spec": &said, "accepts": &accepts} {
				if err := json.Unmarshal([]byte(m.Metadata[key]), v); err != nil {
					t.Errorf("metadata %s: %v", key, err)
				}
			}
			if !said.Equal(spec) || !accepts.TrainedOn.Equal(trained) || len(m.Graph.Inputs) != len(spec.Layout()) {
				t.Errorf("%s: the file says it reads %s, was trained on %s, and has %d inputs", kind, said, accepts.TrainedOn, len(m.Graph.Inputs))
			}
		}
	}
}

// TestTurns: angles of vectors in every direction, axes and their neighbours too.
func TestTurns(t *testing.T) {
	circle := encoders.Range{Low: 0, High: 360, Circular: true}
	var x []float32
	var want []float64
	for i := range 720 {
		sin, cos := math.Sincos(float64(i) / 360 * math.Pi)
		length := []float64{1, .01, 3}[i%3]
		x, want = append(x, float32(cos*length), float32(sin*length)), append(want, float64(i)/2)
	}
	x, want = append(x, -1, 0, 0, -1, 1, 0, -1e-9, 1, 1, -1e-9, 0, 0), append(want, 180, 270, 0, 90, 0, 0)
	n := len(want)
	l := &lowerer{graph: newGraph("turns"), err: new(error)}
	task := l.estimateTask(l.input("x", onnx.Float32, n, 2), []encoders.Range{circle})
	l.output("task", task.parameters, onnx.Float32, n, 1)
	m := &onnx.Model{IRVersion: irVersion, Opsets: map[string]int64{"": opset}, Graph: l.Graph}
	outputs, err := onnxref.Run(t.Context(), m, map[string]*onnx.Tensor{"x": onnx.NewFloats("x", x, n, 2)}, onnxref.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := outputs["task"].Float32s()
	for i, w := range want {
		if circle.Distance(float64(got[i]), w) > 1e-4 || got[i] < 0 || got[i] > 360 {
			t.Errorf("the angle of %v is %v, want %v", x[2*i:2*i+2], got[i], w)
		}
	}
}

// TestEncoderInputs: one input for every tensor of the state_dict, with the
// number of RNNs free, and hidden sizes too where the encoder only probes; but
// not those that are output sizes.
func TestEncoderInputs(t *testing.T) {
	probing := json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)
	for _, c := range []struct {
		config encoders.Config
		want   string
	}{
		{encoders.Config{Kind: "interactive_probing", Spec: rnn.Uniform("lstm", 3, 4, 2, 5), Options: probing},
			"weight_ih_l0[n,4*h0,3] weight_hh_l0[n,4*h0,h0] bias_ih_l0[n,4*h0] bias_hh_l0[n,4*h0] " +
				"weight_ih_l1[n,4*h1,h0] weight_hh_l1[n,4*h1,h1] bias_ih_l1[n,4*h1] bias_hh_l1[n,4*h1] linear.weight[n,5,h1] linear.bias[n,5]"},
		{encoders.Config{Kind: "interactive_probing", Spec: rnn.Uniform("rnn_tanh", 3, 4, 2, 0), Options: probing},
			"weight_ih_l0[n,h0,3] weight_hh_l0[n,h0,h0] bias_ih_l0[n,h0] bias_hh_l0[n,h0] " +
				"weight_ih_l1[n,4,h0] weight_hh_l1[n,4,4] bias_ih_l1[n,4] bias_hh_l1[n,4]"},
		{encoders.Config{Kind: "layerwise_statistics", Spec: rnn.Uniform("gru", 3, 4, 1, 5)},
			"weight_ih_l0[n,12,3] weight_hh_l0[n,12,4] bias_ih_l0[n,12] bias_hh_l0[n,12] linear.weight[n,5,4] linear.bias[n,5]"},
	} {
		c.config.Dim = testDim
		var inputs []string
		for _, v := range parse(t, export(t, enctest.Bundle(t, c.config))).Graph.Inputs {
			dims := slices.Clone(v.Params)
			for i, d := range v.Dims {
				if d >= 0 {
					dims[i] = fmt.Sprint(d)
				}
			}
			inputs = append(inputs, v.Name+"["+strings.Join(dims, ",")+"]")
		}
		if got := strings.Join(inputs, " "); got != c.want {
			t.Errorf("%s of %s has inputs\n%s, not\n%s", c.config.Kind, c.config.Spec, got, c.want)
		}
	}
}

// TestEncoderOutputs: names, shapes and metadata that Python users rely on.
func TestEncoderOutputs(t *testing.T) {
	eachEncoder(t, func(t *testing.T, b *encoders.Bundle) {
		m := parse(t, export(t, b))
		want := map[string][]int64{"embedding": {-1, testDim}, "accuracy": {-1}, "generalization_gap": {-1}, "training_stage": {-1, 3},
			"task": {-1, 2}, "task_probability": {-1}, "task_1": {-1, 2}}
		for _, o := range m.Graph.Outputs {
			if !slices.Equal(o.Dims, want[o.Name]) || o.Params[0] != "n" {
				t.Errorf("output %s has dimensions %v %q, not %v", o.Name, o.Dims, o.Params, want[o.Name])
			}
			delete(want, o.Name)
		}
		if len(want) > 0 {
			t.Errorf("missing outputs: %v", want)
		}
		if m.Metadata["family"] != "test" || m.Metadata["encoder"] != b.Manifest.Encoder.Kind {
			t.Errorf("family %q, encoder %q", m.Metadata["family"], m.Metadata["encoder"])
		}
		var steps []int
		var spec rnn.Spec
		var names map[string]string
		var level float64
		for key, v := range map[string]any{"stage_steps": &steps, "spec": &spec, "task_names": &names, "interval_level": &level} {
			if err := json.Unmarshal([]byte(m.Metadata[key]), v); err != nil {
				t.Errorf("metadata %s: %v", key, err)
			}
		}
		if !slices.Equal(steps, []int{0, 10, 100}) || !spec.Equal(b.Manifest.Encoder.Spec) || names["0 2"] != "more" || level != 0.9 {
			t.Errorf("metadata: steps %v, spec %s, names %v, level %v", steps, spec, names, level)
		}
	})
}

// TestExportStaysSmall: a prober's loop is written once, whatever its length.
func TestExportStaysSmall(t *testing.T) {
	nodes := func(kind, steps string) int {
		b := enctest.Bundle(t, encoders.Config{Kind: kind, Dim: testDim, Spec: rnn.Uniform("lstm", 3, 4, 2, 5),
			Options: json.RawMessage(`{"steps":` + steps + `,"hidden":6,"layers":2}`)})
		m := parse(t, export(t, b))
		n := len(m.Graph.Nodes)
		for _, node := range m.Graph.Nodes {
			if body := node.Attributes["body"]; body != nil {
				n += len(body.Graph.Nodes)
			}
		}
		return n
	}
	for _, kind := range []string{"interactive_probing", "noninteractive_probing"} {
		if short, long := nodes(kind, "2"), nodes(kind, "40"); short != long {
			t.Errorf("%s: %d nodes for 2 steps, %d for 40", kind, short, long)
		}
	}
}

// TestVerifyFindsDifferences: a file of other weights is refused, whichever
// part they belong to.
func TestVerifyFindsDifferences(t *testing.T) {
	eachEncoder(t, func(t *testing.T, b *encoders.Bundle) {
		data := export(t, b)
		encoder, predictors := b.Encoder.Params(), b.Predictors.Params()
		for _, p := range []*grad.Param{encoder[0], encoder[len(encoder)-1], predictors[0], predictors[len(predictors)-1]} {
			was := slices.Clone(p.Value)
			for i := range p.Value {
				p.Value[i] += float32(i*i%7) / 7
			}
			if len(p.Value) == 1 {
				p.Value[0]++
			}
			if _, err := VerifyEncoder(data, b); errs.CodeOf(err) != errs.VerificationFailed {
				t.Errorf("with another %s the comparison gives %v", p.Name, err)
			}
			copy(p.Value, was)
		}
	})
}

// TestCompare: every output counts, and so does one that is missing or not a
// number.
func TestCompare(t *testing.T) {
	c := encoders.PredictorConfig{Dim: 2, Steps: []int{0, 10}, Coordinates: [][]float32{{7}, {-1, 2}}}
	results := []encoders.Result{{Embedding: []float32{.6, .8}, Predictions: encoders.Predictions{
		Accuracy: encoders.Estimate{Value: .5}, GeneralizationGap: encoders.Estimate{Value: 30},
		TrainingStage: encoders.StageEstimate{Distribution: map[string]float64{"0": .25, "10": .75}},
		Task:          encoders.TaskPrediction{Parameters: []float32{7, 2}, Probability: .9}}}}
	outputs := func() map[string]*onnx.Tensor {
		return map[string]*onnx.Tensor{
			"embedding": onnx.NewFloats("", []float32{.6, .8}, 1, 2), "accuracy": onnx.NewFloats("", []float32{.5}),
			"generalization_gap": onnx.NewFloats("", []float32{30}), "training_stage": onnx.NewFloats("", []float32{.25, .75}, 1, 2),
			"task": onnx.NewFloats("", []float32{7, 2}, 1, 2), "task_probability": onnx.NewFloats("", []float32{.9}),
			"task_1": onnx.NewFloats("", []float32{.1, .9}, 1, 2)}
	}
	if d := compare(c, results, outputs()); d.worst > 1e-6 {
		t.Errorf("equal outputs differ by %v in %s", d.worst, d.output)
	}
	nan := float32(math.NaN())
	for _, x := range []struct {
		output string
		values []float32
		want   float64
	}{
		{"embedding", []float32{.6, .7}, .1}, {"embedding", []float32{nan, .8}, math.Inf(1)}, {"embedding", []float32{.6}, math.Inf(1)},
		{"accuracy", []float32{.4}, .1}, {"generalization_gap", []float32{33}, .1}, {"training_stage", []float32{.25, .65}, .1},
		{"task", []float32{7, -1}, .8}, {"task", []float32{6, 2}, math.Inf(1)}, {"task_probability", []float32{.8}, .1}, {"task_1", []float32{.55, .45}, .1},
	} {
		o := outputs()
		o[x.output] = onnx.NewFloats(x.output, x.values)
		d := compare(c, results, o)
		if d.output != x.output && (x.output != "task_1" || d.output != "task") || !(math.Abs(d.worst-x.want) < 1e-6 || d.worst == x.want) {
			t.Errorf("%s of %v: difference %v in %s, want %v", x.output, x.values, d.worst, d.output, x.want)
		}
		delete(o, x.output)
		if d := compare(c, results, o); d.worst != math.Inf(1) {
			t.Errorf("without %s the difference is %v", x.output, d.worst)
		}
	}
}

// TestUnfinishedBundle: a bundle without calibration cannot be compared.
func TestUnfinishedBundle(t *testing.T) {
	c := encoders.Config{Kind: "layerwise_statistics", Dim: testDim, Spec: rnn.Uniform("lstm", 3, 4, 2, 5)}
	b := enctest.Bundle(t, c)
	b.Reference = nil
	if err := WriteEncoder(&bytes.Buffer{}, b, Options{}); err == nil || !strings.Contains(err.Error(), "not finished") {
		t.Errorf("error is %v", err)
	}
}
