package kernel

func (p *product) computeGeneric() {
	p.start()
	c := PanelColumns()
	for i := range p.m {
		for q := range p.k {
			factor := p.a[i*p.rsa+q*p.csa]
			if !p.packed {
				axpyGeneric(p.c[i*p.ldc:][:p.n], factor, p.b[q*p.ldb:])
				continue
			}
			for j := 0; j < p.n; j += c {
				axpyGeneric(p.c[i*p.ldc+j:][:min(c, p.n-j)], factor, p.b[j*p.k+q*c:])
			}
		}
	}
}

func packPanelGeneric(panel, b []float32, ldb, k, n int) {
	c := PanelColumns()
	for p := range k {
		copy(panel[p*c:][:n], b[p*ldb:])
	}
}
