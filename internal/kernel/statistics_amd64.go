//go:build !noasm

package kernel

// These do whole blocks with AVX2, wherever there is that or more, and the rest in
// Go.

func summary(a []float32) (sum float64, low, high float32) {
	whole := len(a) &^ 7
	if current == generic || whole == 0 {
		return summaryGeneric(a)
	}
	var sums [8]float64
	var lows, highs [8]float32
	summary8(whole, &a[0], &sums[0], &lows[0], &highs[0])
	low, high = lows[0], highs[0]
	for i := range sums {
		sum += sums[i]
		low, high = min(low, lows[i]), max(high, highs[i])
	}
	for _, v := range a[whole:] {
		sum += float64(v)
		low, high = min(low, v), max(high, v)
	}
	return sum, low, high
}

func squaredDeviations(a []float32, mean float64) (sum float64) {
	whole := len(a) &^ 7
	if current == generic || whole == 0 {
		return squaredDeviationsGeneric(a, mean)
	}
	var sums [8]float64
	squaredDeviations8(whole, &a[0], mean, &sums[0])
	for _, s := range sums {
		sum += s
	}
	return sum + squaredDeviationsGeneric(a[whole:], mean)
}

func bins(dst []uint8, a []float32, low, scale float32) {
	if whole := len(a) &^ 31; current != generic && whole > 0 {
		bins32(whole, &dst[0], &a[0], low, scale)
		dst, a = dst[whole:], a[whole:]
	}
	binsGeneric(dst, a, low, scale)
}
