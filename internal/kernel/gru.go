package kernel

// GRUCellForward advances rows GRU cells of width hidden. Rows of gx and gh
// are [3*hidden] in PyTorch's order r|z|n: gx holds x·Wihᵀ+bih on entry and
// the activations on return, gh holds h·Whhᵀ+bhh and is kept:
//
//	r, z = sigmoid(gxR+ghR), sigmoid(gxZ+ghZ) // in gx
//	n = tanh(gxN + r*ghN)                     // in gx
//	h = (1-z)*n + z*hPrev
//
// h may be hPrev.
func GRUCellForward(gx, gh, hPrev, h []float32, rows, hidden int) {
	if rows <= 0 || hidden <= 0 {
		checkSizes("GRUCellForward", rows, hidden)
		return
	}
	n := rows * hidden
	checkLen("GRUCellForward: gx", gx, 3*n)
	checkLen("GRUCellForward: gh", gh, 3*n)
	checkLen("GRUCellForward: hPrev", hPrev, n)
	checkLen("GRUCellForward: h", h, n)
	gruCellForward(gx, gh, hPrev, h, rows, hidden)
}

// GRUCellBackward is the gradient of GRUCellForward for dh, the gradient of
// h. gx holds the activations and gh its forward values on entry; both hold
// their gradients on return. dhPrev receives the direct path only, the one
// through gh being the caller's product:
//
//	dn = dh * (1-z) * (1-n*n)
//	dz = dh * (hPrev-n) * z*(1-z)
//	dr = dn * ghN * r*(1-r)
//	dhPrev += z * dh
//	gx, gh = (dr, dz, dn), (dr, dz, r*dn)
func GRUCellBackward(gx, gh, hPrev, dh, dhPrev []float32, rows, hidden int) {
	if rows <= 0 || hidden <= 0 {
		checkSizes("GRUCellBackward", rows, hidden)
		return
	}
	n := rows * hidden
	checkLen("GRUCellBackward: gx", gx, 3*n)
	checkLen("GRUCellBackward: gh", gh, 3*n)
	checkLen("GRUCellBackward: hPrev", hPrev, n)
	checkLen("GRUCellBackward: dh", dh, n)
	checkLen("GRUCellBackward: dhPrev", dhPrev, n)
	gruCellBackward(gx, gh, hPrev, dh, dhPrev, rows, hidden)
}
