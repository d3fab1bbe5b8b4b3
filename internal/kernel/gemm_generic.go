package kernel

func gemmGeneric(c []float32, ldc int, a []float32, rsa, csa int, b []float32, ldb int, m, n, k int, accumulate bool) {
	for i := range m {
		row := c[i*ldc:][:n]
		if !accumulate {
			clear(row)
		}
		for p := range k {
			axpyGeneric(row, a[i*rsa+p*csa], b[p*ldb:][:n])
		}
	}
}
