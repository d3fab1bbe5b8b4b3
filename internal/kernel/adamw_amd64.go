//go:build !noasm

package kernel

func adamW(p, g, m, v []float32, c *adamWConstants) {
	switch current {
	case avx512:
		adamWAVX512(len(p), &p[0], &g[0], &m[0], &v[0], &c.decay)
	case avx2:
		adamWAVX2(len(p), &p[0], &g[0], &m[0], &v[0], &c.decay)
	default:
		adamWGeneric(p, g, m, v, c)
	}
}
