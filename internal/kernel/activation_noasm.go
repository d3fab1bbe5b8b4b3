//go:build !amd64 || noasm

package kernel

func sigmoids(dst, src []float32) {
	sigmoidsGeneric(dst, src)
}

func tanhs(dst, src []float32) {
	tanhsGeneric(dst, src)
}

func exps(dst, src []float32) {
	expsGeneric(dst, src)
}

func softmax(dst, src []float32, rows, n int) {
	softmaxGeneric(dst, src, rows, n)
}
