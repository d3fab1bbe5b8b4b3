package kernel

func summaryGeneric(a []float32) (sum float64, low, high float32) {
	low, high = a[0], a[0]
	for _, v := range a {
		sum += float64(v)
		low, high = min(low, v), max(high, v)
	}
	return sum, low, high
}

func squaredDeviationsGeneric(a []float32, mean float64) (sum float64) {
	for _, v := range a {
		d := float64(v) - mean
		sum += d * d
	}
	return sum
}

func binsGeneric(dst []uint8, a []float32, low, scale float32) {
	dst = dst[:len(a)]
	for i, v := range a {
		dst[i] = uint8(int32((v - low) * scale))
	}
}
