//go:build !noasm

package kernel

func layerNorm(dst, src, gamma, beta, stats []float32, rows, n int, eps float32) {
	switch current {
	case avx512:
		layerNormAVX512(rows, n, &dst[0], &src[0], &gamma[0], &beta[0], &stats[0], 1/float32(n), eps)
	case avx2:
		layerNormAVX2(rows, n, &dst[0], &src[0], &gamma[0], &beta[0], &stats[0], 1/float32(n), eps)
	default:
		layerNormGeneric(dst, src, gamma, beta, stats, rows, n, eps)
	}
}

func layerNormBackward(dx, dgamma, dbeta, dy, x, gamma, stats []float32, rows, n int) {
	switch current {
	case avx512:
		layerNormBackwardAVX512(rows, n, &dx[0], &dgamma[0], &dbeta[0], &dy[0], &x[0], &gamma[0], &stats[0], 1/float32(n))
	case avx2:
		layerNormBackwardAVX2(rows, n, &dx[0], &dgamma[0], &dbeta[0], &dy[0], &x[0], &gamma[0], &stats[0], 1/float32(n))
	default:
		layerNormBackwardGeneric(dx, dgamma, dbeta, dy, x, gamma, stats, rows, n)
	}
}
