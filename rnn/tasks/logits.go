package tasks

import (
	"math"
	"math/rand/v2"
)

// LogSoftmax turns logits into log-probabilities.
func LogSoftmax(row []float32) {
	total := float32(logSum(row))
	for i := range row {
		row[i] -= total
	}
}

// logSum is log(sum(exp(row))).
func logSum(row []float32) float64 {
	top := row[0]
	for _, v := range row {
		top = max(top, v)
	}
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v - top))
	}
	return float64(top) + math.Log(sum)
}

// sample draws an index with the given log-probabilities.
func sample(r *rand.Rand, logProbabilities []float32) int32 {
	u := r.Float64()
	for i, lp := range logProbabilities {
		if u -= math.Exp(float64(lp)); u < 0 {
			return int32(i)
		}
	}
	return int32(len(logProbabilities) - 1)
}

// argmax is the index of the greatest value, the first of equal ones.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}
