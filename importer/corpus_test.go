package importer

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// entry is one file of the corpus with the truth that its source framework gave:
// testdata/EXPORTER/manifest.json.
type entry struct {
	Name, File, Exporter, Description string
	Expect                            string // recover or refuse
	AlsoOK                            string `json:"also_ok"`
	Code                              errs.Code
	Cell                              string
	Cells                             []string // of each layer, where they differ
	Inputs                            int
	Hidden                            []int
	Bidirectional                     bool
	RNNs                              []string // prefixes of the weights' names; one RNN each
	Readout                           string   // prefix of the readout's weights; default head
	Head                              string   // what the readout reads, in words; "": no readout
	BiasSplit                         string   `json:"bias_split"` // sum_only: only bias_ih + bias_hh is known
	Variant                           string   // reset_first, ...: the cell is not PyTorch's
	Tolerance                         float64  // relative, of weights that passed through a smaller type
	Step                              float64  // quantised: steps between 0 and the largest weight of a tensor
	Output                            string   // why the output cannot be compared, if it cannot
	WeightsFile                       string   `json:"weights_file"`
	IOFile                            string   `json:"io_file"`
	IOInputs                          []string `json:"io_inputs"`
	IOOutputs                         []string `json:"io_outputs"`
	ExternalData                      files    `json:"external_data"`
	BatchFirst                        bool     `json:"batch_first"`
	dir                               string
}

// files is a name or a list of them.
type files []string

func (f *files) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if *f = nil; one != "" {
			*f = files{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(f))
}

// corpus lists all entries.
func corpus(t testing.TB) []entry {
	t.Helper()
	manifests, err := filepath.Glob("testdata/*/manifest.json")
	if err != nil || len(manifests) == 0 {
		t.Fatal("no corpus", err)
	}
	var all []entry
	for _, path := range manifests {
		var list []entry
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &list)
		}
		if err != nil {
			t.Fatal(path, err)
		}
		for _, e := range list {
			e.dir = filepath.Dir(path)
			all = append(all, e)
		}
	}
	return all
}

