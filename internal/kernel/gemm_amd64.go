//go:build !noasm

package kernel

import "sync"

// gemmTile is a micro-kernel: rows of C times vectors of columns.
type gemmTile func(blocks, columns, k int, a *float32, rsa, csa, nextA uintptr, b *float32, ldb, nextB uintptr, c *float32, ldc uintptr, init *float32, ldinit uintptr)

// gemmTiles lists the micro-kernels for panels of a number of vectors, most
// rows first.
type gemmTiles struct {
	vectors int
	rows    []int
	tiles   []gemmTile
}

// gemmPlan has the micro-kernels of an implementation, widest first.
type gemmPlan struct {
	lanes int
	one   []gemmTiles // for a single row
	many  []gemmTiles
}

var gemmPlans = [...]gemmPlan{
	avx512: {16,
		[]gemmTiles{{4, []int{1}, []gemmTile{gemm1x4AVX512}}, {2, []int{1}, []gemmTile{gemm1x2AVX512}}, {1, []int{1}, []gemmTile{gemm1x1AVX512}}},
		[]gemmTiles{
			{2, []int{8, 4, 2, 1}, []gemmTile{gemm8x2AVX512, gemm4x2AVX512, gemm2x2AVX512, gemm1x2AVX512}},
			{1, []int{8, 4, 2, 1}, []gemmTile{gemm8x1AVX512, gemm4x1AVX512, gemm2x1AVX512, gemm1x1AVX512}}}},
	avx2: {8,
		[]gemmTiles{{4, []int{1}, []gemmTile{gemm1x4AVX2}}, {2, []int{1}, []gemmTile{gemm1x2AVX2}}, {1, []int{1}, []gemmTile{gemm1x1AVX2}}},
		[]gemmTiles{
			{2, []int{6, 2, 1}, []gemmTile{gemm6x2AVX2, gemm2x2AVX2, gemm1x2AVX2}},
			{1, []int{6, 2, 1}, []gemmTile{gemm6x1AVX2, gemm2x1AVX2, gemm1x1AVX2}}}},
}

// Blocks that keep a panel of B in the first cache and a block of A in the
// second.
const (
	blockK = 256
	blockM = 480 // a multiple of every tile's rows
	// packBFrom is the row stride of B, in elements, from which its rows share
	// too few cache sets to be read in place.
	packBFrom = 256
	// tileRows is the tallest AVX-512 tile; packRows is how many rows of A's
	// transpose are copied tile by tile at a time: a stream of memory each.
	tileRows    = 8
	packRows    = 16
	packColumns = 4 * PanelColumns // of B, copied at a time
	leastPacked = 16               // rows of A, and terms, that make copying worth it
)

// workspace holds a block of A and some panels of B.
type workspace struct {
	a [blockM * blockK]float32
	b [blockK * packColumns]float32
}

// workspaces keeps those not in use: at most as many as there ever were
// products at the same time.
var workspaces struct {
	sync.Mutex
	free []*workspace
}

func takeWorkspace() *workspace {
	workspaces.Lock()
	defer workspaces.Unlock()
	n := len(workspaces.free)
	if n == 0 {
		return new(workspace)
	}
	w := workspaces.free[n-1]
	workspaces.free = workspaces.free[:n-1]
	return w
}

func (w *workspace) give() {
	workspaces.Lock()
	defer workspaces.Unlock()
	workspaces.free = append(workspaces.free, w)
}

// gemmBlock is a block of C and A, rows tall and k deep, with strides in bytes.
type gemmBlock struct {
	c, init, a         *float32
	ldc, ldi, rsa, csa uintptr
	tall               int // rows of the tallest tile if A is packed by them, else 0
	rows, k            int
	plan               *gemmPlan
}

func (p *product) compute() {
	if current == generic {
		p.computeGeneric()
		return
	}
	if p.isSmall() {
		p.small()
		return
	}
	g := gemmBlock{c: &p.c[0], a: &p.a[0], ldc: wide(p.ldc), rsa: wide(p.rsa), csa: wide(p.csa), rows: p.m, k: p.k, plan: &gemmPlans[current]}
	g.init, g.ldi = p.initial()
	packA, packB := p.packsA(), p.packsB()
	if packA || packB || p.m > blockM || p.k > blockK {
		p.inBlocks(&g, packA, packB)
	} else {
		g.times(p, 0)
	}
}

