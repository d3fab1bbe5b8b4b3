package onnxref

import (
	"context"
	"fmt"
	"testing"

	"rnnrep/internal/onnx"
)

// lstmModel is layers of LSTM and a readout, as exporters write them, with
// weights that are small and not all equal.
func lstmModel(layers, inputs, hidden, outputs int) *onnx.Model {
	fill := func(name string, dims ...int) *onnx.Tensor {
		x := make([]float32, product(dims))
		for i := range x {
			x[i] = float32(i%17-8) / 64
		}
		return onnx.NewFloats(name, x, dims...)
	}
	axes := onnx.NewInts("axis1", []int64{1})
	g := &onnx.Graph{
		Inputs:       []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []int64{-1, -1, int64(inputs)}}},
		Outputs:      []onnx.Value{{Name: "y", Type: onnx.Float32}},
		Initializers: []*onnx.Tensor{axes, fill("V", hidden, outputs), fill("c", outputs)},
	}
	x := "x"
	for l := range layers {
		name := func(s string) string { return fmt.Sprint(s, l) }
		g.Initializers = append(g.Initializers, fill(name("W"), 1, 4*hidden, inputs), fill(name("R"), 1, 4*hidden, hidden), fill(name("B"), 1, 8*hidden))
		g.Nodes = append(g.Nodes,
			&onnx.Node{OpType: "LSTM", Inputs: []string{x, name("W"), name("R"), name("B")}, Outputs: []string{name("Y")},
				Attributes: map[string]*onnx.Attribute{"hidden_size": {Type: onnx.AttributeInt, Int: int64(hidden)}}},
			&onnx.Node{OpType: "Squeeze", Inputs: []string{name("Y"), "axis1"}, Outputs: []string{name("h")}})
		x, inputs = name("h"), hidden
	}
	g.Nodes = append(g.Nodes,
		&onnx.Node{OpType: "MatMul", Inputs: []string{x, "V"}, Outputs: []string{"p"}},
		&onnx.Node{OpType: "Add", Inputs: []string{"p", "c"}, Outputs: []string{"y"}})
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func benchmarkLSTM(b *testing.B, layers, inputs, hidden, steps int) {
	m := lstmModel(layers, inputs, hidden, 6)
	in := map[string]*onnx.Tensor{"x": onnx.NewFloats("x", make([]float32, steps*inputs), steps, 1, inputs)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(context.Background(), m, in, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLSTM2x32(b *testing.B) { benchmarkLSTM(b, 2, 6, 32, 8) }

// BenchmarkLSTM100MB is a model of 100 MB of weights, which are not decoded
// whole.
func BenchmarkLSTM100MB(b *testing.B) { benchmarkLSTM(b, 1, 256, 2400, 8) }
