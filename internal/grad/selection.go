package grad

import (
	"math"
	"math/bits"
	"slices"

	"rnnrep/internal/kernel"
)

const (
	mostBins  = 256 // a bin's number fits a byte
	mostRanks = 10
	leastBins = 64   // values, from which on bins are faster
	binned    = 1024 // values at a time
)

// bucket is a bin whose values are collected.
type bucket struct {
	below    int // values in lower bins
	from, to int // its part of the scratch memory, as far as it is filled
}

// valuesAt writes to out what sorting s would put at each of the ranks, of which
// there are mostRanks at most, in ascending order; low and high are the least and
// the greatest value, as kernel.Summary returns them. The values are counted in
// bins of equal width, and those that share a bin with a rank are collected in
// scratch, which is as long as s. It takes time linear in len(s) whatever the values
// are.
func valuesAt(out, s []float32, ranks []int, low, high float32, scratch []float32) {
	scale := (float32(min(mostBins, len(s)/4)) - 0.5) / (high - low)
	if len(s) < leastBins || !(scale > 0 && scale <= math.MaxFloat32) { // few values, equal ones, or some that are not finite
		copy(scratch, s)
		selectRanks(scratch, ranks)
		for i, r := range ranks {
			out[i] = scratch[r]
		}
		return
	}
	var bins [binned]uint8
	var count [mostBins]int32
	for part := range slices.Chunk(s, binned) {
		kernel.Bins(bins[:len(part)], part, low, scale)
		for _, b := range bins[:len(part)] {
			count[b]++
		}
	}
	var bucketOf [mostBins]uint8 // from 1 on; 0: there is no rank in the bin
	var buckets [mostRanks + 1]bucket
	layOut(&count, ranks, &bucketOf, &buckets)
	for part := range slices.Chunk(s, binned) {
		if len(s) > binned { // else the bins are still there
			kernel.Bins(bins[:len(part)], part, low, scale)
		}
		for i, bin := range bins[:len(part)] {
			if k := bucketOf[bin]; k > 0 {
				b := &buckets[k]
				scratch[b.to] = part[i]
				b.to++
			}
		}
	}
	pick(out, ranks, buckets[1:], scratch)
}

// pick finds the values at the ranks in the buckets.
func pick(out []float32, ranks []int, buckets []bucket, scratch []float32) {
	for _, b := range buckets {
		n := 0
		for n < len(ranks) && ranks[n] < b.below+b.to-b.from {
			n++
		}
		part := scratch[b.from:b.to]
		selectIn(part, ranks[:n], b.below, 2*bits.Len(uint(len(part))))
		for i, r := range ranks[:n] {
			out[i] = part[r-b.below]
		}
		ranks, out = ranks[n:], out[n:]
	}
}

// layOut gives every bin that holds a rank a bucket, one after the other.
func layOut(count *[mostBins]int32, ranks []int, bucketOf *[mostBins]uint8, buckets *[mostRanks + 1]bucket) {
	below, collected, k := 0, 0, 0
	for bin := 0; len(ranks) > 0; bin++ {
		n := int(count[bin])
		if ranks[0] < below+n {
			k++
			bucketOf[bin], buckets[k] = uint8(k), bucket{below, collected, collected}
			collected += n
			for len(ranks) > 0 && ranks[0] < below+n {
				ranks = ranks[1:]
			}
		}
		below += n
	}
}

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
