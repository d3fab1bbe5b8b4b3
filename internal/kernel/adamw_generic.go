package kernel

import "math"

func adamWGeneric(p, g, m, v []float32, c *adamWConstants) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i, x := range g {
		x *= c.factor
		m[i] = c.beta1*m[i] + c.rest1*x
		v[i] = c.beta2*v[i] + c.rest2*x*x
		root := float32(math.Sqrt(float64(v[i])))
		g[i] = 0
		p[i] = c.decay*p[i] - c.stepSize*m[i]/(root*c.inverse+c.eps)
	}
}
