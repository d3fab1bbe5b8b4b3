// Package rng derives named, indexed random streams from one seed, so that a
// result depends on (seed, name, index) alone and never on which worker drew
// first.
package rng

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Stream returns the generator of one purpose (name) and index under seed.
// Streams of different names or indices are independent.
func Stream(seed uint64, name string, index uint64) *rand.Rand {
	return rand.New(Source(seed, name, index))
}

// Source is Stream's generator itself; its state can be marshalled, so that a
// checkpoint can resume a stream in the middle.
func Source(seed uint64, name string, index uint64) *rand.PCG {
	b := binary.LittleEndian.AppendUint64(nil, seed)
	b = binary.LittleEndian.AppendUint64(b, index)
	h := sha256.Sum256(append(b, name...))
	return rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:]))
}
