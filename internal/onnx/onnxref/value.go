package onnxref

import (
	"encoding/binary"
	"math"
	"slices"

	"rnnrep/internal/half"
	"rnnrep/internal/onnx"
)

// value is a tensor, or a sequence of them, while a graph runs. A tensor has at
// least one of three forms and gains others on demand: bytes as in a file, which
// is all that moving data around needs; floats, for floating-point types; ints,
// for the others. A value never changes once it is made, so forms are shared.
type value struct {
	kind   onnx.DType
	dims   []int
	raw    []byte
	floats []float64
	ints   []int64

	sequence bool
	items    []*value

	held *holding // the memory that it is in; nil: of the model or the caller
}

// fromTensor returns a view of t.
func fromTensor(t *onnx.Tensor) *value {
	return &value{kind: t.Type, dims: t.Dims, raw: t.Raw}
}

// tensor returns v as a tensor of the given name.
func (v *value) tensor(name string) *onnx.Tensor {
	return &onnx.Tensor{Name: name, Type: v.kind, Dims: slices.Clone(v.dims), Raw: v.bytes()}
}

func (v *value) len() int { return product(v.dims) }

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// view is v under other dimensions of the same product.
func (v *value) view(dims []int) *value {
	w := *v
	w.dims = dims
	return &w
}

// bytes returns the form of a file.
func (v *value) bytes() []byte {
	if v.raw != nil {
		return v.raw
	}
	switch {
	case v.floats != nil:
		v.raw = onnx.FromFloats("", v.kind, v.floats).Raw
	case v.ints != nil:
		v.raw = onnx.FromInts("", v.kind, v.ints).Raw
	}
	return v.raw
}

// round rounds floats in place to the type they are declared to have.
func round(kind onnx.DType, floats []float64) {
	switch kind {
	case onnx.Float32:
		for i, x := range floats {
			floats[i] = float64(float32(x))
		}
	case onnx.Float16:
		for i, x := range floats {
			floats[i] = float64(half.To(half.From(float32(x))))
		}
	case onnx.BFloat16:
		copy(floats, onnx.FromFloats("", kind, floats).Float64s())
	}
}

// wrap reduces an integer to its type, as two's complement arithmetic does.
func wrap(kind onnx.DType, x int64) int64 {
	switch kind {
	case onnx.Int8:
		return int64(int8(x))
	case onnx.Uint8:
		return int64(uint8(x))
	case onnx.Int16:
		return int64(int16(x))
	case onnx.Uint16:
		return int64(uint16(x))
	case onnx.Int32:
		return int64(int32(x))
	case onnx.Uint32:
		return int64(uint32(x))
	case onnx.Bool:
		if x != 0 {
			return 1
		}
	}
	return x
}

// intToFloat converts an integer; those of uint64 are kept as int64 bits.
func intToFloat(kind onnx.DType, x int64) float64 {
	if kind == onnx.Uint64 {
		return float64(uint64(x))
	}
	return float64(x)
}

// decodeRow decodes float32 values into buf.
func decodeRow(raw []byte, buf []float64) {
	raw = raw[:4*len(buf)]
	for i := range buf {
		buf[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i : 4*i+4])))
	}
}
