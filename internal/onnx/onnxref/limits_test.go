package onnxref_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
)

func node(op string, inputs, outputs []string, attributes ...any) *onnx.Node {
	n := &onnx.Node{OpType: op, Inputs: inputs, Outputs: outputs, Attributes: map[string]*onnx.Attribute{}}
	for i := 0; i < len(attributes); i += 2 {
		a := &onnx.Attribute{}
		switch v := attributes[i+1].(type) {
		case int:
			a.Type, a.Int = onnx.AttributeInt, int64(v)
		case string:
			a.Type, a.String = onnx.AttributeString, v
		case []int64:
			a.Type, a.Ints = onnx.AttributeInts, v
		case *onnx.Graph:
			a.Type, a.Graph = onnx.AttributeGraph, v
		default:
			panic(v)
		}
		n.Attributes[attributes[i].(string)] = a
	}
	return n
}

func names(list ...string) []string { return list }

func values(list ...string) []onnx.Value {
	var v []onnx.Value
	for _, name := range list {
		v = append(v, onnx.Value{Name: name})
	}
	return v
}

// model has the initializers, the nodes and the output y.
func model(nodes []*onnx.Node, initializers ...*onnx.Tensor) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{Nodes: nodes, Initializers: initializers, Outputs: values("y")}}
}

// endless is a Loop whose condition stays true.
func endless(body ...*onnx.Node) *onnx.Model {
	g := &onnx.Graph{Nodes: body, Inputs: values("i", "c", "s"), Outputs: values("c", "s")}
	return model([]*onnx.Node{node("Loop", names("", "true", "zero"), names("y"), "body", g)},
		onnx.NewBools("true", []bool{true}, []int{}...), onnx.NewFloats("zero", []float32{0}))
}

// TestLimits: a small file that would cost much is refused before it does.
func TestLimits(t *testing.T) {
	shape := func(dims ...int64) *onnx.Tensor { return onnx.NewInts("shape", dims) }
	one := onnx.NewFloats("one", []float32{1})
	growing := endless()
	growing.Graph.Nodes[0].Attributes["body"].Graph.Nodes = []*onnx.Node{node("Concat", names("s", "s"), names("s1"), "axis", 0)}
	growing.Graph.Nodes[0].Attributes["body"].Graph.Outputs = values("c", "s1")
	inner := endless().Graph.Nodes[0]
	inner.Inputs, inner.Outputs = names("", "true", "zero"), names("t")
	for name, test := range map[string]struct {
		m    *onnx.Model
		l    onnxref.Limits
		code errs.Code
	}{
		"256 GiB of ConstantOfShape":      {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("y"))}, shape(1<<18, 1<<18)), onnxref.Limits{}, errs.TooLarge},
		"overflowing ConstantOfShape":     {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("y"))}, shape(math.MaxInt64, math.MaxInt64, 4)), onnxref.Limits{}, errs.TooLarge},
		"empty, but with huge dimensions": {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("y"))}, shape(0, 1<<31, 1<<31)), onnxref.Limits{}, errs.TooLarge},
		"negative dimension":              {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("y"))}, shape(-1)), onnxref.Limits{}, errs.ShapeMismatch},
		"Expand":                          {model([]*onnx.Node{node("Expand", names("one", "shape"), names("y"))}, one, shape(1<<20, 1<<12)), onnxref.Limits{}, errs.TooLarge},
		"Tile":                            {model([]*onnx.Node{node("Tile", names("one", "shape"), names("y"))}, one, shape(1<<40)), onnxref.Limits{}, errs.TooLarge},
		"Range":                           {model([]*onnx.Node{node("Range", names("a", "b", "d"), names("y"))}, onnx.NewInts("a", []int64{0}), onnx.NewInts("b", []int64{1 << 60}), onnx.NewInts("d", []int64{1})), onnxref.Limits{}, errs.TooLarge},
		"Range without end":               {model([]*onnx.Node{node("Range", names("a", "b", "d"), names("y"))}, onnx.NewInts("a", []int64{0}), onnx.NewInts("b", []int64{1}), onnx.NewInts("d", []int64{0})), onnxref.Limits{}, errs.TooLarge},
		"Pad":                             {model([]*onnx.Node{node("Pad", names("one", "shape"), names("y"))}, one, shape(0, 1<<30)), onnxref.Limits{}, errs.TooLarge},
		"OneHot":                          {model([]*onnx.Node{node("OneHot", names("i", "depth", "v"), names("y"))}, onnx.NewInts("i", []int64{0}), onnx.NewInts("depth", []int64{1 << 30}), onnx.NewInts("v", []int64{0, 1})), onnxref.Limits{}, errs.TooLarge},
		"outer product":                   {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("a")), node("MatMul", names("a", "a"), names("y"))}, shape(200, 200)), onnxref.Limits{Work: 1 << 20}, errs.TooLarge},
		"Einsum over many indices":        {model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("a")), node("Einsum", names("a", "a", "a"), names("y"), "equation", "ab,cd,ef->a")}, shape(1000, 1000)), onnxref.Limits{}, errs.TooLarge},
		"LSTM of many steps":              {model([]*onnx.Node{node("LSTM", names("x", "w", "r"), names("y"))}, &onnx.Tensor{Name: "x", Type: onnx.Float32, Dims: []int{1 << 30, 1, 0}}, onnx.NewFloats("w", nil, 1, 0, 0), onnx.NewFloats("r", nil, 1, 0, 0)), onnxref.Limits{Work: 1 << 20}, errs.TooLarge},
		"endless Loop":                    {endless(), onnxref.Limits{Nodes: 1000}, errs.TooLarge},
		"endless Loop in an endless Loop": {endless(inner), onnxref.Limits{Nodes: 1000}, errs.TooLarge},
		"Loop that doubles":               {growing, onnxref.Limits{}, errs.TooLarge},
		"many nodes":                      {model([]*onnx.Node{node("Identity", names("one"), names("a")), node("Identity", names("a"), names("y"))}, one), onnxref.Limits{Nodes: 1}, errs.TooLarge},
		"many dimensions":                 {model([]*onnx.Node{node("Unsqueeze", names("one", "shape"), names("y"))}, one, shape(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)), onnxref.Limits{}, errs.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onnxref.Run(context.Background(), test.m, nil, test.l)
			if errs.CodeOf(err) != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
		})
	}
}

