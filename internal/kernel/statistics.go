package kernel

// Summary returns the sum of a, which is not empty, in double precision and in an
// unspecified order, and its least and greatest value. Where a value is not a
// number, the sum is none either, and the extremes are any.
func Summary(a []float32) (sum float64, low, high float32) {
	if len(a) == 0 {
		panic("kernel: Summary: no values")
	}
	return summary(a)
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
