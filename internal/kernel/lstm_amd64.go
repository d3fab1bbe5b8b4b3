//go:build !noasm

package kernel

func lstmCellForward(gates, cPrev, c, tanhC, h []float32, rows, hidden int) {
	switch current {
	case avx512:
		lstmForwardAVX512(rows, hidden, &gates[0], &cPrev[0], &c[0], &tanhC[0], &h[0])
	case avx2:
		lstmForwardAVX2(rows, hidden, &gates[0], &cPrev[0], &c[0], &tanhC[0], &h[0])
	default:
		lstmCellForwardGeneric(gates, cPrev, c, tanhC, h, rows, hidden)
	}
}

func lstmCellBackward(gates, cPrev, tanhC, dh, dc []float32, rows, hidden int) {
	switch current {
	case avx512:
		lstmBackwardAVX512(rows, hidden, &gates[0], &cPrev[0], &tanhC[0], &dh[0], &dc[0])
	case avx2:
		lstmBackwardAVX2(rows, hidden, &gates[0], &cPrev[0], &tanhC[0], &dh[0], &dc[0])
	default:
		lstmCellBackwardGeneric(gates, cPrev, tanhC, dh, dc, rows, hidden)
	}
}
