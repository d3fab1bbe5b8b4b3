//go:build !noasm

package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// detect asks the CPU: AVX-512 needs F, DQ and VL beside BMI2 for the masks.
func detect() []implementation {
	found := []implementation{generic}
	x := cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		found = append([]implementation{avx2}, found...)
		if x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512VL {
			found = append([]implementation{avx512}, found...)
		}
	}
	return found
}

// at returns the address of an element of a slice that the caller has checked.
func at(s []float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i))
}

// wide is 4 times a stride in elements: the stride in bytes.
func wide(stride int) uintptr { return uintptr(4 * stride) }

// offset is at for a pointer.
func offset(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}
