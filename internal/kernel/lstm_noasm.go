//go:build !amd64 || noasm

package kernel

func lstmCellForward(gates, cPrev, c, tanhC, h []float32, rows, hidden int) {
	lstmCellForwardGeneric(gates, cPrev, c, tanhC, h, rows, hidden)
}

func lstmCellBackward(gates, cPrev, tanhC, dh, dc []float32, rows, hidden int) {
	lstmCellBackwardGeneric(gates, cPrev, tanhC, dh, dc, rows, hidden)
}
