package kernel

func gemvGeneric(y, a []float32, lda int, x []float32, m, n int) {
	for i := range m {
		y[i] += dotGeneric(a[i*lda:][:n], x[:n])
	}
}
