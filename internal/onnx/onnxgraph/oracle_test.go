package onnxgraph

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/multi"
	"gorgonia.org/tensor"

	"rnnrep/internal/onnx"
)

// outside records everything that onnx-go reads, tensors too.
type outside struct{ *backend }

type carrier struct {
	*value
	data tensor.Tensor
}

func (c *carrier) SetTensor(t tensor.Tensor) error { c.data = t; return nil }
func (c *carrier) GetTensor() tensor.Tensor        { return c.data }

func (o *outside) NewNode() graph.Node {
	return &carrier{value: o.backend.NewNode().(*value)}
}

func (o *outside) ApplyOperation(op onnxgo.Operation, made ...graph.Node) error {
	for i, n := range made {
		made[i] = n.(*carrier).value
	}
	return o.backend.ApplyOperation(op, made...)
}

// facts are what both readers must agree on, as text by name: the operator and
// its inputs in order for a value that is made, the tensor for one that is given.
type facts map[string]string

func tensorText(dims []int, data any) string {
	if reflect.TypeOf(data).Kind() != reflect.Slice { // one value, as gorgonia has it
		data = []any{data}
	}
	return fmt.Sprint(dims, data)
}

func outsideFacts(t *testing.T, data []byte) facts {
	t.Helper()
	g := &valueGraph{multi.NewWeightedDirectedGraph()}
	if err := onnxgo.NewModel(&outside{&backend{g}}).UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	f := facts{}
	for _, n := range graph.NodesOf(g.Nodes()) {
		v := n.(*carrier)
		switch {
		case v.Op == "Constant":
			c := v.With["value"].(tensor.Tensor)
			f[v.Name] = "Constant" + tensorText(c.Shape(), c.Data())
		case v.Op != "":
			inputs := map[int]string{}
			for _, from := range graph.NodesOf(g.To(v.ID())) {
				for _, l := range graph.WeightedLinesOf(g.WeightedLines(from.ID(), v.ID())) {
					inputs[int(l.Weight())] = from.(*carrier).Name
				}
			}
			f[v.Name] = v.Op
			for i := range len(inputs) {
				f[v.Name] += " " + inputs[i]
			}
		case v.data != nil && v.data.Shape().TotalSize() > 0:
			f[v.Name] = tensorText(v.data.Shape(), v.data.Data())
		}
	}
	return f
}

func ownFacts(m *onnx.Model) facts {
	own := func(t *onnx.Tensor) string {
		switch t.Type {
		case onnx.Float32:
			return tensorText(t.Dims, t.Float32s())
		case onnx.Float64:
			return tensorText(t.Dims, t.Float64s())
		}
		return tensorText(t.Dims, t.Int64s())
	}
	f := facts{}
	for _, t := range m.Graph.Initializers {
		f[t.Name] = own(t)
	}
	for _, n := range m.Graph.Nodes {
		text := n.OpType
		for _, in := range n.Inputs {
			text += " " + in
		}
		if n.OpType == "Constant" {
			text = "Constant" + own(n.Attributes["value"].Tensor)
		}
		for _, o := range n.Outputs {
			f[o] = text
		}
	}
	return f
}

// TestAgainstOnnxGo: onnx-go reads the same nodes, edges and tensors as package
// onnx, from files of PyTorch and from what package onnx writes of them.
func TestAgainstOnnxGo(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Parse(data, nil, onnx.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			own := ownFacts(m)
			if len(own) < 10 {
				t.Fatalf("%d facts", len(own))
			}
			for from, data := range map[string][]byte{"the file": data, "Marshal": onnx.Marshal(m)} {
				outside := outsideFacts(t, data)
				for name, text := range own {
					if outside[name] != text && name != "" {
						t.Errorf("%s, %s: onnx-go has %.200s, want %.200s", from, name, outside[name], text)
					}
				}
				for name := range outside {
					if own[name] == "" && !isInput(m, name) {
						t.Errorf("%s: onnx-go alone has %q: %.200s", from, name, outside[name])
					}
				}
			}
		})
	}
}

func isInput(m *onnx.Model, name string) bool {
	for _, v := range m.Graph.Inputs {
		if v.Name == name {
			return true
		}
	}
	return false
}

// TestGraph: the graph has what the model has; absent inputs, outputs that nothing
// reads, and two lines between the same values are told apart.
func TestGraph(t *testing.T) {
	body := &onnx.Graph{Nodes: []*onnx.Node{{OpType: "Add", Inputs: []string{"s", "outer"}, Outputs: []string{"t"}}}, Outputs: []onnx.Value{{Name: "t"}}, Inputs: []onnx.Value{{Name: "s"}}}
	m := &onnx.Model{Graph: &onnx.Graph{
		Inputs:  []onnx.Value{{Name: "x"}, {Name: "outer"}},
		Outputs: []onnx.Value{{Name: "y"}},
		Nodes: []*onnx.Node{
			{OpType: "LSTM", Inputs: []string{"x", "", "x"}, Outputs: []string{"Y", "", "Y_c"}, Attributes: map[string]*onnx.Attribute{"hidden_size": {Type: onnx.AttributeInt, Int: 7}}},
			{OpType: "Scan", Domain: "d", Inputs: []string{"Y"}, Outputs: []string{"y"}, Attributes: map[string]*onnx.Attribute{"body": {Type: onnx.AttributeGraph, Graph: body}}},
			{OpType: "Constant", Outputs: []string{"unread"}},
		},
	}}
	g, err := graphOf(m, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, n := range graph.NodesOf(g.Nodes()) {
		v := n.(*value)
		got[v.Op+" "+v.Name]++
		for _, to := range graph.NodesOf(g.From(v.ID())) {
			got[v.Name+" -> "+to.(*value).Name] = g.Lines(v.ID(), to.ID()).Len()
		}
		if v.Name == "Y" && v.With["hidden_size"] != int64(7) {
			t.Errorf("%v", v.With)
		}
	}
	want := map[string]int{" x": 1, "LSTM Y": 1, "d.Scan y": 1, " outer": 1, "x -> Y": 2, "Y -> y": 1, "outer -> y": 1}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
