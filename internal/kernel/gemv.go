package kernel

// Gemv adds the product of the m×n matrix A and the vector x to y:
//
//	for i := range m {
//		for j := range n {
//			y[i] += a[i*lda+j] * x[j]
//		}
//	}
func Gemv(y, a []float32, lda int, x []float32, m, n int) {
	checkMatrix("Gemv: A", a, lda, m, n)
	checkLen("Gemv: y", y, m)
	checkLen("Gemv: x", x, n)
	if m > 0 && n > 0 {
		gemv(y, a, lda, x, m, n)
	}
}

// GemvT adds the product of the transpose of the m×n matrix A and the vector
// x to y:
//
//	for i := range m {
//		for j := range n {
//			y[j] += a[i*lda+j] * x[i]
//		}
//	}
func GemvT(y, a []float32, lda int, x []float32, m, n int) {
	checkMatrix("GemvT: A", a, lda, m, n)
	checkLen("GemvT: y", y, n)
	checkLen("GemvT: x", x, m)
	if m > 0 && n > 0 {
		p := product{c: y, init: y, a: x, b: a, ldc: n, ldi: n, csa: 1, ldb: lda, m: 1, n: n, k: m}
		p.compute()
	}
}
