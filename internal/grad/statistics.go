package grad

import (
	"math"
	"slices"
)

// StatisticsCount is how many numbers Statistics gives per row.
const StatisticsCount = 7

// Statistics gives seven numbers of each row: mean, standard deviation
// (population), minimum, quartiles 1 to 3 and maximum; quantiles interpolate
// linearly, as numpy.quantile does (Unterthiner et al., 2020). No gradient
// flows through it.
func Statistics(x Var) Var {
	r, v := x.t.compute(OpStatistics, x.Rows(), StatisticsCount, x)
	r.needs = false
	n := x.Cols()
	scratch := x.t.arena.Take(n)
	for i := range r.rows {
		copy(scratch, x.Value()[i*n:(i+1)*n])
		rowStatistics(r.value[i*StatisticsCount:(i+1)*StatisticsCount], scratch)
	}
	return v
}

// rowStatistics writes the seven numbers of s, which it reorders.
func rowStatistics(dst, s []float32) {
	var sum, squares float64
	for _, v := range s {
		sum += float64(v)
	}
	mean := sum / float64(len(s))
	for _, v := range s {
		d := float64(v) - mean
		squares += d * d
	}
	var ranks [10]int
	selectRanks(s, quartileRanks(ranks[:0], len(s)))
	dst[0], dst[1] = float32(mean), float32(math.Sqrt(squares/float64(len(s))))
	for q := range 5 {
		low, high, share := quartile(q, len(s))
		dst[2+q] = s[low] + share*(s[high]-s[low])
	}
}

// quartile returns the ranks among n values that quartile q lies between, and
// how far on the way from one to the other.
func quartile(q, n int) (low, high int, share float32) {
	at := float64(q) / 4 * float64(n-1)
	low = int(at)
	return low, min(low+1, n-1), float32(at - float64(low))
}

// quartileRanks appends all ranks that quartile returns, in ascending order.
func quartileRanks(ranks []int, n int) []int {
	for q := range 5 {
		low, high, _ := quartile(q, n)
		ranks = append(ranks, low, high)
	}
	slices.Sort(ranks)
	return ranks
}
