package kernel

// AddRow adds row to each of the rows rows of src:
//
//	dst[i*ldd+j] = src[i*lds+j] + row[j]
func AddRow(dst []float32, ldd int, src []float32, lds int, row []float32, rows, n int) {
	checkDestination("AddRow: dst", dst, ldd, rows, n)
	checkMatrix("AddRow: src", src, lds, rows, n)
	checkLen("AddRow: row", row, n)
	if rows > 0 && n > 0 {
		addRow(dst, ldd, src, lds, row, rows, n)
	}
}

// SumRows adds the column sums of src to dst:
//
//	dst[j] += src[0*lds+j] + src[1*lds+j] + ...
func SumRows(dst []float32, src []float32, lds int, rows, n int) {
	checkMatrix("SumRows: src", src, lds, rows, n)
	checkLen("SumRows: dst", dst, n)
	if rows > 0 && n > 0 {
		sumRows(dst, src, lds, rows, n)
	}
}

// ScaledRows gives the gradients of (z*scale+shift)·Wᵀ for some rows of W, ld
// apart like those of dw, which holds what their gradient is if scale is 1 and
// shift 0; d has the rows' sums of the output's gradient:
//
//	for i := range d {
//		dscale[j] += w[i*ld+j] * dw[i*ld+j]
//		dshift[j] += w[i*ld+j] * d[i]
//		dw[i*ld+j] = dw[i*ld+j]*scale[j] + d[i]*shift[j]
//	}
func ScaledRows(dw, w []float32, ld int, scale, shift, dscale, dshift, d []float32) {
	n := len(scale)
	checkDestination("ScaledRows: dw", dw, ld, len(d), n)
	checkMatrix("ScaledRows: w", w, ld, len(d), n)
	checkEqual("ScaledRows: shift", n, len(shift))
	checkEqual("ScaledRows: dscale", n, len(dscale))
	checkEqual("ScaledRows: dshift", n, len(dshift))
	if len(d) > 0 && n > 0 {
		scaledRows(dw, w, ld, scale, shift, dscale, dshift, d)
	}
}

// GatherRows copies rows of table, n elements wide, to dst, which must not
// overlap it:
//
//	dst[i*ldd+j] = table[index[i]*ldt+j]
func GatherRows(dst []float32, ldd int, table []float32, ldt int, index []int32, n int) {
	checkDestination("GatherRows: dst", dst, ldd, len(index), n)
	checkIndex("GatherRows", table, ldt, index, n)
	if len(index) > 0 && n > 0 {
		gatherRows(dst, ldd, table, ldt, index, n)
	}
}

// ScatterAddRows adds the rows of src, n elements wide, to rows of table,
// which must not overlap it, in the order of index:
//
//	table[index[i]*ldt+j] += src[i*lds+j]
func ScatterAddRows(table []float32, ldt int, src []float32, lds int, index []int32, n int) {
	checkMatrix("ScatterAddRows: src", src, lds, len(index), n)
	checkIndex("ScatterAddRows", table, ldt, index, n)
	if len(index) > 0 && n > 0 {
		scatterAddRows(table, ldt, src, lds, index, n)
	}
}

// checkIndex panics unless every index names a row of n elements in table.
func checkIndex(what string, table []float32, ldt int, index []int32, n int) {
	var top uint32
	for _, i := range index {
		top = max(top, uint32(i))
	}
	if top > 1<<31-1 {
		panic("kernel: " + what + ": negative index")
	}
	if len(index) > 0 {
		checkMatrix("indexed table", table, ldt, int(top)+1, n)
	}
}
