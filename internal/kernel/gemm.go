package kernel

// Gemm computes C = A·B, or C += A·B if accumulate is set, for C of m×n, A of
// m×k and B of k×n:
//
//	for i := range m {
//		for j := range n {
//			sum := 0 (or c[i*ldc+j])
//			for p := range k {
//				sum += a[i*rsa+p*csa] * b[p*ldb+j]
//			}
//			c[i*ldc+j] = sum
//		}
//	}
//
// The order of the sums over p is unspecified. The two strides of A give the
// plain product (rsa = lda, csa = 1) and
// the one with A transposed (rsa = 1, csa = lda). C must not overlap A or B.
func Gemm(c []float32, ldc int, a []float32, rsa, csa int, b []float32, ldb int, m, n, k int, accumulate bool) {
	checkDestination("Gemm: C", c, ldc, m, n)
	if m == 0 || n == 0 {
		return
	}
	checkMatrix("Gemm: B", b, ldb, k, n)
	if rsa < 0 || csa < 0 || k > 0 && (m-1)*rsa+(k-1)*csa >= len(a) {
		panic("kernel: Gemm: A: slice too short")
	}
	if k == 0 {
		if !accumulate {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	gemm(c, ldc, a, rsa, csa, b, ldb, m, n, k, accumulate)
}
