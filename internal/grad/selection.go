package grad

import (
	"math"
	"math/bits"
	"slices"
)

// selectRanks reorders s so that for every rank r, in ascending order, s[r] is
// what sorting would put there. It takes time linear in len(s), and never more
// than sorting does by more than a factor, whatever the values are.
func selectRanks(s []float32, ranks []int) { selectIn(s, ranks, 0, 2*bits.Len(uint(len(s)))) }

// selectSorts is the length from which down sorting is faster.
const selectSorts = 24

// selectIn is selectRanks for the part of a slice that starts at offset, with a
// limit on the number of partitions.
func selectIn(s []float32, ranks []int, offset, limit int) {
	for len(ranks) > 0 {
		if len(s) <= selectSorts || limit == 0 {
			slices.Sort(s)
			return
		}
		limit--
		pivot := median(ordered(s[0]), ordered(s[len(s)/2]), ordered(s[len(s)-1]))
		n := partition(s, pivot)
		if n == 0 { // the pivot is the least value: all equal ones are in place
			n = partition(s, pivot+1)
		} else {
			below, _ := slices.BinarySearch(ranks, offset+n)
			selectIn(s[:n], ranks[:below], offset, limit)
		}
		below, _ := slices.BinarySearch(ranks, offset+n)
		s, ranks, offset = s[n:], ranks[below:], offset+n
	}
}

// partition moves the values below the pivot to the front and returns how many
// there are. It has no branch that depends on the values.
func partition(s []float32, pivot int64) int {
	n := 0
	for i, v := range s {
		s[i] = s[n]
		s[n] = v
		n += int(uint64(ordered(v)-pivot) >> 63)
	}
	return n
}

// ordered maps floats to integers of the same order.
func ordered(v float32) int64 {
	b := int32(math.Float32bits(v))
	return int64(b ^ b>>31&math.MaxInt32)
}

func median(a, b, c int64) int64 { return max(min(a, b), min(max(a, b), c)) }
