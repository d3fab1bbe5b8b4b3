package kernel

func lstmCellForwardGeneric(gates, cPrev, c, tanhC, h []float32, rows, hidden int) {
	for r := range rows {
		gate := gates[4*r*hidden:][:4*hidden]
		for j := range hidden {
			i := sigmoid(gate[j])
			f := sigmoid(gate[hidden+j])
			g := tanh(gate[2*hidden+j])
			o := sigmoid(gate[3*hidden+j])
			gate[j], gate[hidden+j], gate[2*hidden+j], gate[3*hidden+j] = i, f, g, o
			at := r*hidden + j
			state := f*cPrev[at] + i*g
			c[at] = state
			tanhC[at] = tanh(state)
			h[at] = o * tanhC[at]
		}
	}
}

func lstmCellBackwardGeneric(gates, cPrev, tanhC, dh, dc []float32, rows, hidden int) {
	for r := range rows {
		gate := gates[4*r*hidden:][:4*hidden]
		for j := range hidden {
			i, f, g, o := gate[j], gate[hidden+j], gate[2*hidden+j], gate[3*hidden+j]
			at := r*hidden + j
			t := tanhC[at]
			d := dc[at] + dh[at]*o*(1-t*t)
			gate[j] = d * g * (i - i*i)
			gate[hidden+j] = d * cPrev[at] * (f - f*f)
			gate[2*hidden+j] = d * i * (1 - g*g)
			gate[3*hidden+j] = dh[at] * t * (o - o*o)
			dc[at] = d * f
		}
	}
}