// TestMemoryIsGivenBack: values that nothing reads any more do not count, those
// that are still read do.
func TestMemoryIsGivenBack(t *testing.T) {
	const links = 40 // of 0.75 MiB each
	chain := []*onnx.Node{node("ConstantOfShape", names("shape"), names("v0"))}
	all := names()
	for i := range links {
		chain = append(chain, node("Neg", names(fmt.Sprint("v", i)), names(fmt.Sprint("v", i+1))))
		all = append(all, fmt.Sprint("v", i+1))
	}
	shape := onnx.NewInts("shape", []int64{1 << 16})
	l := onnxref.Limits{Memory: 8 << 20}
	last := slices.Concat(chain, []*onnx.Node{node("Identity", names(fmt.Sprint("v", links)), names("y"))})
	if _, err := onnxref.Run(context.Background(), model(last, shape), nil, l); err != nil {
		t.Error(err)
	}
	sum := slices.Concat(chain, []*onnx.Node{node("Sum", all, names("y"))})
	if _, err := onnxref.Run(context.Background(), model(sum, shape), nil, l); errs.CodeOf(err) != errs.TooLarge {
		t.Errorf("values still to be read: %v", err)
	}
}

// TestDeadline: the context ends a loop, and a single long node.
func TestDeadline(t *testing.T) {
	long := model([]*onnx.Node{node("ConstantOfShape", names("shape"), names("a")), node("MatMul", names("a", "a"), names("y"))}, onnx.NewInts("shape", []int64{3000, 3000}))
	for name, m := range map[string]*onnx.Model{"loop": endless(), "product": long} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		_, err := onnxref.Run(ctx, m, nil, onnxref.Limits{Nodes: math.MaxInt64, Work: math.MaxInt64})
		cancel()
		if errs.CodeOf(err) != errs.Timeout {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusals: graphs that cannot be evaluated are refused with the right code,
// naming the node.
func TestRefusals(t *testing.T) {
	x := onnx.NewFloats("x", []float32{1, 2, 3, 4, 5, 6}, 2, 3)
	i := onnx.NewInts("i", []int64{7})
	run := func(op string, inputs []string, attributes ...any) *onnx.Model {
		return model([]*onnx.Node{node(op, inputs, names("y"), attributes...)}, x, i, onnx.NewFloats("w", make([]float32, 8), 1, 4, 2), onnx.NewInts("zero", []int64{0}), onnx.NewInts("minus", []int64{-3}))
	}
	old := run("Relu", names("x"))
	old.Opsets[""] = 6
	for name, test := range map[string]struct {
		m    *onnx.Model
		code errs.Code
	}{
		"unknown operator":      {run("Det", names("x")), errs.UnsupportedOp},
		"old opset":             {old, errs.UnsupportedOp},
		"missing input":         {run("Relu", nil), errs.InvalidGraph},
		"absent input":          {run("Relu", names("")), errs.InvalidGraph},
		"unknown input":         {run("Relu", names("nobody")), errs.InvalidGraph},
		"two types":             {run("Add", names("x", "i")), errs.InvalidGraph},
		"integers in Tanh":      {run("Tanh", names("i")), errs.InvalidGraph},
		"no broadcast":          {run("MatMul", names("x", "x")), errs.ShapeMismatch},
		"axis":                  {run("Concat", names("x", "x"), "axis", 2), errs.ShapeMismatch},
		"index":                 {run("Gather", names("x", "i")), errs.ShapeMismatch},
		"negative index":        {run("Gather", names("x", "minus")), errs.ShapeMismatch},
		"perm":                  {run("Transpose", names("x"), "perm", []int64{0, 0}), errs.ShapeMismatch},
		"short perm":            {run("Transpose", names("x"), "perm", []int64{0}), errs.ShapeMismatch},
		"division by zero":      {run("Div", names("i", "zero")), errs.InvalidGraph},
		"LSTM, two-dimensional": {run("LSTM", names("x", "w", "w")), errs.ShapeMismatch},
		"activation":            {run("RNN", names("x", "w", "w"), "activations", "Tanh"), errs.ShapeMismatch},
		"If without branches":   {run("If", names("zero")), errs.InvalidGraph},
		"Scan without body":     {run("Scan", names("x"), "num_scan_inputs", 1), errs.InvalidGraph},
		"cast to a string":      {run("Cast", names("x"), "to", 8), errs.UnsupportedOp},
		"sequence output":       {run("SequenceConstruct", names("x")), errs.UnsupportedOp},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onnxref.Run(context.Background(), test.m, nil, onnxref.Limits{})
			if errs.CodeOf(err) != test.code || errs.As(err).Node == "" {
				t.Errorf("%v (%s), want %s", err, errs.CodeOf(err), test.code)
			}
		})
	}
}

