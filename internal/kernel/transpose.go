package kernel

// Transpose writes the transpose of the rows×cols matrix src to dst, which
// must not overlap it:
//
//	for i := range rows {
//		for j := range cols {
//			dst[j*ldd+i] = src[i*lds+j]
//		}
//	}
func Transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	checkMatrix("Transpose: src", src, lds, rows, cols)
	checkDestination("Transpose: dst", dst, ldd, cols, rows)
	if rows > 0 && cols > 0 {
		transpose(dst, ldd, src, lds, rows, cols)
	}
}
