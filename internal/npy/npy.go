// Package npy reads and writes NumPy's .npy files, versions 1 to 3: a header
// that is a Python dictionary, then the elements in row-major order. Elements
// pass in pieces of any length, so an array need not fit into memory.
package npy

import (
	"fmt"

	"rnnrep/internal/errs"
)

// DType is the type of the elements, as NumPy writes it without the byte order,
// which is little-endian.
type DType string

// The element types that are read and written.
const (
	Int16   DType = "i2"
	Int32   DType = "i4"
	Int64   DType = "i8"
	Float16 DType = "f2"
	Float32 DType = "f4"
	Float64 DType = "f8"
)

// Number is what elements are read into and written from.
type Number interface {
	int32 | int64 | float32 | float64
}

const (
	magic      = "\x93NUMPY"
	maxHeader  = 1 << 16 // bytes
	maxAxes    = 32
	chunkBytes = 1 << 16 // what is converted at a time
)

// width is the size of an element in bytes, 0 for a type that is not read.
func (d DType) width() int {
	switch d {
	case Int16, Float16:
		return 2
	case Int32, Float32:
		return 4
	case Int64, Float64:
		return 8
	}
	return 0
}

func (d DType) integer() bool { return d == Int16 || d == Int32 || d == Int64 }

// isInteger reports whether T holds whole numbers only.
func isInteger[T Number]() bool { return T(1)/T(2) == 0 }

func damaged(format string, args ...any) *errs.Error {
	return errs.New(errs.Damaged, "npy: %w", fmt.Errorf(format, args...))
}