// packsA reports whether blocks of A are copied first: those whose rows or
// columns are far apart, if several panels of B make use of them. Rows are read
// from afar well enough for two panels.
func (p *product) packsA() bool {
	if p.m < leastPacked || p.k < leastPacked || p.n < 2*PanelColumns {
		return false
	}
	return p.rsa == 1 && current == avx512 || p.csa == 1 && p.rsa > blockK && p.n > 2*PanelColumns
}

// packsB reports whether panels of B are copied first.
func (p *product) packsB() bool {
	return !p.packed && p.ldb >= packBFrom && p.m >= leastPacked && p.k >= leastPacked
}

// isSmall reports whether one call computes the product: whole AVX-512 tiles of
// operands that are used where they are.
func (p *product) isSmall() bool {
	return current == avx512 && p.m%tileRows == 0 && p.n%PanelColumns == 0 && p.m <= blockM && p.k <= blockK && !p.packsA() && !p.packsB()
}

// initial is where C starts from, and how far its rows are apart in bytes.
func (p *product) initial() (init *float32, ldi uintptr) {
	if p.init == nil {
		return nil, 0
	}
	return &p.init[0], wide(p.ldi)
}

// nextPanel is how far B's panels are apart, in bytes.
func (p *product) nextPanel() uintptr {
	if p.packed {
		return wide(p.k * PanelColumns)
	}
	return wide(PanelColumns)
}

// small computes a product that isSmall.
func (p *product) small() {
	init, ldi := p.initial()
	gemm8x2AVX512(p.m/tileRows, p.n, p.k, &p.a[0], wide(p.rsa), wide(p.csa), wide(tileRows*p.rsa), &p.b[0], wide(p.ldb), p.nextPanel(),
		&p.c[0], wide(p.ldc), init, ldi)
}

// computePair computes two products of equal sizes, one after the other into
// the same C.
func computePair(p, q *product) {
	if !p.isSmall() {
		p.compute()
		q.compute()
		return
	}
	init, ldi := p.initial()
	gemm8x2PairAVX512(p.m/tileRows, p.n, p.k, &p.a[0], wide(p.rsa), wide(p.csa), wide(tileRows*p.rsa), &p.b[0], wide(p.ldb), p.nextPanel(),
		&p.c[0], wide(p.ldc), init, ldi, &q.a[0], &q.b[0])
}

// inBlocks computes a product block by block, after copying those of A or B, or
// both, to contiguous memory.
func (p *product) inBlocks(whole *gemmBlock, packA, packB bool) {
	var w *workspace
	if packA || packB {
		w = takeWorkspace()
	}
	for q := 0; q < p.k; q += blockK {
		for i := 0; i < p.m; i += blockM {
			g := *whole
			g.rows, g.k = min(blockM, p.m-i), min(blockK, p.k-q)
			g.c = at(p.c, i*p.ldc)
			if q > 0 {
				g.init, g.ldi = g.c, g.ldc
			} else if g.init != nil {
				g.init = at(p.init, i*p.ldi)
			}
			if packA {
				g.packA(w, p.a[i*p.rsa+q*p.csa:], p.rsa, p.csa)
			} else {
				g.a = at(p.a, i*p.rsa+q*p.csa)
			}
			if packB {
				g.packing(w, p.b[q*p.ldb:], p.ldb, p.n)
			} else {
				g.times(p, q)
			}
		}
	}
	if w != nil {
		w.give()
	}
}

// times multiplies by the rows of B from q on, where they are.
func (g *gemmBlock) times(p *product, q int) {
	first := at(p.b, q*p.ldb)
	switch {
	case !p.packed:
		g.multiply(0, p.n, first, wide(p.ldb), 0)
	case 2*g.plan.lanes == PanelColumns && g.rows > 1:
		g.multiply(0, p.n, first, wide(PanelColumns), wide(p.k*PanelColumns))
	default:
		for j := 0; j < p.n; j += PanelColumns {
			g.multiply(j, min(PanelColumns, p.n-j), offset(first, j*p.k), wide(PanelColumns), 0)
		}
	}
}

