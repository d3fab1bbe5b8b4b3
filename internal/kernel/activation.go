package kernel

// Sigmoid writes 1/(1+exp(-x)) of every element of src to dst, with an
// absolute error of at most 2e-7. NaN stays NaN.
func Sigmoid(dst, src []float32) {
	checkEqual("Sigmoid", len(dst), len(src))
	if len(src) > 0 {
		sigmoids(dst, src)
	}
}

// Tanh writes the hyperbolic tangent of every element of src to dst, with a
// relative error of at most 1e-6. NaN stays NaN.
func Tanh(dst, src []float32) {
	checkEqual("Tanh", len(dst), len(src))
	if len(src) > 0 {
		tanhs(dst, src)
	}
}

// Exp writes the exponential of every element of src to dst, with a relative
// error of at most 1e-6 among normal numbers. It is +Inf above about 88.7 and
// 0 below about -104; NaN stays NaN.
func Exp(dst, src []float32) {
	checkEqual("Exp", len(dst), len(src))
	if len(src) > 0 {
		exps(dst, src)
	}
}

// Relu writes max(x, 0) of every element of src to dst. NaN stays NaN.
func Relu(dst, src []float32) {
	checkEqual("Relu", len(dst), len(src))
	if len(src) > 0 {
		relus(dst, src)
	}
}

// ReluBackward is the gradient of Relu: dx[i] = dy[i] where y[i] > 0, else 0.
func ReluBackward(dx, y, dy []float32) {
	checkEqual("ReluBackward: y", len(dx), len(y))
	checkEqual("ReluBackward: dy", len(dx), len(dy))
	if len(dx) > 0 {
		relusBackward(dx, y, dy)
	}
}

// Gelu writes 0.5*x*(1+tanh(sqrt(2/pi)*(x+0.044715*x*x*x))) of every element of
// src to dst: the tanh form of GELU (Hendrycks and Gimpel, 2016).
func Gelu(dst, src []float32) {
	checkEqual("Gelu", len(dst), len(src))
	if len(src) > 0 {
		gelus(dst, src)
	}
}

// GeluBackward is the gradient of Gelu: dx[i] = dy[i] * slope at x[i].
func GeluBackward(dx, x, dy []float32) {
	checkEqual("GeluBackward: x", len(dx), len(x))
	checkEqual("GeluBackward: dy", len(dx), len(dy))
	if len(dx) > 0 {
		gelusBackward(dx, x, dy)
	}
}

// Softmax writes the softmax of each of the rows rows of n elements of src to
// dst, which may be src:
//
//	for i := range rows {
//		max := the greatest element of the row
//		dst[i*n+j] = exp(src[i*n+j]-max) / sum over j of exp(src[i*n+j]-max)
//	}
func Softmax(dst, src []float32, rows, n int) {
	if rows <= 0 || n <= 0 {
		checkSizes("Softmax", rows, n)
		return
	}
	checkLen("Softmax: dst", dst, rows*n)
	checkLen("Softmax: src", src, rows*n)
	softmax(dst, src, rows, n)
}
