//go:build !amd64 || noasm

package kernel

func (p *product) compute() { p.computeGeneric() }

func computePair(p, q *product) {
	p.compute()
	q.compute()
}

func packPanel(panel, b []float32, ldb, k, n int) { packPanelGeneric(panel, b, ldb, k, n) }
