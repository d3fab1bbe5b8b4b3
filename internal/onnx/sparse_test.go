package onnx_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// sparseOf is a sparse initializer named "initializer" of float32 values.
func sparseOf(values []float32, indices []int64, indexDims, dims []int64) []byte {
	v, i := onnx.NewFloats("", values), onnx.NewInts("", indices)
	b := [][]byte{
		field(1, varint(1, int64(len(values))), varint(2, int64(onnx.Float32)), text(8, "initializer"), field(9, v.Raw)),
		field(2, slices.Concat(dimsOf(indexDims), varint(2, int64(onnx.Int64)), field(9, i.Raw))),
		dimsOfSparse(dims),
	}
	return field(15, b...)
}

func dimsOf(dims []int64) (b []byte) {
	for _, d := range dims {
		b = append(b, varint(1, d)...)
	}
	return b
}

func dimsOfSparse(dims []int64) (b []byte) {
	for _, d := range dims {
		b = append(b, varint(3, d)...)
	}
	return b
}

func TestSparseInitializers(t *testing.T) {
	want := []float32{0, 5, 0, 0, 0, 7}
	for name, data := range map[string][]byte{
		"places":      sparseOf([]float32{5, 7}, []int64{1, 5}, []int64{2}, []int64{2, 3}),
		"coordinates": sparseOf([]float32{5, 7}, []int64{0, 1, 1, 2}, []int64{2, 2}, []int64{2, 3}),
	} {
		m, err := onnx.Parse(file(data), nil, onnx.Limits{})
		if err != nil {
			t.Fatal(name, err)
		}
		got := m.Graph.Initializers[0]
		if !slices.Equal(got.Float32s(), want) || !slices.Equal(got.Dims, []int{2, 3}) || got.Name != "initializer" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		code errs.Code
	}{
		"index outside":      {sparseOf([]float32{5}, []int64{6}, []int64{1}, []int64{2, 3}), errs.ShapeMismatch},
		"negative index":     {sparseOf([]float32{5}, []int64{-1}, []int64{1}, []int64{2, 3}), errs.ShapeMismatch},
		"coordinate outside": {sparseOf([]float32{5}, []int64{0, 3}, []int64{1, 2}, []int64{2, 3}), errs.ShapeMismatch},
		"other rank":         {sparseOf([]float32{5}, []int64{0, 1, 1}, []int64{1, 3}, []int64{2, 3}), errs.ShapeMismatch},
		"too few indices":    {sparseOf([]float32{5, 7}, []int64{1}, []int64{1}, []int64{2, 3}), errs.InvalidGraph},
		"1 GiB of zeros":     {sparseOf([]float32{5}, []int64{1}, []int64{1}, []int64{1 << 14, 1 << 14}), errs.TooLarge},
		"17 dimensions":      {sparseOf([]float32{5}, []int64{0}, []int64{1}, slices.Repeat([]int64{1}, 17)), errs.InvalidGraph},
		"strings":            {field(15, field(1, varint(1, 0), varint(2, int64(onnx.String))), field(2, varint(1, 0), varint(2, int64(onnx.Int64))), varint(3, 4)), errs.UnsupportedOp},
		"dimensions of 2^62": {sparseOf([]float32{5}, []int64{1}, []int64{1}, []int64{1 << 31, 1 << 31}), errs.ShapeMismatch},
	} {
		if _, err := onnx.Parse(file(c.data), nil, onnx.Limits{}); errs.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSparseConstant: a Constant of sparse_value reads as one of value.
func TestSparseConstant(t *testing.T) {
	sparse := sparseOf([]float32{5, 7}, []int64{1, 5}, []int64{2}, []int64{2, 3})
	_, _, tag := protowire.ConsumeTag(sparse)
	content, _ := protowire.ConsumeBytes(sparse[tag:])
	constant := nodeOf("Constant", nil, []string{"c"}, field(5, text(1, "sparse_value"), varint(20, 11), field(22, content)))
	m, err := onnx.Parse(file(constant), nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	a := m.Graph.Nodes[0].Attributes["value"]
	if a == nil || a.Type != onnx.AttributeTensor || !slices.Equal(a.Tensor.Float32s(), []float32{0, 5, 0, 0, 0, 7}) {
		t.Errorf("%+v", m.Graph.Nodes[0].Attributes)
	}
}
