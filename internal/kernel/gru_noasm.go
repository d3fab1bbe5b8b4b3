//go:build !amd64 || noasm

package kernel

func gruCellForward(gx, gh, hPrev, h []float32, rows, hidden int) {
	gruCellForwardGeneric(gx, gh, hPrev, h, rows, hidden)
}

func gruCellBackward(gx, gh, hPrev, dh, dhPrev []float32, rows, hidden int) {
	gruCellBackwardGeneric(gx, gh, hPrev, dh, dhPrev, rows, hidden)
}
