package tensor_test

import (
	"testing"
	"unsafe"

	"rnnrep/internal/tensor"
)

// TestSlicesDoNotOverlap: each slice keeps what was written to it.
func TestSlicesDoNotOverlap(t *testing.T) {
	var a tensor.Arena
	sizes := []int{1, 15, 16, 17, 0, 100000, 3, 65536, 65537, 1}
	var slices [][]float32
	for round := range 3 {
		slices = slices[:0]
		for i, n := range sizes {
			s := a.Take(n)
			if len(s) != n || cap(s) != n {
				t.Fatalf("round %d: slice of %d has length %d, capacity %d", round, n, len(s), cap(s))
			}
			for j := range s {
				s[j] = float32(i)
			}
			slices = append(slices, s)
		}
		for i, s := range slices {
			for j, v := range s {
				if v != float32(i) {
					t.Fatalf("round %d: slice %d element %d was overwritten by slice %v", round, i, j, v)
				}
			}
		}
		a.Reset()
	}
}

func TestZerosAfterReuse(t *testing.T) {
	var a tensor.Arena
	for i := range a.Take(1000) {
		a.Reset()
		a.Take(1000)[i] = 1
	}
	a.Reset()
	for i, v := range a.Zeros(1000) {
		if v != 0 {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}

// TestSlicesStartCacheLines: 64 bytes apart from each other.
func TestSlicesStartCacheLines(t *testing.T) {
	var a tensor.Arena
	first := uintptr(unsafe.Pointer(unsafe.SliceData(a.Take(1))))
	for _, n := range []int{1, 5, 16, 31, 33} {
		if at := uintptr(unsafe.Pointer(unsafe.SliceData(a.Take(n)))); (at-first)%64 != 0 {
			t.Errorf("a slice of %d starts %d bytes after the first", n, at-first)
		}
	}
}

// TestSteadyStateAllocatesNothing: after one pass, however many chunks it took.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var a tensor.Arena
	pass := func() {
		a.Reset()
		for range 50 {
			a.Take(9999)
		}
	}
	pass()
	pass()
	if n := testing.AllocsPerRun(10, pass); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
}

// TestReleaseReturnsScratch: and keeps what was taken before.
func TestReleaseReturnsScratch(t *testing.T) {
	var a tensor.Arena
	before := a.Take(100)
	before[99] = 7
	m := a.Mark()
	first := a.Take(70000) // in another chunk
	a.Take(10)
	a.Release(m)
	second := a.Take(70000)
	if unsafe.SliceData(first) != unsafe.SliceData(second) {
		t.Error("the scratch is not taken again")
	}
	clear(second)
	if before[99] != 7 {
		t.Error("the scratch overlaps what was taken before")
	}
}
