//go:build !amd64 || noasm

package kernel

func axpy(dst []float32, alpha float32, src []float32) {
	axpyGeneric(dst, alpha, src)
}

func add(dst, a, b []float32) {
	addGeneric(dst, a, b)
}

func mul(dst, a, b []float32) {
	mulGeneric(dst, a, b)
}

func scale(dst []float32, alpha float32) {
	scaleGeneric(dst, alpha)
}

func dot(a, b []float32) float32 {
	return dotGeneric(a, b)
}

func sumSquares(a []float32) float64 {
	return sumSquaresGeneric(a)
}

func mulAdd(dst, c, a, b []float32) {
	mulAddGeneric(dst, c, a, b)
}
