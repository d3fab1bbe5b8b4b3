package grad

import (
	"math"
	"slices"

	"rnnrep/internal/kernel"
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
	mark := x.t.arena.Mark()
	scratch := x.t.arena.Take(n)
	var ranks [mostRanks]int
	quartileRanks(ranks[:0], n)
	for i := range r.rows {
		rowStatistics(r.value[i*StatisticsCount:(i+1)*StatisticsCount], x.Value()[i*n:(i+1)*n], ranks[:], scratch)
	}
	x.t.arena.Release(mark)
	return v
}

// rowStatistics writes the seven numbers of s, of whose length the ranks are;
// scratch is as long.
func rowStatistics(dst, s []float32, ranks []int, scratch []float32) {
	sum, low, high := kernel.Summary(s)
	n := float64(len(s))
	mean := sum / n
	dst[0], dst[1] = float32(mean), float32(math.Sqrt(kernel.SquaredDeviations(s, mean)/n))
	var values [mostRanks]float32
	valuesAt(values[:], s, ranks, low, high, scratch)
	at := func(rank int) float32 { return values[slices.Index(ranks, rank)] }
	for q := range 5 {
		below, above, share := quartile(q, len(s))
		dst[2+q] = at(below) + share*(at(above)-at(below))
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
