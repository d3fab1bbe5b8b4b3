package kernel

// LayerNorm brings each of the rows rows of n elements to mean 0 and variance 1
// and applies a scale gamma and a shift beta, both [n]. stats, [2*rows], keeps
// the mean and the inverse standard deviation of each row:
//
//	mean, variance := those of the row (population)
//	inverse := 1 / sqrt(variance+eps)
//	dst[i*n+j] = (src[i*n+j]-mean)*inverse*gamma[j] + beta[j]
func LayerNorm(dst, src, gamma, beta, stats []float32, rows, n int, eps float32) {
	if rows <= 0 || n <= 0 {
		checkSizes("LayerNorm", rows, n)
		return
	}
	checkLen("LayerNorm: dst", dst, rows*n)
	checkLen("LayerNorm: src", src, rows*n)
	checkLen("LayerNorm: gamma", gamma, n)
	checkLen("LayerNorm: beta", beta, n)
	checkLen("LayerNorm: stats", stats, 2*rows)
	layerNorm(dst, src, gamma, beta, stats, rows, n, eps)
}

// LayerNormBackward is the gradient of LayerNorm, given dy and what LayerNorm
// left in stats. It adds to the gradients of gamma and beta:
//
//	y := (x-mean)*inverse
//	dgamma[j] += dy*y
//	dbeta[j] += dy
//	g := dy*gamma[j]
//	dx = inverse * (g - mean of g over the row - y * mean of g*y over the row)
func LayerNormBackward(dx, dgamma, dbeta, dy, x, gamma, stats []float32, rows, n int) {
	if rows <= 0 || n <= 0 {
		checkSizes("LayerNormBackward", rows, n)
		return
	}
	checkLen("LayerNormBackward: dx", dx, rows*n)
	checkLen("LayerNormBackward: dgamma", dgamma, n)
	checkLen("LayerNormBackward: dbeta", dbeta, n)
	checkLen("LayerNormBackward: dy", dy, rows*n)
	checkLen("LayerNormBackward: x", x, rows*n)
	checkLen("LayerNormBackward: gamma", gamma, n)
	checkLen("LayerNormBackward: stats", stats, 2*rows)
	layerNormBackward(dx, dgamma, dbeta, dy, x, gamma, stats, rows, n)
}
