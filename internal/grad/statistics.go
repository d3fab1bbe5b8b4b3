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
	slices.Sort(s)
	dst[0], dst[1] = float32(mean), float32(math.Sqrt(squares/float64(len(s))))
	for q := range 5 {
		at := float64(q) / 4 * float64(len(s)-1)
		low := int(at)
		high := min(low+1, len(s)-1)
		dst[2+q] = s[low] + float32(at-float64(low))*(s[high]-s[low])
	}
}
