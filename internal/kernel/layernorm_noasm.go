//go:build !amd64 || noasm

package kernel

func layerNorm(dst, src, gamma, beta, stats []float32, rows, n int, eps float32) {
	layerNormGeneric(dst, src, gamma, beta, stats, rows, n, eps)
}

func layerNormBackward(dx, dgamma, dbeta, dy, x, gamma, stats []float32, rows, n int) {
	layerNormBackwardGeneric(dx, dgamma, dbeta, dy, x, gamma, stats, rows, n)
}