// TestInputs: what a caller passes is compared with what the graph declares.
func TestInputs(t *testing.T) {
	m := model([]*onnx.Node{node("Identity", names("x"), names("y"))}, onnx.NewFloats("d", []float32{1, 2}))
	m.Graph.Inputs = []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 2}}, {Name: "d", Type: onnx.Float32}}
	good := onnx.NewFloats("", []float32{1, 2}, 1, 2)
	for name, in := range map[string]map[string]*onnx.Tensor{
		"none":         nil,
		"unknown":      {"x": good, "z": good},
		"rank":         {"x": onnx.NewFloats("", []float32{1, 2})},
		"dimension":    {"x": onnx.NewFloats("", []float32{1, 2, 3}, 1, 3)},
		"type":         {"x": onnx.NewInts("", []int64{1, 2}, 1, 2)},
		"too short":    {"x": {Type: onnx.Float32, Dims: []int{1, 2}}},
		"no dimension": {"x": onnx.NewFloats("", []float32{1}, []int{}...)},
	} {
		if _, err := onnxref.Run(context.Background(), m, in, onnxref.Limits{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	out, err := onnxref.Run(context.Background(), m, map[string]*onnx.Tensor{"x": good}, onnxref.Limits{})
	if err != nil || out["y"].Name != "y" || out["y"].Dims[1] != 2 {
		t.Errorf("%v %v", out, err)
	}
}

// TestShares: moving whole rows around copies nothing.
func TestShares(t *testing.T) {
	w := onnx.NewFloats("w", make([]float32, 12), 4, 3)
	m := model([]*onnx.Node{
		node("Identity", names("w"), names("a")),
		node("Slice", names("a", "from", "to"), names("b")),
		node("Unsqueeze", names("b", "from"), names("y")),
	}, w, onnx.NewInts("from", []int64{1}), onnx.NewInts("to", []int64{3}))
	out, err := onnxref.Run(context.Background(), m, nil, onnxref.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if y := out["y"]; len(y.Dims) != 3 || y.Dims[0] != 2 || &y.Raw[0] != &w.Raw[12] {
		t.Errorf("%v: a copy", y.Dims)
	}
}
