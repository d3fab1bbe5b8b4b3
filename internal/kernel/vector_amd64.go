//go:build !noasm

package kernel

func axpy(dst []float32, alpha float32, src []float32) {
	switch current {
	case avx512:
		axpyAVX512(len(dst), &dst[0], &src[0], alpha)
	case avx2:
		axpyAVX2(len(dst), &dst[0], &src[0], alpha)
	default:
		axpyGeneric(dst, alpha, src)
	}
}

func add(dst, a, b []float32) {
	switch current {
	case avx512:
		addAVX512(len(dst), &dst[0], &a[0], &b[0])
	case avx2:
		addAVX2(len(dst), &dst[0], &a[0], &b[0])
	default:
		addGeneric(dst, a, b)
	}
}

func mul(dst, a, b []float32) {
	switch current {
	case avx512:
		mulAVX512(len(dst), &dst[0], &a[0], &b[0])
	case avx2:
		mulAVX2(len(dst), &dst[0], &a[0], &b[0])
	default:
		mulGeneric(dst, a, b)
	}
}

func mulAdd(dst, c, a, b []float32) {
	switch current {
	case avx512:
		mulAddAVX512(len(dst), &dst[0], &c[0], &a[0], &b[0])
	case avx2:
		mulAddAVX2(len(dst), &dst[0], &c[0], &a[0], &b[0])
	default:
		mulAddGeneric(dst, c, a, b)
	}
}

func scale(dst []float32, alpha float32) {
	switch current {
	case avx512:
		scaleAVX512(len(dst), &dst[0], alpha)
	case avx2:
		scaleAVX2(len(dst), &dst[0], alpha)
	default:
		scaleGeneric(dst, alpha)
	}
}

func dot(a, b []float32) float32 {
	switch current {
	case avx512:
		return dotAVX512(len(a), &a[0], &b[0])
	case avx2:
		return dotAVX2(len(a), &a[0], &b[0])
	default:
		return dotGeneric(a, b)
	}
}

func sumSquares(a []float32) float64 {
	switch current {
	case avx512:
		return sumSquaresAVX512(len(a), &a[0])
	case avx2:
		return sumSquaresAVX2(len(a), &a[0])
	default:
		return sumSquaresGeneric(a)
	}
}
