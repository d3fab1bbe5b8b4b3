// Package tensor holds the memory of a training step: an arena of float32
// slices that is refilled from the start at every step, so that steps allocate
// nothing.
package tensor

// alignment keeps every slice on its own cache line.
const alignment = 16

// Arena hands out float32 slices. After Reset the same memory is handed out
// again. The zero value is ready to use; it is not safe for concurrent use.
type Arena struct {
	chunks [][]float32
	chunk  int // index of the chunk in use
	used   int // values used of it
}

// minChunk is the smallest block requested from the runtime, in float32s.
const minChunk = 1 << 16

// Take returns n float32 values of unspecified content, valid until Reset.
func (a *Arena) Take(n int) []float32 {
	for {
		if a.chunk == len(a.chunks) {
			a.chunks = append(a.chunks, make([]float32, max(minChunk, n)))
		}
		c := a.chunks[a.chunk]
		if a.used+n <= len(c) {
			s := c[a.used : a.used+n : a.used+n]
			a.used += (n + alignment - 1) &^ (alignment - 1)
			a.used = min(a.used, len(c))
			return s
		}
		a.chunk, a.used = a.chunk+1, 0
	}
}

// Zeros returns n zero values, valid until Reset.
func (a *Arena) Zeros(n int) []float32 {
	s := a.Take(n)
	clear(s)
	return s
}

// Mark is a state of an arena: see Release.
type Mark struct{ chunk, used int }

// Mark returns the arena's state for Release.
func (a *Arena) Mark() Mark { return Mark{a.chunk, a.used} }

// Release makes what was taken after the mark available again: scratch of an
// operation that others can have after it.
func (a *Arena) Release(m Mark) { a.chunk, a.used = m.chunk, m.used }

// Reset makes all memory available again; slices handed out before must no
// longer be used. Memory split over several chunks is joined into one.
func (a *Arena) Reset() {
	if len(a.chunks) > 1 {
		total := 0
		for _, c := range a.chunks {
			total += len(c)
		}
		a.chunks = [][]float32{make([]float32, total)}
	}
	a.chunk, a.used = 0, 0
}
