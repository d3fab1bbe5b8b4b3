//go:build !amd64 || noasm

package kernel

func gemm(c []float32, ldc int, a []float32, rsa, csa int, b []float32, ldb int, m, n, k int, accumulate bool) {
	gemmGeneric(c, ldc, a, rsa, csa, b, ldb, m, n, k, accumulate)
}
