package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"rnnrep/internal/half"
)

// Writer writes the elements of an array one after the other.
type Writer struct {
	dtype DType
	w     io.Writer
	left  int // elements that are missing
	chunk []byte
}

// alignment is that of the first element, as numpy.save does it.
const alignment = 64

// NewWriter writes a header of version 1. It panics if the type is unknown or
// the shape is no array's.
func NewWriter(w io.Writer, d DType, shape ...int) (*Writer, error) {
	elements := 1
	axes := make([]string, len(shape))
	for i, n := range shape {
		elements *= n
		axes[i] = fmt.Sprint(n)
	}
	if d.width() == 0 || elements < 0 || len(shape) > maxAxes {
		panic(fmt.Sprintf("npy: array of type %q and shape %v", d, shape))
	}
	tuple := strings.Join(axes, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }", d, tuple)
	before := len(magic) + 4
	text += strings.Repeat(" ", alignment-1-(before+len(text))%alignment) + "\n"
	header := append([]byte(magic), 1, 0)
	header = binary.LittleEndian.AppendUint16(header, uint16(len(text)))
	_, err := w.Write(append(header, text...))
	return &Writer{dtype: d, w: w, left: elements}, err
}

// Write appends elements. A number that the array's type cannot hold at all, a
// fraction among integers or an integer too large, is an error; floats are rounded.
func Write[T Number](a *Writer, src []T) error {
	if len(src) > a.left {
		return fmt.Errorf("npy: %d elements for the last %d places", len(src), a.left)
	}
	if a.dtype.integer() && !isInteger[T]() {
		return fmt.Errorf("npy: floats for an array of type %s", a.dtype)
	}
	width := a.dtype.width()
	for piece := range slices.Chunk(src, chunkBytes/width) {
		a.chunk = a.chunk[:0]
		for _, v := range piece {
			if err := appendElement(a, v); err != nil {
				return err
			}
		}
		if _, err := a.w.Write(a.chunk); err != nil {
			return err
		}
		a.left -= len(piece)
	}
	return nil
}

func appendElement[T Number](a *Writer, v T) error {
	order := binary.LittleEndian
	switch a.dtype {
	case Float16:
		a.chunk = order.AppendUint16(a.chunk, half.From(float32(v)))
	case Float32:
		a.chunk = order.AppendUint32(a.chunk, math.Float32bits(float32(v)))
	case Float64:
		a.chunk = order.AppendUint64(a.chunk, math.Float64bits(float64(v)))
	case Int64:
		a.chunk = order.AppendUint64(a.chunk, uint64(int64(v)))
	case Int32:
		if int64(v) != int64(int32(v)) {
			return fmt.Errorf("npy: %v does not fit into 32 bits", v)
		}
		a.chunk = order.AppendUint32(a.chunk, uint32(int32(v)))
	case Int16:
		if int64(v) != int64(int16(v)) {
			return fmt.Errorf("npy: %v does not fit into 16 bits", v)
		}
		a.chunk = order.AppendUint16(a.chunk, uint16(int16(v)))
	}
	return nil
}

// Close checks that the array is whole. It does not close the underlying writer.
func (a *Writer) Close() error {
	if a.left != 0 {
		return fmt.Errorf("npy: %d elements are missing", a.left)
	}
	return nil
}