// packA copies the block of A: row by row, or, where the rows of a tile are
// neighbours in memory, tile by tile (AVX-512 only).
func (g *gemmBlock) packA(w *workspace, a []float32, rsa, csa int) {
	g.a = &w.a[0]
	if csa == 1 {
		for i := range g.rows {
			copy(w.a[i*g.k:][:g.k], a[i*rsa:])
		}
		g.rsa = wide(g.k)
		return
	}
	g.tall = tileRows
	pairs := g.rows / (2 * tileRows)
	for p := 0; p < g.k; p += packRows {
		rows := min(packRows, g.k-p)
		if pairs > 0 {
			packTilesAVX512(rows, pairs, &w.a[p*tileRows], wide(g.k*tileRows), at(a, p*csa), wide(csa))
		}
		for i := 2 * tileRows * pairs; i < g.rows; i += tileRows {
			for q := p; q < p+rows; q++ {
				copy(w.a[i*g.k+q*tileRows:][:min(tileRows, g.rows-i)], a[q*csa+i:])
			}
		}
	}
	g.csa = wide(tileRows)
}

// packing multiplies by the n columns of B after copying some panels at a time
// to contiguous memory.
func (g *gemmBlock) packing(w *workspace, b []float32, ldb, n int) {
	for j := 0; j < n; {
		columns := min(packColumns, n-j)
		if columns == packColumns {
			packPanels(w.b[:], b[j:], ldb, g.k)
		} else {
			columns = min(PanelColumns, columns)
			packPanel(w.b[:], b[j:], ldb, g.k, columns)
		}
		for i := 0; i < columns; i += PanelColumns {
			g.multiply(j+i, min(PanelColumns, columns-i), &w.b[i*g.k], wide(PanelColumns), 0)
		}
		j += columns
	}
}

// multiply computes n columns of C from column j on. B's panels are nextB
// bytes apart; 0: they lie side by side.
func (g *gemmBlock) multiply(j, n int, b *float32, ldb, nextB uintptr) {
	kinds := g.plan.many
	if g.rows == 1 {
		kinds = g.plan.one
	}
	for i := range kinds {
		t := &kinds[i]
		width := t.vectors * g.plan.lanes
		columns := n
		if t.vectors > 1 {
			columns &^= width - 1
		}
		if columns == 0 {
			continue
		}
		step := nextB
		if step == 0 || t.vectors == 1 { // the rest of a panel is together
			step = wide(width)
		}
		g.rowsOf(t, j, columns, b, ldb, step)
		if n -= columns; n == 0 {
			return
		}
		j += columns
		b = offset(b, columns/width*int(step/4))
	}
}

// rowsOf runs the micro-kernels of t, from the tallest to the lowest, over the
// rows of the block.
func (g *gemmBlock) rowsOf(t *gemmTiles, j, columns int, b *float32, ldb, nextB uintptr) {
	done := 0
	for i, rows := range t.rows {
		if g.rows-done < rows {
			continue
		}
		blocks := (g.rows - done) / rows
		a, c, init := g.a, offset(g.c, j), g.init
		nextA := g.rsa * uintptr(rows)
		if rows == g.tall {
			nextA = wide(g.k * g.tall)
		}
		if init != nil {
			init = offset(init, j)
		}
		if done > 0 {
			a, c = offset(a, g.rowOffset(done)), offset(c, done*int(g.ldc/4))
			if init != nil {
				init = offset(init, done*int(g.ldi/4))
			}
		}
		t.tiles[i](blocks, columns, g.k, a, g.rsa, g.csa, nextA, b, ldb, nextB, c, g.ldc, init, g.ldi)
		if done += blocks * rows; done == g.rows {
			return
		}
	}
}

// rowOffset is where row i of the block of A starts, in elements.
func (g *gemmBlock) rowOffset(i int) int {
	if g.tall > 0 {
		return i/g.tall*g.tall*g.k + i%g.tall
	}
	return i * int(g.rsa) / 4
}

// packPanel copies n columns of B, at most PanelColumns, to a panel.
func packPanel(panel, b []float32, ldb, k, n int) {
	switch {
	case n < PanelColumns || current == generic:
		packPanelGeneric(panel, b, ldb, k, n)
	case current == avx512:
		packPanelAVX512(k, &panel[0], &b[0], wide(ldb))
	default:
		packPanelAVX2(k, &panel[0], &b[0], wide(ldb))
	}
}

// packPanels copies packColumns columns of B to as many panels as they make.
func packPanels(panels, b []float32, ldb, k int) {
	if current == avx512 {
		packPanelsAVX512(k, &panels[0], wide(k*PanelColumns), &b[0], wide(ldb))
	} else {
		packPanelsAVX2(k, &panels[0], wide(k*PanelColumns), &b[0], wide(ldb))
	}
}