func (e entry) read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(e.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (e entry) options(t testing.TB) Options {
	o := Options{External: map[string][]byte{}}
	for _, name := range e.ExternalData {
		o.External[name] = e.read(t, name)
	}
	return o
}

func TestCorpus(t *testing.T) {
	for _, e := range corpus(t) {
		t.Run(e.Name, func(t *testing.T) {
			m, report, err := ReadBytes(e.read(t, e.File), e.options(t))
			if e.Expect == "refuse" {
				if err == nil {
					t.Fatalf("recovered %s, should be refused", m.Spec)
				}
				if e.Code != "" && errs.CodeOf(err) != e.Code {
					t.Errorf("refused as %s (%v), should be %s", errs.CodeOf(err), err, e.Code)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%+v", err, report)
			}
			t.Logf("%s: %s, %+v", m.Spec, report.Found, report)
			if report.Verified.Method != "reference_evaluator" || report.Verified.MaxAbsError > 1e-4 {
				t.Errorf("verification %+v", report.Verified)
			}
			e.checkSpec(t, m)
			for _, d := range e.differences(t, m) {
				t.Error(d)
			}
			e.checkOutput(t, m)
		})
	}
}

func (e entry) checkSpec(t *testing.T, m *rnn.Model) {
	t.Helper()
	if len(e.RNNs) > 1 { // the largest of several is recovered
		return
	}
	var hidden []int
	for i, l := range m.Spec.Layers {
		hidden = append(hidden, l.Hidden)
		cell := e.Cell
		if i < len(e.Cells) {
			cell = e.Cells[i]
		}
		if cell != "mixed" && (l.Cell != cell || l.Bidirectional != e.Bidirectional && e.Cells == nil) {
			t.Errorf("layer %+v, should be %s, bidirectional %v", l, cell, e.Bidirectional)
		}
	}
	if m.Spec.Inputs() != e.Inputs || !slices.Equal(hidden, e.Hidden) {
		t.Errorf("%s, should have %d inputs and layers of %v", m.Spec, e.Inputs, e.Hidden)
	}
}

// differences compares every tensor with the source framework's; one that the
// source does not have must be zeros.
func (e entry) differences(t *testing.T, m *rnn.Model) (list []string) {
	t.Helper()
	truth := e.tensors(t, e.WeightsFile)
	readout := e.Readout
	if readout == "" {
		readout = "head"
	}
	readsOut := false
	for _, s := range m.Spec.Layout() {
		name := e.RNNs[0] + "." + s.Name
		if kind, ok := strings.CutPrefix(s.Name, "linear."); ok {
			name, readsOut = readout+"."+kind, true
		}
		want := make([]float32, s.Size())
		if w := truth[name]; w != nil {
			want = w.Float32s()
		}
		got := m.Tensor(s)
		if e.BiasSplit == "sum_only" && strings.HasPrefix(s.Name, "bias_") {
			other := strings.NewReplacer("_ih_", "_hh_", "_hh_", "_ih_").Replace(s.Name)
			got, want = sum(got, m.Named(other)), sum(want, truth[e.RNNs[0]+"."+other].Float32s())
		}
		slack := 0.0
		for _, w := range want {
			if e.Step > 0 {
				slack = max(slack, math.Abs(float64(w))/e.Step)
			}
		}
		for i, w := range want {
			if d := math.Abs(float64(got[i] - w)); got[i] != w && !(d <= e.Tolerance*math.Abs(float64(w))+slack) {
				list = append(list, fmt.Sprintf("%s[%d] = %v, should be %v", name, i, got[i], w))
				break
			}
		}
	}
	if (e.Head != "") != readsOut && len(e.RNNs) == 1 {
		list = append(list, fmt.Sprintf("%s, but the source has the head %q", m.Spec, e.Head))
	}
	return list
}

func sum(a, b []float32) []float32 {
	c := make([]float32, len(a))
	for i := range a {
		c[i] = a[i] + b[i]
	}
	return c
}

// checkOutput runs the recovered model on the recorded input, through the
// graph's own front end, and compares with the source framework's output.
func (e entry) checkOutput(t *testing.T, m *rnn.Model) {
	t.Helper()
	if e.Output != "" {
		t.Log("output not compared:", e.Output)
		return
	}
	io := e.tensors(t, e.IOFile)
	parsed, err := onnx.Parse(e.read(t, e.File), e.options(t).External, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ = lower(t.Context(), parsed)
	v := newView(t.Context(), parsed)
	all, err := v.candidates(1)
	if err != nil {
		t.Fatal(err)
	}
	best := largest(all)
	best.wiring.readout(best.stack) // may find that the stack runs backwards
	first := best.units[0].parts[0]
	given := tensors{}
	for i, in := range slices.DeleteFunc(slices.Clone(parsed.Graph.Inputs), func(x onnx.Value) bool { return !v.varying[x.Name] }) {
		x := io["in_"+e.IOInputs[i]]
		if x.Type.Float() { // 16-bit floats are lowered to 32 bits
			x = onnx.FromFloats(in.Name, in.Type, x.Float64s(), x.Dims...)
		}
		given[in.Name] = x
	}
	values, err := v.evaluate(given, first.needs()...)
	if err != nil {
		t.Fatal(err)
	}
	x, err := first.input(values)
	if err != nil {
		t.Fatal(err)
	}
	x = x.flipped(first.flipped)
	y, err := m.Run(x.data, x.steps, x.batch)
	if err != nil {
		t.Fatal(err)
	}
	want := io["out_"+e.IOOutputs[0]].Float32s()
	if got := e.pick(m, sequence{x.steps, x.batch, m.Spec.OutputSize(), y}); len(got) != len(want) || !(distance(got, want) <= 1e-5) {
		t.Errorf("output %v..., should be %v...", got[:min(4, len(got))], want[:min(4, len(want))])
	}
}

// pick picks what the source's head is applied to from the output at every
// step; the head is linear, so the mean over time may come after it.
func (e entry) pick(m *rnn.Model, y sequence) []float32 {
	switch {
	case strings.Contains(e.Head, "mean"):
		return y.over(func(v []float32) float32 {
			var s float32
			for _, x := range v {
				s += x
			}
			return s / float32(len(v))
		})
	case strings.Contains(e.Head, "last") || strings.Contains(e.Head, "h_n"):
		return y.data[(y.steps-1)*y.batch*y.width:]
	case e.BatchFirst:
		return y.batchFirst()
	}
	return y.data
}

// tensors reads a safetensors file of any types.
func (e entry) tensors(t *testing.T, file string) tensors {
	t.Helper()
	data := e.read(t, file)
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:8+n], &header); err != nil {
		t.Fatal(file, err)
	}
	kinds := map[string]onnx.DType{"F32": onnx.Float32, "F64": onnx.Float64, "F16": onnx.Float16, "I64": onnx.Int64, "I32": onnx.Int32, "BOOL": onnx.Bool, "I8": onnx.Int8}
	all := tensors{}
	for name, h := range header {
		all[name] = &onnx.Tensor{Name: name, Type: kinds[h.DType], Dims: h.Shape, Raw: data[8+n:][h.Offsets[0]:h.Offsets[1]]}
	}
	return all
}
