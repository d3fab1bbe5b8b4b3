//go:build !amd64 || noasm

package kernel

func adamW(p, g, m, v []float32, c *adamWConstants) {
	adamWGeneric(p, g, m, v, c)
}
