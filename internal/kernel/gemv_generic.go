package kernel

func gemvGeneric(y, a []float32, lda int, x []float32, m, n int) {
	for i := range m {
		y[i] += dotGeneric(a[i*lda:][:n], x[:n])
	}
}

func gemvTGeneric(y, a []float32, lda int, x []float32, m, n int) {
	for i := range m {
		axpyGeneric(y[:n], x[i], a[i*lda:][:n])
	}
}
