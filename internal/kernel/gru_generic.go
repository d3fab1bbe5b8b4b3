package kernel

func gruCellForwardGeneric(gx, gh, hPrev, h []float32, rows, hidden int) {
	for row := range rows {
		x := gx[3*row*hidden:][:3*hidden]
		y := gh[3*row*hidden:][:3*hidden]
		for j := range hidden {
			r := sigmoid(x[j] + y[j])
			z := sigmoid(x[hidden+j] + y[hidden+j])
			n := tanh(x[2*hidden+j] + r*y[2*hidden+j])
			x[j], x[hidden+j], x[2*hidden+j] = r, z, n
			at := row*hidden + j
			h[at] = n + z*(hPrev[at]-n)
		}
	}
}

func gruCellBackwardGeneric(gx, gh, hPrev, dh, dhPrev []float32, rows, hidden int) {
	for row := range rows {
		x := gx[3*row*hidden:][:3*hidden]
		y := gh[3*row*hidden:][:3*hidden]
		for j := range hidden {
			r, z, n := x[j], x[hidden+j], x[2*hidden+j]
			at := row*hidden + j
			d := dh[at]
			dn := d * (1 - z) * (1 - n*n)
			dz := d * (hPrev[at] - n) * (z - z*z)
			dr := dn * y[2*hidden+j] * (r - r*r)
			dhPrev[at] += z * d
			x[j], x[hidden+j], x[2*hidden+j] = dr, dz, dn
			y[j], y[hidden+j], y[2*hidden+j] = dr, dz, r*dn
		}
	}
}
