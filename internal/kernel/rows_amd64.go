//go:build !noasm

package kernel

func addRow(dst []float32, ldd int, src []float32, lds int, row []float32, rows, n int) {
	switch current {
	case avx512:
		addRowAVX512(rows, n, &dst[0], wide(ldd), &src[0], wide(lds), &row[0])
	case avx2:
		addRowAVX2(rows, n, &dst[0], wide(ldd), &src[0], wide(lds), &row[0])
	default:
		addRowGeneric(dst, ldd, src, lds, row, rows, n)
	}
}

func sumRows(dst, src []float32, lds, rows, n int) {
	switch current {
	case avx512:
		sumRowsAVX512(rows, n, &dst[0], &src[0], wide(lds))
	case avx2:
		sumRowsAVX2(rows, n, &dst[0], &src[0], wide(lds))
	default:
		sumRowsGeneric(dst, src, lds, rows, n)
	}
}

func gatherRows(dst []float32, ldd int, table []float32, ldt int, index []int32, n int) {
	switch current {
	case avx512:
		gatherRowsAVX512(len(index), n, &dst[0], wide(ldd), &table[0], wide(ldt), &index[0])
	case avx2:
		gatherRowsAVX2(len(index), n, &dst[0], wide(ldd), &table[0], wide(ldt), &index[0])
	default:
		gatherRowsGeneric(dst, ldd, table, ldt, index, n)
	}
}

func scatterAddRows(table []float32, ldt int, src []float32, lds int, index []int32, n int) {
	switch current {
	case avx512:
		scatterAddRowsAVX512(len(index), n, &src[0], wide(lds), &table[0], wide(ldt), &index[0])
	case avx2:
		scatterAddRowsAVX2(len(index), n, &src[0], wide(lds), &table[0], wide(ldt), &index[0])
	default:
		scatterAddRowsGeneric(table, ldt, src, lds, index, n)
	}
}

func scaledRows(dw, w []float32, ld int, scale, shift, dscale, dshift, d []float32) {
	switch current {
	case avx512:
		scaledRowsAVX512(len(d), len(scale), &dw[0], &w[0], wide(ld), &scale[0], &shift[0], &dscale[0], &dshift[0], &d[0])
	case avx2:
		scaledRowsAVX2(len(d), len(scale), &dw[0], &w[0], wide(ld), &scale[0], &shift[0], &dscale[0], &dshift[0], &d[0])
	default:
		scaledRowsGeneric(dw, w, ld, scale, shift, dscale, dshift, d)
	}
}
