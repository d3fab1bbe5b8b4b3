package importer

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// message is a protobuf message under construction.
type message []byte

func (m message) text(number protowire.Number, s string) message {
	return protowire.AppendString(protowire.AppendTag(m, number, protowire.BytesType), s)
}

func (m message) put(number protowire.Number, inner message) message {
	return m.text(number, string(inner))
}

func (m message) int(number protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, number, protowire.VarintType), uint64(v))
}

// wrap makes a ModelProto of a GraphProto.
func wrap(graph message) message {
	return message{}.int(1, 8).put(8, message{}.text(1, "").int(2, 17)).put(7, graph)
}

// lstmWith is the bytes of an LSTM whose W is replaced by a raw TensorProto.
func lstmWith(w message) message {
	m := lstmModel()
	m.Graph.Initializers = m.Graph.Initializers[1:]
	g := m.Graph
	graph := message{}
	for _, part := range fields(onnx.Marshal(&onnx.Model{IRVersion: 8, Graph: g}), 7) {
		graph = append(graph, part...)
	}
	return wrap(graph.put(5, w))
}

// fields returns the contents of one field of a message.
func fields(data []byte, number protowire.Number) (list [][]byte) {
	for len(data) > 0 {
		n, kind, size := protowire.ConsumeField(data)
		if size < 0 {
			panic("fields: not a message")
		}
		if n == number && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(data)
			b, _ := protowire.ConsumeBytes(data[tag:])
			list = append(list, b)
		}
		data = data[size:]
	}
	return list
}

func tensorOf(dims ...int64) message {
	w := message{}.text(8, "W").int(2, 1)
	for _, d := range dims {
		w = w.int(1, d)
	}
	return w
}

// external is a W whose data lie in another file.
func external(location string) message {
	return tensorOf(1, 20, 3).int(14, 1).put(13, message{}.text(1, "location").text(2, location))
}

// folded is an LSTM whose W is made by nodes.
func folded(nodes ...*onnx.Node) []byte {
	m := lstmModel()
	m.Graph.Initializers = append(m.Graph.Initializers[1:], onnx.NewInts("huge", []int64{1 << 12, 1 << 12, 1 << 12}),
		onnx.NewBools("true", []bool{true}, []int{}...), onnx.NewInts("forever", []int64{math.MaxInt64}, []int{}...))
	m.Graph.Nodes = append(nodes, m.Graph.Nodes...)
	return onnx.Marshal(m)
}

// nested is a node of graphs in graphs.
func nested(depth int) message {
	node := message{}.text(1, "X").text(2, "Z").text(4, "Relu")
	for range depth {
		node = message{}.text(1, "X").text(2, "Z").text(4, "If").put(5, message{}.text(1, "then_branch").int(20, 5).put(6, message{}.put(1, node)))
	}
	return node
}

