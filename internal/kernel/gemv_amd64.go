//go:build !noasm

package kernel

func gemv(y, a []float32, lda int, x []float32, m, n int) {
	blocks := m / 4
	switch {
	case current == generic:
		gemvGeneric(y, a, lda, x, m, n)
		return
	case blocks == 0:
	case current == avx512:
		gemv4AVX512(blocks, n, &y[0], &a[0], wide(lda), &x[0])
	default:
		gemv4AVX2(blocks, n, &y[0], &a[0], wide(lda), &x[0])
	}
	for i := 4 * blocks; i < m; i++ {
		y[i] += dot(a[i*lda:][:n], x[:n])
	}
}
