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
