package kernel

func axpyGeneric(dst []float32, alpha float32, src []float32) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] += alpha * x
	}
}

func addGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func mulGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func mulAddGeneric(dst, c, a, b []float32) {
	c, a, b = c[:len(dst)], a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = c[i] + a[i]*b[i]
	}
}

func scaleGeneric(dst []float32, alpha float32) {
	for i := range dst {
		dst[i] *= alpha
	}
}

func dotGeneric(a, b []float32) float32 {
	b = b[:len(a)]
	var sum float32
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

func sumSquaresGeneric(a []float32) float64 {
	var sum float64
	for _, x := range a {
		sum += float64(x) * float64(x)
	}
	return sum
}
