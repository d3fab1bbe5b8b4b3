package kernel

func addRowGeneric(dst []float32, ldd int, src []float32, lds int, row []float32, rows, n int) {
	for i := range rows {
		addGeneric(dst[i*ldd:][:n], src[i*lds:][:n], row[:n])
	}
}

func sumRowsGeneric(dst, src []float32, lds, rows, n int) {
	for i := range rows {
		addGeneric(dst[:n], dst[:n], src[i*lds:][:n])
	}
}

func gatherRowsGeneric(dst []float32, ldd int, table []float32, ldt int, index []int32, n int) {
	for i, row := range index {
		copy(dst[i*ldd:][:n], table[int(row)*ldt:][:n])
	}
}

func scatterAddRowsGeneric(table []float32, ldt int, src []float32, lds int, index []int32, n int) {
	for i, row := range index {
		to := table[int(row)*ldt:][:n]
		addGeneric(to, to, src[i*lds:][:n])
	}
}

func scaledRowsGeneric(dw, w []float32, ld int, scale, shift, dscale, dshift, d []float32) {
	for i, sum := range d {
		for j := range scale {
			g, v := &dw[i*ld+j], w[i*ld+j]
			dscale[j] += v * *g
			dshift[j] += v * sum
			*g = *g*scale[j] + sum*shift[j]
		}
	}
}
