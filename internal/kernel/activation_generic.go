package kernel

import "math"

// Coefficients of the rational approximation of tanh that Eigen uses: an odd
// polynomial of degree 13 over an even one of degree 6, on [-tanhClamp,
// tanhClamp]. The assembly uses the same numbers.
const (
	tanhClamp = 7.90531110763549805
	tanhP1    = 4.89352455891786e-03
	tanhP3    = 6.37261928875436e-04
	tanhP5    = 1.48572235717979e-05
	tanhP7    = 5.12229709037114e-08
	tanhP9    = -8.60467152213735e-11
	tanhP11   = 2.00018790482477e-13
	tanhP13   = -2.76076847742355e-16
	tanhQ0    = 4.89352518554385e-03
	tanhQ2    = 2.26843463243900e-03
	tanhQ4    = 1.18534705686654e-04
	tanhQ6    = 1.19825839466702e-06
)

func tanh(x float32) float32 {
	if x > tanhClamp {
		x = tanhClamp
	}
	if x < -tanhClamp {
		x = -tanhClamp
	}
	s := x * x
	p := s*tanhP13 + tanhP11
	p = s*p + tanhP9
	p = s*p + tanhP7
	p = s*p + tanhP5
	p = s*p + tanhP3
	p = s*p + tanhP1
	q := s*tanhQ6 + tanhQ4
	q = s*q + tanhQ2
	q = s*q + tanhQ0
	return x * p / q
}

func sigmoid(x float32) float32 { return 0.5 + 0.5*tanh(0.5*x) }

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func sigmoidsGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = sigmoid(x)
	}
}

func tanhsGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = tanh(x)
	}
}

func expsGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = exp(x)
	}
}

func relusGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = max(x, 0)
	}
}

func relusBackwardGeneric(dx, y, dy []float32) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}

const (
	geluLinear = 0.7978845608028654 // sqrt(2/pi)
	geluCubic  = geluLinear * 0.044715
	geluLimit  = 5 // beyond it the slope is that of a straight line
)

func gelusGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = 0.5 * x * (1 + tanh(x*(geluLinear+geluCubic*x*x)))
	}
}

func gelusBackwardGeneric(dx, x, dy []float32) {
	for i, x := range x {
		t := tanh(x * (geluLinear + geluCubic*x*x))
		x = min(max(x, -geluLimit), geluLimit)
		dx[i] = dy[i] * 0.5 * (1 + t + x*(1-t*t)*(geluLinear+3*geluCubic*x*x))
	}
}

func softmaxGeneric(dst, src []float32, rows, n int) {
	for i := range rows {
		from, to := src[i*n:][:n], dst[i*n:][:n]
		top := from[0]
		for _, x := range from {
			top = max(top, x)
		}
		var sum float32
		for j, x := range from {
			to[j] = exp(x - top)
			sum += to[j]
		}
		scaleGeneric(to, 1/sum)
	}
}
