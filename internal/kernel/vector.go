package kernel

// Axpy computes dst[i] += alpha * src[i].
func Axpy(dst []float32, alpha float32, src []float32) {
	checkEqual("Axpy", len(dst), len(src))
	if len(dst) > 0 {
		axpy(dst, alpha, src)
	}
}

// Add computes dst[i] = a[i] + b[i].
func Add(dst, a, b []float32) {
	checkEqual("Add", len(dst), len(a))
	checkEqual("Add", len(dst), len(b))
	if len(dst) > 0 {
		add(dst, a, b)
	}
}

// Mul computes dst[i] = a[i] * b[i].
func Mul(dst, a, b []float32) {
	checkEqual("Mul", len(dst), len(a))
	checkEqual("Mul", len(dst), len(b))
	if len(dst) > 0 {
		mul(dst, a, b)
	}
}

// MulAdd computes dst[i] = c[i] + a[i] * b[i]; c may be dst.
func MulAdd(dst, c, a, b []float32) {
	checkEqual("MulAdd", len(dst), len(c))
	checkEqual("MulAdd", len(dst), len(a))
	checkEqual("MulAdd", len(dst), len(b))
	if len(dst) > 0 {
		mulAdd(dst, c, a, b)
	}
}

// Scale computes dst[i] *= alpha.
func Scale(dst []float32, alpha float32) {
	if len(dst) > 0 {
		scale(dst, alpha)
	}
}

// Dot returns the sum of a[i] * b[i], in an unspecified order.
func Dot(a, b []float32) float32 {
	checkEqual("Dot", len(a), len(b))
	if len(a) == 0 {
		return 0
	}
	return dot(a, b)
}

// SumSquares returns the sum of a[i] * a[i] in double precision, in an
// unspecified order.
func SumSquares(a []float32) float64 {
	if len(a) == 0 {
		return 0
	}
	return sumSquares(a)
}
