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

func relus(dst, src []float32) { relusGeneric(dst, src) }

func relusBackward(dx, y, dy []float32) { relusBackwardGeneric(dx, y, dy) }

func gelus(dst, src []float32) { gelusGeneric(dst, src) }

func gelusBackward(dx, x, dy []float32) { gelusBackwardGeneric(dx, x, dy) }

func softmax(dst, src []float32, rows, n int) {
	softmaxGeneric(dst, src, rows, n)
}
