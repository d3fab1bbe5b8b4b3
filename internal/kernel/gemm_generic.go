package kernel

func (p *product) computeGeneric() {
	p.start()
	for i := range p.m {
		for q := range p.k {
			factor := p.a[i*p.rsa+q*p.csa]
			if !p.packed {
				axpyGeneric(p.c[i*p.ldc:][:p.n], factor, p.b[q*p.ldb:])
				continue
			}
			for j := 0; j < p.n; j += PanelColumns {
				axpyGeneric(p.c[i*p.ldc+j:][:min(PanelColumns, p.n-j)], factor, p.b[j*p.k+q*PanelColumns:])
			}
		}
	}
}

func packPanelGeneric(panel, b []float32, ldb, k, n int) {
	for p := range k {
		copy(panel[p*PanelColumns:][:n], b[p*ldb:])
	}
}
