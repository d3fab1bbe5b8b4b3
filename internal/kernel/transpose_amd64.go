//go:build !noasm

package kernel

// transpose does blocks of 8 rows and 8 columns with AVX2 and the rest in Go.
func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if current == generic {
		transposeGeneric(dst, ldd, src, lds, rows, cols)
		return
	}
	wholeRows, wholeCols := rows&^7, cols&^7
	if wholeCols > 0 {
		for i := 0; i < wholeRows; i += 8 {
			transpose8(wholeCols/8, at(dst, i), wide(ldd), at(src, i*lds), wide(lds))
		}
	}
	if wholeCols < cols && wholeRows > 0 {
		transposeGeneric(dst[wholeCols*ldd:], ldd, src[wholeCols:], lds, wholeRows, cols-wholeCols)
	}
	if wholeRows < rows {
		transposeGeneric(dst[wholeRows:], ldd, src[wholeRows*lds:], lds, rows-wholeRows, cols)
	}
}
