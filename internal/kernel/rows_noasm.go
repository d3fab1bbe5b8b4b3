//go:build !amd64 || noasm

package kernel

func addRow(dst []float32, ldd int, src []float32, lds int, row []float32, rows, n int) {
	addRowGeneric(dst, ldd, src, lds, row, rows, n)
}

func sumRows(dst, src []float32, lds, rows, n int) {
	sumRowsGeneric(dst, src, lds, rows, n)
}

func gatherRows(dst []float32, ldd int, table []float32, ldt int, index []int32, n int) {
	gatherRowsGeneric(dst, ldd, table, ldt, index, n)
}

func scatterAddRows(table []float32, ldt int, src []float32, lds int, index []int32, n int) {
	scatterAddRowsGeneric(table, ldt, src, lds, index, n)
}

func scaledRows(dw, w []float32, ld int, scale, shift, dscale, dshift, d []float32) {
	scaledRowsGeneric(dw, w, ld, scale, shift, dscale, dshift, d)
}
