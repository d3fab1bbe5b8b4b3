package kernel

// LSTMCellForward turns pre-activations into activations and advances the
// state of rows LSTM cells of width hidden. A row of gates is [4*hidden] in
// PyTorch's order i|f|g|o, biases included; all other rows are [hidden]:
//
//	i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o) // in gates
//	c = f*cPrev + i*g
//	tanhC = tanh(c)
//	h = o*tanhC
//
// c may be cPrev.
func LSTMCellForward(gates, cPrev, c, tanhC, h []float32, rows, hidden int) {
	if rows <= 0 || hidden <= 0 {
		checkSizes("LSTMCellForward", rows, hidden)
		return
	}
	n := rows * hidden
	checkLen("LSTMCellForward: gates", gates, 4*n)
	checkLen("LSTMCellForward: cPrev", cPrev, n)
	checkLen("LSTMCellForward: c", c, n)
	checkLen("LSTMCellForward: tanhC", tanhC, n)
	checkLen("LSTMCellForward: h", h, n)
	lstmCellForward(gates, cPrev, c, tanhC, h, rows, hidden)
}

// LSTMCellBackward is the gradient of LSTMCellForward. gates holds the
// activations on entry and the gradient of the pre-activations on return; dh
// is the gradient of h; dc is the gradient that reached c from the later step
// on entry and the gradient of cPrev on return:
//
//	dc += dh * o * (1-tanhC*tanhC)
//	do = dh * tanhC * o*(1-o)
//	di = dc * g * i*(1-i)
//	dg = dc * i * (1-g*g)
//	df = dc * cPrev * f*(1-f)
//	dc *= f
func LSTMCellBackward(gates, cPrev, tanhC, dh, dc []float32, rows, hidden int) {
	if rows <= 0 || hidden <= 0 {
		checkSizes("LSTMCellBackward", rows, hidden)
		return
	}
	n := rows * hidden
	checkLen("LSTMCellBackward: gates", gates, 4*n)
	checkLen("LSTMCellBackward: cPrev", cPrev, n)
	checkLen("LSTMCellBackward: tanhC", tanhC, n)
	checkLen("LSTMCellBackward: dh", dh, n)
	checkLen("LSTMCellBackward: dc", dc, n)
	lstmCellBackward(gates, cPrev, tanhC, dh, dc, rows, hidden)
}

// checkSizes panics if a size is negative.
func checkSizes(what string, sizes ...int) {
	for _, n := range sizes {
		if n < 0 {
			panic("kernel: " + what + ": negative size")
		}
	}
}
