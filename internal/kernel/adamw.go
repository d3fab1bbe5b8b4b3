package kernel

import "math"

// AdamWStep holds the constants of one AdamW step, which the caller computes
// in double precision and rounds once.
type AdamWStep struct {
	// Decay is 1 - learning rate * weight decay.
	Decay float32
	// Beta1 and Beta2 are the decay rates of the two moments.
	Beta1, Beta2 float32
	// StepSize is learning rate / (1 - Beta1^t).
	StepSize float32
	// BiasCorrection2Sqrt is sqrt(1 - Beta2^t).
	BiasCorrection2Sqrt float32
	// Eps keeps the division finite.
	Eps float32
	// Factor is what gradients are multiplied by first.
	Factor float32
}

// adamWConstants is what the kernels work with, in the order of the assembly.
type adamWConstants struct {
	decay, beta1, rest1, beta2, rest2, stepSize, inverse, eps, factor float32
}

func (s AdamWStep) constants() adamWConstants {
	return adamWConstants{
		decay: s.Decay, beta1: s.Beta1, rest1: complement(s.Beta1), beta2: s.Beta2, rest2: complement(s.Beta2),
		stepSize: s.StepSize, inverse: float32(1 / float64(s.BiasCorrection2Sqrt)), eps: s.Eps, factor: s.Factor,
	}
}

// complement returns 1-b for the decimal fraction of at most seven digits
// nearest to b: 1-0.999 is 0.001, while subtracting the float32 0.999 would
// be off by 1.3e-5 of it.
func complement(b float32) float32 {
	return float32(1 - math.Round(float64(b)*1e7)/1e7)
}

// AdamW updates parameters p and moments m and v with gradient g, as PyTorch's
// AdamW with decoupled weight decay does, and zeroes g:
//
//	g *= Factor
//	p *= Decay
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g*g
//	p -= StepSize * m / (sqrt(v)/BiasCorrection2Sqrt + Eps)
//	g = 0
//
// The complements of the betas are taken exactly if those are decimal
// fractions of up to seven digits.
func AdamW(p, g, m, v []float32, s AdamWStep) {
	checkEqual("AdamW: g", len(p), len(g))
	checkEqual("AdamW: m", len(p), len(m))
	checkEqual("AdamW: v", len(p), len(v))
	if len(p) > 0 {
		c := s.constants()
		adamW(p, g, m, v, &c)
	}
}
