package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"rnnrep/internal/half"
)

// Tensor is a TensorProto. Its values stay bytes, in row-major order and
// little-endian as in raw_data, and are decoded on demand: a parsed tensor is a
// view of the file or of its external data, which must therefore not change.
type Tensor struct {
	Name string
	Type DType
	Dims []int
	Raw  []byte // Len() times the width of Type; nothing for strings
}

// Len is the number of values that the dimensions make.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// NewFloats returns a float32 tensor; without dims it is a vector.
func NewFloats(name string, data []float32, dims ...int) *Tensor {
	t := newTensor(name, Float32, len(data), dims)
	for i, x := range data {
		binary.LittleEndian.PutUint32(t.Raw[4*i:], math.Float32bits(x))
	}
	return t
}

// NewInts returns an int64 tensor; without dims it is a vector.
func NewInts(name string, data []int64, dims ...int) *Tensor {
	return FromInts(name, Int64, data, dims...)
}

// NewBools returns a bool tensor; without dims it is a vector.
func NewBools(name string, data []bool, dims ...int) *Tensor {
	t := newTensor(name, Bool, len(data), dims)
	for i, x := range data {
		if x {
			t.Raw[i] = 1
		}
	}
	return t
}

// FromFloats returns a tensor of a floating-point type, each value rounded to
// it; without dims it is a vector.
func FromFloats(name string, d DType, data []float64, dims ...int) *Tensor {
	t := newTensor(name, d, len(data), dims)
	le := binary.LittleEndian
	for i, x := range data {
		switch d {
		case Float64:
			le.PutUint64(t.Raw[8*i:], math.Float64bits(x))
		case Float16:
			le.PutUint16(t.Raw[2*i:], half.From(float32(x)))
		case BFloat16:
			le.PutUint16(t.Raw[2*i:], toBFloat16(float32(x)))
		case Float32:
			le.PutUint32(t.Raw[4*i:], math.Float32bits(float32(x)))
		default:
			panic(fmt.Sprintf("onnx: data type %d holds no floats", d))
		}
	}
	return t
}

// FromInts returns a tensor of an integer type or bool, each value reduced to
// its width; without dims it is a vector.
func FromInts(name string, d DType, data []int64, dims ...int) *Tensor {
	if d.Float() {
		panic(fmt.Sprintf("onnx: data type %d holds no integers", d))
	}
	t := newTensor(name, d, len(data), dims)
	width := d.Width()
	for i, x := range data {
		if d == Bool && x != 0 {
			x = 1
		}
		putBits(t.Raw[i*width:], width, uint64(x))
	}
	return t
}

func newTensor(name string, d DType, n int, dims []int) *Tensor {
	if dims == nil {
		dims = []int{n}
	}
	t := &Tensor{Name: name, Type: d, Dims: dims}
	if d.Width() == 0 || t.Len() != n {
		panic(fmt.Sprintf("onnx: %d values for tensor %q of type %d and dimensions %v", n, name, d, dims))
	}
	t.Raw = make([]byte, n*d.Width())
	return t
}

// toBFloat16 rounds to bfloat16, ties to even.
func toBFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// putBits writes the low bytes of bits, little-endian.
func putBits(b []byte, width int, bits uint64) {
	switch width {
	case 1:
		b[0] = byte(bits)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(bits))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(bits))
	default:
		binary.LittleEndian.PutUint64(b, bits)
	}
}

// Float32s decodes the values. Numbers of other types are converted to the
// nearest float32.
func (t *Tensor) Float32s() []float32 {
	r := make([]float32, len(t.Raw)/max(1, t.Type.Width()))
	t.ReadFloat32s(r)
	return r
}

// ReadFloat32s decodes the first len(r) values into r, as Float32s does.
func (t *Tensor) ReadFloat32s(r []float32) {
	le := binary.LittleEndian
	switch t.Type {
	case Float32:
		for i := range r {
			r[i] = math.Float32frombits(le.Uint32(t.Raw[4*i:]))
		}
	case Float64:
		for i := range r {
			r[i] = float32(math.Float64frombits(le.Uint64(t.Raw[8*i:])))
		}
	case Float16:
		for i := range r {
			r[i] = half.To(le.Uint16(t.Raw[2*i:]))
		}
	case BFloat16:
		for i := range r {
			r[i] = math.Float32frombits(uint32(le.Uint16(t.Raw[2*i:])) << 16)
		}
	default:
		for i, x := range t.Int64s()[:len(r)] {
			r[i] = float32(x)
		}
	}
}

// Float64s decodes the values. Integers are converted.
func (t *Tensor) Float64s() []float64 {
	r := make([]float64, len(t.Raw)/max(1, t.Type.Width()))
	le := binary.LittleEndian
	switch t.Type {
	case Float32:
		for i := range r {
			r[i] = float64(math.Float32frombits(le.Uint32(t.Raw[4*i:])))
		}
	case Float64:
		for i := range r {
			r[i] = math.Float64frombits(le.Uint64(t.Raw[8*i:]))
		}
	case Float16, BFloat16:
		for i, x := range t.Float32s() {
			r[i] = float64(x)
		}
	default:
		for i, x := range t.Int64s() {
			r[i] = float64(x)
		}
	}
	return r
}

// Int64s decodes integers; bools are 0 and 1, uint64 keeps its bits, and floats
// are truncated.
func (t *Tensor) Int64s() []int64 {
	r := make([]int64, len(t.Raw)/max(1, t.Type.Width()))
	le := binary.LittleEndian
	switch t.Type {
	case Int64, Uint64:
		for i := range r {
			r[i] = int64(le.Uint64(t.Raw[8*i:]))
		}
	case Int32:
		for i := range r {
			r[i] = int64(int32(le.Uint32(t.Raw[4*i:])))
		}
	case Uint32:
		for i := range r {
			r[i] = int64(le.Uint32(t.Raw[4*i:]))
		}
	case Int16:
		for i := range r {
			r[i] = int64(int16(le.Uint16(t.Raw[2*i:])))
		}
	case Uint16:
		for i := range r {
			r[i] = int64(le.Uint16(t.Raw[2*i:]))
		}
	case Int8:
		for i := range r {
			r[i] = int64(int8(t.Raw[i]))
		}
	case Uint8:
		for i := range r {
			r[i] = int64(t.Raw[i])
		}
	case Bool:
		for i := range r {
			if t.Raw[i] != 0 {
				r[i] = 1
			}
		}
	default:
		for i, x := range t.Float64s() {
			r[i] = int64(x)
		}
	}
	return r
}
