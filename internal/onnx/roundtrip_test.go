package onnx_test

import (
	"reflect"
	"testing"

	"rnnrep/internal/onnx"
)

// everything is a model with every kind of field.
func everything() *onnx.Model {
	inner := &onnx.Graph{
		Name:    "body",
		Nodes:   []*onnx.Node{{OpType: "Add", Inputs: []string{"a", "w"}, Outputs: []string{"b"}}},
		Inputs:  []onnx.Value{{Name: "a"}},
		Outputs: []onnx.Value{{Name: "b"}},
	}
	return &onnx.Model{
		IRVersion: 8, Producer: "rnnrep", ProducerVersion: "1", Domain: "d", Version: 3, DocString: "doc",
		Opsets:   map[string]int64{"": 17, "com.microsoft": 1},
		Metadata: map[string]string{"k": "v", "a": ""},
		Graph: &onnx.Graph{
			Name: "main",
			Nodes: []*onnx.Node{{
				Name: "n", OpType: "Scan", Domain: "com.microsoft", Inputs: []string{"x", ""}, Outputs: []string{"", "y"},
				Attributes: map[string]*onnx.Attribute{
					"float":   {Type: onnx.AttributeFloat, Float: 0.5},
					"int":     {Type: onnx.AttributeInt, Int: -3},
					"string":  {Type: onnx.AttributeString, String: "s"},
					"tensor":  {Type: onnx.AttributeTensor, Tensor: onnx.NewInts("", []int64{1, -2, 3})},
					"graph":   {Type: onnx.AttributeGraph, Graph: inner},
					"floats":  {Type: onnx.AttributeFloats, Floats: []float32{1, 2}},
					"ints":    {Type: onnx.AttributeInts, Ints: []int64{-1, 1 << 40}},
					"strings": {Type: onnx.AttributeStrings, Strings: []string{"", "x"}},
				},
			}},
			Initializers: []*onnx.Tensor{
				onnx.NewFloats("w", []float32{1, 2, 3, 4}, 2, 2),
				onnx.FromFloats("h", onnx.Float16, []float64{1, 0.5}, 2),
				onnx.FromFloats("d", onnx.Float64, []float64{0.1}, []int{}...),
				onnx.FromInts("i", onnx.Int8, []int64{-1, 1}, 2),
				onnx.NewBools("t", []bool{true, false}),
			},
			Inputs: []onnx.Value{
				{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 3, -1}, Params: []string{"batch", "", ""}},
				{Name: "unknown", Type: onnx.Int64},
			},
			Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: []int64{}}},
		},
	}
}

// TestRoundTrip: a model survives writing and reading, and equal models give
// equal bytes.
func TestRoundTrip(t *testing.T) {
	m := everything()
	data := onnx.Marshal(m)
	got, err := onnx.Parse(data, nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Errorf("read\n%+v\nwrote\n%+v", got, m)
	}
	for range 10 { // maps are ranged over in another order each time
		if string(onnx.Marshal(got)) != string(data) {
			t.Fatal("equal models, different bytes")
		}
	}
}
