//go:build !noasm

package kernel

func sigmoids(dst, src []float32) {
	switch current {
	case avx512:
		sigmoidsAVX512(len(dst), &dst[0], &src[0])
	case avx2:
		sigmoidsAVX2(len(dst), &dst[0], &src[0])
	default:
		sigmoidsGeneric(dst, src)
	}
}

func tanhs(dst, src []float32) {
	switch current {
	case avx512:
		tanhsAVX512(len(dst), &dst[0], &src[0])
	case avx2:
		tanhsAVX2(len(dst), &dst[0], &src[0])
	default:
		tanhsGeneric(dst, src)
	}
}

func exps(dst, src []float32) {
	switch current {
	case avx512:
		expsAVX512(len(dst), &dst[0], &src[0])
	case avx2:
		expsAVX2(len(dst), &dst[0], &src[0])
	default:
		expsGeneric(dst, src)
	}
}

func relus(dst, src []float32) {
	switch current {
	case avx512:
		relusAVX512(len(dst), &dst[0], &src[0])
	case avx2:
		relusAVX2(len(dst), &dst[0], &src[0])
	default:
		relusGeneric(dst, src)
	}
}

func relusBackward(dx, y, dy []float32) {
	switch current {
	case avx512:
		relusBackwardAVX512(len(dx), &dx[0], &y[0], &dy[0])
	case avx2:
		relusBackwardAVX2(len(dx), &dx[0], &y[0], &dy[0])
	default:
		relusBackwardGeneric(dx, y, dy)
	}
}

func gelus(dst, src []float32) {
	switch current {
	case avx512:
		gelusAVX512(len(dst), &dst[0], &src[0])
	case avx2:
		gelusAVX2(len(dst), &dst[0], &src[0])
	default:
		gelusGeneric(dst, src)
	}
}

func gelusBackward(dx, x, dy []float32) {
	switch current {
	case avx512:
		gelusBackwardAVX512(len(dx), &dx[0], &x[0], &dy[0])
	case avx2:
		gelusBackwardAVX2(len(dx), &dx[0], &x[0], &dy[0])
	default:
		gelusBackwardGeneric(dx, x, dy)
	}
}

func softmax(dst, src []float32, rows, n int) {
	switch current {
	case avx512:
		softmaxRowsAVX512(rows, n, &dst[0], &src[0])
	case avx2:
		softmaxRowsAVX2(rows, n, &dst[0], &src[0])
	default:
		softmaxGeneric(dst, src, rows, n)
	}
}