func hostile() map[string]struct {
	data []byte
	code errs.Code
} {
	changed := func(change func(m *onnx.Model)) []byte {
		m := lstmModel()
		change(m)
		return onnx.Marshal(m)
	}
	relu := func(in, out string) *onnx.Node {
		return &onnx.Node{OpType: "Relu", Inputs: []string{in}, Outputs: []string{out}}
	}
	endless := &onnx.Graph{
		Inputs:  []onnx.Value{{Name: "i"}, {Name: "c"}},
		Nodes:   []*onnx.Node{{OpType: "Identity", Inputs: []string{"c"}, Outputs: []string{"again"}}},
		Outputs: []onnx.Value{{Name: "again"}},
	}
	nan := func(x float64) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			w := m.Graph.Initializers[0].Float32s()
			w[7] = float32(x)
			m.Graph.Initializers[0] = onnx.NewFloats("W", w, 1, 20, 3)
		}
	}
	self := message{}.text(1, "f").text(4, "x").text(5, "y").text(10, "local").put(7, message{}.text(1, "x").text(2, "y").text(4, "f").text(7, "local"))
	return map[string]struct {
		data []byte
		code errs.Code
	}{
		"empty":                   {nil, errs.EmptyInput},
		"text":                    {[]byte("<!DOCTYPE html><html>not a model</html>"), errs.NotONNX},
		"zip":                     {[]byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), errs.NotONNX},
		"no graph":                {message{}.int(1, 8).put(8, message{}.int(2, 17)), errs.Truncated},
		"dims of 2 GiB":           {lstmWith(tensorOf(1, 1<<29, 4)), errs.ShapeMismatch},
		"dims overflow":           {lstmWith(tensorOf(1<<31, 1<<31, 1<<31)), errs.ShapeMismatch},
		"dims wrap to a fit":      {lstmWith(tensorOf(1<<62, 4, 60).text(9, strings.Repeat("x", 240))), errs.ShapeMismatch},
		"dims negative":           {lstmWith(tensorOf(-1, 20, 3)), errs.ShapeMismatch},
		"raw data short":          {lstmWith(tensorOf(1, 20, 3).text(9, "1234")), errs.ShapeMismatch},
		"too many dims":           {lstmWith(tensorOf(make([]int64, 1000)...)), errs.InvalidGraph},
		"external missing":        {lstmWith(external("weights.bin")), errs.ExternalDataMissing},
		"external traversal":      {lstmWith(external("../../etc/passwd")), errs.ExternalDataRefused},
		"external absolute":       {lstmWith(external("/etc/passwd")), errs.ExternalDataRefused},
		"external backslash":      {lstmWith(external(`..\secret`)), errs.ExternalDataRefused},
		"external memory":         {lstmWith(external("*/_ORT_MEM_ADDR_/*")), errs.ExternalDataRefused},
		"function calls itself":   {append(wrap(message{}.put(1, message{}.text(1, "X").text(2, "Y").text(4, "f").text(7, "local")).put(11, message{}.text(1, "X"))), message{}.put(25, self)...), errs.InvalidGraph},
		"8 MiB of empty nodes":    {wrap(bytes.Repeat(message{}.put(1, nil), 4<<20)), errs.TooLarge},
		"8 MiB of empty tensors":  {wrap(bytes.Repeat(message{}.put(5, nil), 4<<20)), errs.UnsupportedOp},
		"cycle":                   {changed(func(m *onnx.Model) { m.Graph.Nodes = append(m.Graph.Nodes, relu("a", "b"), relu("b", "a")) }), errs.InvalidGraph},
		"reads itself":            {changed(func(m *onnx.Model) { m.Graph.Nodes = append(m.Graph.Nodes, relu("a", "a")) }), errs.InvalidGraph},
		"made twice":              {changed(func(m *onnx.Model) { m.Graph.Nodes = append(m.Graph.Nodes, relu("X", "Y")) }), errs.InvalidGraph},
		"two initializers":        {changed(func(m *onnx.Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) }), errs.InvalidGraph},
		"unknown input":           {changed(func(m *onnx.Model) { m.Graph.Nodes = append(m.Graph.Nodes, relu("nowhere", "a")) }), errs.InvalidGraph},
		"unknown output":          {changed(func(m *onnx.Model) { m.Graph.Outputs[0].Name = "nowhere" }), errs.InvalidGraph},
		"3000 graphs deep":        {wrap(message{}.put(1, nested(3000))), errs.TooDeep},
		"unknown domain":          {changed(func(m *onnx.Model) { m.Graph.Nodes[0].Domain = "evil.example" }), errs.NoRecurrence},
		"ConstantOfShape 256 GiB": {folded(&onnx.Node{OpType: "ConstantOfShape", Inputs: []string{"huge"}, Outputs: []string{"W"}}), errs.TooLarge},
		"endless loop":            {folded(&onnx.Node{OpType: "Loop", Inputs: []string{"forever", "true"}, Outputs: []string{"W"}, Attributes: map[string]*onnx.Attribute{"body": {Type: onnx.AttributeGraph, Graph: endless}}}), errs.TooLarge},
		"NaN weights":             {changed(nan(math.NaN())), errs.NonFiniteWeights},
		"infinite weights":        {changed(nan(math.Inf(-1))), errs.NonFiniteWeights},
		"weights of 3e38":         {overflowing(), errs.NonFiniteOutputs},
		"weights are an input": {changed(func(m *onnx.Model) {
			m.Graph.Inputs = append(m.Graph.Inputs, onnx.Value{Name: "W"})
			m.Graph.Initializers = m.Graph.Initializers[1:]
		}), errs.WeightsNotConstant},
		"weights are random":        {folded(&onnx.Node{OpType: "RandomNormal", Outputs: []string{"W"}}), errs.WeightsNotConstant},
		"weights of the wrong size": {changed(func(m *onnx.Model) { m.Graph.Initializers[1].Dims = []int{1, 4, 25} }), errs.ShapeMismatch},
		"weights of rank 2":         {changed(func(m *onnx.Model) { m.Graph.Initializers[0].Dims = []int{20, 3} }), errs.ShapeMismatch},
		"weights are integers":      {changed(func(m *onnx.Model) { m.Graph.Initializers[0] = onnx.NewInts("W", make([]int64, 60), 1, 20, 3) }), errs.InvalidGraph},
		"hidden_size lies":          {changed(func(m *onnx.Model) { m.Graph.Nodes[0].Attributes["hidden_size"] = integer(1 << 40) }), errs.ShapeMismatch},
		"no hidden units":           {changed(func(m *onnx.Model) { m.Graph.Initializers[1] = onnx.NewFloats("R", nil, 1, 0, 0) }), errs.ShapeMismatch},
		"unknown activation":        {changed(func(m *onnx.Model) { m.Graph.Nodes[0].Attributes["activations"] = texts("Tanh", "Mish", "Tanh") }), errs.UnsupportedCell},
		"300 LSTM nodes": {changed(func(m *onnx.Model) {
			for i := range 299 {
				n := *m.Graph.Nodes[0]
				n.Outputs = []string{fmt.Sprint("y", i)}
				m.Graph.Nodes = append(m.Graph.Nodes, &n)
			}
		}), errs.TooLarge},
		"no recurrence": {changed(func(m *onnx.Model) { m.Graph.Nodes[0] = relu("X", "Y") }), errs.NoRecurrence},
	}
}

