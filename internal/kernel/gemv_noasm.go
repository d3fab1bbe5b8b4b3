//go:build !amd64 || noasm

package kernel

func gemv(y, a []float32, lda int, x []float32, m, n int) {
	gemvGeneric(y, a, lda, x, m, n)
}
