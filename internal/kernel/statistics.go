package kernel

// Summary returns the sum of a, which is not empty, in double precision and in an
// unspecified order, and its least and greatest value. Where the sum is not a
// number, as it is if one of a is none, neither are these.
func Summary(a []float32) (sum float64, low, high float32) {
	if len(a) == 0 {
		panic("kernel: Summary: no values")
	}
	sum, low, high = summary(a)
	if sum != sum { // comparisons may have passed over what is not a number
		low, high = float32(sum), float32(sum)
	}
	return sum, low, high
}

// SquaredDeviations returns the sum of (a[i]-mean)², in double precision and in an
// unspecified order.
func SquaredDeviations(a []float32, mean float64) float64 { return squaredDeviations(a, mean) }

// Bins computes dst[i] = (a[i]-low) * scale without its fraction. That must be
// within 0 and 255.
func Bins(dst []uint8, a []float32, low, scale float32) {
	checkEqual("Bins", len(dst), len(a))
	bins(dst, a, low, scale)
}
