package onnxref_test

import (
	"context"
	"slices"
	"testing"

	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
)

func fold(t *testing.T, m *onnx.Model, l onnxref.Limits) map[string]*onnx.Tensor {
	t.Helper()
	folded, err := onnxref.Fold(context.Background(), m, l)
	if err != nil {
		t.Fatal(err)
	}
	return folded
}

// TestFold: what depends on constants alone is known, the rest is not.
func TestFold(t *testing.T) {
	branch := func(out string) *onnx.Graph {
		return &onnx.Graph{Nodes: []*onnx.Node{node("Neg", names("w"), names(out))}, Outputs: values(out)}
	}
	m := model([]*onnx.Node{
		node("Transpose", names("w"), names("wt"), "perm", []int64{1, 0}),
		node("Concat", names("wt", "wt"), names("joined"), "axis", 0),
		node("If", names("yes"), names("negated"), "then_branch", branch("t"), "else_branch", branch("e")),
		node("Shape", names("x"), names("unknown shape")),
		node("Shape", names("x"), names("batch"), "start", 1),
		node("Shape", names("w"), names("shape")),
		node("Size", names("fixed"), names("size")),
		node("MatMul", names("x", "wt"), names("y")),
		node("RandomNormal", nil, names("noise"), "shape", []int64{2}),
		node("Add", names("noise", "noise"), names("noisy")),
		node("SequenceConstruct", names("w"), names("sequence")),
		node("SequenceAt", names("sequence", "zero"), names("item")),
	}, onnx.NewFloats("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3), onnx.NewBools("yes", []bool{true}), onnx.NewInts("zero", []int64{0}))
	m.Graph.Inputs = []onnx.Value{
		{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 4, 3}},
		{Name: "fixed", Type: onnx.Float32, Dims: []int64{2, 5}},
		{Name: "w", Type: onnx.Float32, Dims: []int64{2, 3}}, // a default, as IR 3 lists it
	}
	folded := fold(t, m, onnxref.Limits{})
	want := map[string][]float64{
		"w": {1, 2, 3, 4, 5, 6}, "wt": {1, 4, 2, 5, 3, 6}, "joined": {1, 4, 2, 5, 3, 6, 1, 4, 2, 5, 3, 6},
		"negated": {-1, -2, -3, -4, -5, -6}, "batch": {4, 3}, "shape": {2, 3}, "size": {10}, "item": {1, 2, 3, 4, 5, 6}, "yes": {1}, "zero": {0},
	}
	for name, v := range folded {
		if w, ok := want[name]; !ok || !slices.Equal(v.Float64s(), w) || v.Name != name {
			t.Errorf("%s = %v %v, want %v", name, v.Dims, v.Float64s(), w)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is not known", name)
	}
}

// TestFoldLimits: one value too large is left out, those after it are not.
func TestFoldLimits(t *testing.T) {
	m := model([]*onnx.Node{
		node("ConstantOfShape", names("big"), names("huge")),
		node("Neg", names("huge"), names("y")),
		node("Neg", names("w"), names("small")),
	}, onnx.NewInts("big", []int64{1 << 20, 1 << 20}), onnx.NewFloats("w", []float32{1}))
	folded := fold(t, m, onnxref.Limits{Elements: 1000})
	if folded["huge"] != nil || folded["y"] != nil || folded["small"] == nil {
		t.Errorf("%v", folded)
	}
}

// TestFoldShares: moving whole rows around copies nothing.
func TestFoldShares(t *testing.T) {
	w := onnx.NewFloats("w", make([]float32, 12), 4, 3)
	m := model([]*onnx.Node{
		node("Identity", names("w"), names("a")),
		node("Slice", names("a", "from", "to"), names("b")),
		node("Unsqueeze", names("b", "from"), names("y")),
	}, w, onnx.NewInts("from", []int64{1}), onnx.NewInts("to", []int64{3}))
	y := fold(t, m, onnxref.Limits{})["y"]
	if !slices.Equal(y.Dims, []int{2, 1, 3}) || &y.Raw[0] != &w.Raw[12] {
		t.Errorf("%v: a copy", y.Dims)
	}
}
