package rng_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"rnnrep/internal/rng"
)

func first(r *rand.Rand, n int) []uint64 {
	values := make([]uint64, n)
	for i := range values {
		values[i] = r.Uint64()
	}
	return values
}

// TestGolden: a stream's values never change, or every stored zoo and result
// could no longer be made again.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		seed, index uint64
		name        string
		want        []uint64
	}{
		{0, 0, "", []uint64{0xd9b91a13f454c481, 0xc2d9f3d0d0318c96, 0xe09f09b38ce40666}},
		{1, 0, "zoo task", []uint64{0xb052e8a71e475a4c, 0xb2b0ba79f26dd5d8, 0xa416f40726e1be8e}},
		{1, 1, "zoo task", []uint64{0xd1b1e215edceadb, 0x1ca548ba9cc8ef2f, 0x74ff784980f4a6e0}},
		{1<<64 - 1, 1 << 40, "zoo weights", []uint64{0x5fe7c042fe4cebd6, 0x3b673616e6fe500a, 0xb74fb8dce4ed3d85}},
	} {
		if got := first(rng.Stream(c.seed, c.name, c.index), 3); !slices.Equal(got, c.want) {
			t.Errorf("stream (%d, %q, %d) starts %#x, want %#x", c.seed, c.name, c.index, got, c.want)
		}
	}
}

// TestIndependentOfOrder: what a stream gives does not depend on which other
// streams were drawn from before or in between.
func TestIndependentOfOrder(t *testing.T) {
	const streams, values = 8, 16
	var want [streams][]uint64
	for i := range streams {
		want[i] = first(rng.Stream(7, "order", uint64(i)), values)
	}
	var rs [streams]*rand.Rand
	for i := streams - 1; i >= 0; i-- {
		rs[i] = rng.Stream(7, "order", uint64(i))
	}
	var got [streams][]uint64
	for range values {
		for i := range streams {
			got[i] = append(got[i], rs[i].Uint64())
		}
	}
	for i := range streams {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("stream %d depends on the order of drawing", i)
		}
	}
}

// TestStreamsDiffer: seed, name and index each select another stream.
func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, name := range []string{"", "a", "b", "ab", "a\x00"} {
		for seed := range uint64(4) {
			for index := range uint64(4) {
				v := rng.Stream(seed, name, index).Uint64()
				if _, dup := seen[v]; dup {
					t.Errorf("stream (%d, %q, %d) equals another", seed, name, index)
				}
				seen[v] = name
			}
		}
	}
}

// TestSourceResumes: a marshalled source goes on where it was.
func TestSourceResumes(t *testing.T) {
	source := rng.Source(3, "checkpoint", 4)
	if !slices.Equal(first(rand.New(source), 5), first(rng.Stream(3, "checkpoint", 4), 5)) {
		t.Fatal("Source and Stream differ")
	}
	state, err := source.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	want := first(rand.New(source), 5)
	var resumed rand.PCG
	if err := resumed.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	if got := first(rand.New(&resumed), 5); !slices.Equal(got, want) {
		t.Errorf("resumed stream gives %x, want %x", got, want)
	}
}
