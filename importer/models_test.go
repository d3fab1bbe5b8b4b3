package importer

import (
	"math/rand/v2"

	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// modelOf returns a model of one recurrent op, its weights random.
func modelOf(op string, gates, inputs, hidden, dirs int) *onnx.Model {
	r := rand.New(rand.NewPCG(1, uint64(gates*1000+hidden)))
	g := &onnx.Graph{
		Name:    "g",
		Nodes:   []*onnx.Node{{OpType: op, Name: "rnn", Inputs: []string{"X", "W", "R", "B"}, Outputs: []string{"Y"}, Attributes: map[string]*onnx.Attribute{"hidden_size": integer(hidden)}}},
		Inputs:  []onnx.Value{{Name: "X", Type: onnx.Float32, Dims: []int64{-1, -1, int64(inputs)}, Params: []string{"time", "batch", ""}}},
		Outputs: []onnx.Value{{Name: "Y", Type: onnx.Float32}},
		Initializers: []*onnx.Tensor{
			normals(r, "W", dirs, gates*hidden, inputs), normals(r, "R", dirs, gates*hidden, hidden), normals(r, "B", dirs, 2*gates*hidden),
		},
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func lstmModel() *onnx.Model { return modelOf("LSTM", 4, 3, 5, 1) }

func normals(r *rand.Rand, name string, dims ...int) *onnx.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(r.NormFloat64()) / 3
	}
	return onnx.NewFloats(name, data, dims...)
}

func integer(i int) *onnx.Attribute {
	return &onnx.Attribute{Type: onnx.AttributeInt, Int: int64(i)}
}

func texts(s ...string) *onnx.Attribute {
	return &onnx.Attribute{Type: onnx.AttributeStrings, Strings: s}
}

// readModel marshals and reads.
func readModel(m *onnx.Model) (*rnn.Model, Report, error) {
	return ReadBytes(onnx.Marshal(m), Options{})
}
