//go:build !noasm

package kernel

func gruCellForward(gx, gh, hPrev, h []float32, rows, hidden int) {
	switch current {
	case avx512:
		gruForwardAVX512(rows, hidden, &gx[0], &gh[0], &hPrev[0], &h[0])
	case avx2:
		gruForwardAVX2(rows, hidden, &gx[0], &gh[0], &hPrev[0], &h[0])
	default:
		gruCellForwardGeneric(gx, gh, hPrev, h, rows, hidden)
	}
}

func gruCellBackward(gx, gh, hPrev, dh, dhPrev []float32, rows, hidden int) {
	switch current {
	case avx512:
		gruBackwardAVX512(rows, hidden, &gx[0], &gh[0], &hPrev[0], &dh[0], &dhPrev[0])
	case avx2:
		gruBackwardAVX2(rows, hidden, &gx[0], &gh[0], &hPrev[0], &dh[0], &dhPrev[0])
	default:
		gruCellBackwardGeneric(gx, gh, hPrev, dh, dhPrev, rows, hidden)
	}
}
