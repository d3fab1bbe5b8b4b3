package onnxgraph

import (
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/multi"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// TestDot: a drawing shows operators, names and shapes, leaves out what is
// hidden, and is DOT that gonum reads back.
func TestDot(t *testing.T) {
	data, err := os.ReadFile("testdata/t113_lstm_bidirectional.onnx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Parse(data, nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	constant := map[string]bool{}
	for _, w := range m.Graph.Initializers {
		constant[w.Name] = true
	}
	lstm := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		if n.OpType == "LSTM" {
			lstm[n.Outputs[0]] = true
		}
	}
	in := func(set map[string]bool) func(string) bool { return func(name string) bool { return set[name] } }
	text, err := Dot(m, Style{Hide: in(constant), Fill: in(lstm)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`label="LSTM\n/rnn/LSTM"`, "style=filled", "hidden_size=", "shape=ellipse", " -> "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for name := range constant {
		if strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("the constant %s is drawn", name)
		}
	}
	if n := strings.Count(string(text), "filled"); n != 2 {
		t.Errorf("%d filled, want 2", n)
	}
	again, err := Dot(m, Style{Hide: in(constant), Fill: in(lstm)})
	if err != nil || string(again) != string(text) {
		t.Errorf("drawn differently the second time: %v", err)
	}
	read := multi.NewDirectedGraph()
	if err := dot.UnmarshalMulti(text, read); err != nil || read.Nodes().Len() < 10 {
		t.Errorf("%d nodes read back: %v", read.Nodes().Len(), err)
	}
}

// TestHostileNames: names hold anything and do not break out of their quotes.
func TestHostileNames(t *testing.T) {
	name := "a\"]; x [label=\"\\\n\x00<b>\xff"
	m := &onnx.Model{Graph: &onnx.Graph{
		Name: name, Inputs: []onnx.Value{{Name: "x"}}, Outputs: []onnx.Value{{Name: name}},
		Nodes: []*onnx.Node{{Name: name, OpType: name, Inputs: []string{"x"}, Outputs: []string{name}}},
	}}
	text, err := Dot(m, Style{})
	if err != nil {
		t.Fatal(err)
	}
	read := multi.NewDirectedGraph()
	if err := dot.UnmarshalMulti(text, read); err != nil || read.Nodes().Len() != 2 {
		t.Errorf("%d nodes read back: %v\n%s", read.Nodes().Len(), err, text)
	}
}

func TestNothingToDraw(t *testing.T) {
	all := func(string) bool { return true }
	relu := []*onnx.Node{{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}}
	y := []onnx.Value{{Name: "y"}}
	for name, test := range map[string]struct {
		g    onnx.Graph
		s    Style
		code errs.Code
	}{
		"no nodes":          {onnx.Graph{Outputs: y}, Style{}, errs.InvalidGraph},
		"no outputs":        {onnx.Graph{Nodes: relu}, Style{}, errs.InvalidGraph},
		"everything hidden": {onnx.Graph{Nodes: relu, Outputs: y}, Style{Hide: all}, errs.InvalidGraph},
		"too large":         {onnx.Graph{Nodes: make([]*onnx.Node, maxNodes+1), Outputs: y}, Style{}, errs.TooLarge},
	} {
		if _, err := Dot(&onnx.Model{Graph: &test.g}, test.s); errs.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// FuzzDot: whatever package onnx reads is drawn, or refused with a code that is
// not onnx-go's doing.
func FuzzDot(f *testing.F) {
	for _, name := range []string{"t113_lstm_packed", "t21_lstm_states_as_inputs"} {
		data, err := os.ReadFile("testdata/" + name + ".onnx")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Parse(data, nil, onnx.Limits{Bytes: 1 << 20, Nodes: 1000, Values: 10000})
		if err != nil {
			return
		}
		if _, err := Dot(m, Style{}); err != nil && strings.Contains(err.Error(), "onnx-go") {
			t.Fatal(err)
		}
	})
}
