package kernel

import "math"

func layerNormGeneric(dst, src, gamma, beta, stats []float32, rows, n int, eps float32) {
	for i := range rows {
		from, to := src[i*n:][:n], dst[i*n:][:n]
		var sum, squares float32
		for _, x := range from {
			sum += x
		}
		mean := sum / float32(n)
		for _, x := range from {
			squares += (x - mean) * (x - mean)
		}
		inverse := float32(1 / math.Sqrt(float64(squares/float32(n)+eps)))
		stats[2*i], stats[2*i+1] = mean, inverse
		for j, x := range from {
			to[j] = (x-mean)*inverse*gamma[j] + beta[j]
		}
	}
}

func layerNormBackwardGeneric(dx, dgamma, dbeta, dy, x, gamma, stats []float32, rows, n int) {
	for i := range rows {
		mean, inverse := stats[2*i], stats[2*i+1]
		var sum, dot float32
		for j := range n {
			d, y := dy[i*n+j], (x[i*n+j]-mean)*inverse
			dgamma[j] += d * y
			dbeta[j] += d
			sum += d * gamma[j]
			dot += d * gamma[j] * y
		}
		sum /= float32(n)
		dot /= float32(n)
		for j := range n {
			y := (x[i*n+j] - mean) * inverse
			dx[i*n+j] = inverse * (dy[i*n+j]*gamma[j] - sum - y*dot)
		}
	}
}