// overflowing is an Elman RNN without bound on its states, of finite weights that
// overflow.
func overflowing() []byte {
	m := modelOf("RNN", 1, 3, 5, 1)
	m.Graph.Nodes[0].Attributes["activations"] = texts("Relu")
	for _, t := range m.Graph.Initializers {
		values := t.Float32s()
		for i := range values {
			values[i] = 3e38
		}
		*t = *onnx.NewFloats(t.Name, values, t.Dims...)
	}
	return onnx.Marshal(m)
}

func TestHostileFiles(t *testing.T) {
	t.Chdir(t.TempDir()) // whatever is read from the working folder would be found
	for _, name := range []string{"weights.bin", "passwd"} {
		if err := os.WriteFile(name, make([]byte, 240), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, _, err := ReadBytes(c.data, Options{})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatalf("accepted: %s", m.Spec)
			}
			if got := errs.CodeOf(err); got != c.code {
				t.Errorf("code %s, should be %s: %v", got, c.code, err)
			}
			if strings.Contains(name, "loop") { // many small values, collected as it goes
				return
			}
			if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(4*len(c.data)+64<<20); used > limit {
				t.Errorf("%d bytes allocated for %d, at most %d expected", used, len(c.data), limit)
			}
		})
	}
}

// TestValueInfoIsNotBelieved: an 8 GiB value_info and wrong declared shapes of
// outputs change nothing.
func TestValueInfoIsNotBelieved(t *testing.T) {
	m := lstmModel()
	m.Graph.Outputs[0].Dims = []int64{1 << 31, 1 << 2}
	m.Graph.Outputs[0].Params = []string{"", ""}
	if _, _, err := readModel(m); err != nil {
		t.Error(err)
	}
	m.Graph.Inputs[0].Dims = []int64{1 << 20, 1 << 20, 3}
	if _, _, err := readModel(m); err != nil {
		t.Error(err)
	}
}

// TestEveryTruncation cuts real files at every byte.
func TestEveryTruncation(t *testing.T) {
	for _, file := range []string{"testdata/torch/t113_rnn_tanh_opset9.onnx", "testdata/torch/t113_lstm_no_bias.onnx"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n := range data {
			if _, _, err := ReadBytes(data[:n], Options{SkipVerification: true}); err == nil {
				t.Errorf("%s: accepted after %d of %d bytes", file, n, len(data))
			} else if code := errs.CodeOf(err); code == errs.Internal {
				t.Errorf("%s: %d bytes: internal error %v", file, n, err)
			}
		}
	}
}

func TestLimitOfBytes(t *testing.T) {
	data := onnx.Marshal(lstmModel())
	o := Options{MaxBytes: int64(len(data)) - 1}
	if _, _, err := ReadBytes(data, o); errs.CodeOf(err) != errs.TooLarge {
		t.Error(err)
	}
	if _, _, err := Read(bytes.NewReader(data), o); errs.CodeOf(err) != errs.TooLarge {
		t.Error(err)
	}
	o.MaxBytes++
	if _, _, err := Read(bytes.NewReader(data), o); err != nil {
		t.Error(err)
	}
	o.External = map[string][]byte{"more": {1}}
	if _, _, err := ReadBytes(data, o); errs.CodeOf(err) != errs.TooLarge {
		t.Error(err)
	}
}

// FuzzRead must neither panic nor return a model that is not valid.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.onnx")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && len(data) < 6<<10 {
			f.Add(data)
		}
	}
	f.Add(onnx.Marshal(modelOf("GRU", 3, 2, 3, 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := ReadBytes(data, Options{MaxBytes: 1 << 20})
		if err != nil {
			if errs.CodeOf(err) == errs.Internal {
				t.Error(err)
			}
			return
		}
		if err := m.Validate(); err != nil {
			t.Error(err)
		}
	})
}
