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
			{2, []int{6, 4, 2, 1}, []gemmTile{gemm6x2AVX2, gemm4x2AVX2, gemm2x2AVX2, gemm1x2AVX2}},
			{1, []int{6, 4, 2, 1}, []gemmTile{gemm6x1AVX2, gemm4x1AVX2, gemm2x1AVX2, gemm1x1AVX2}}}},
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
	tileRows     = 8
	packRows     = 16
	packedPanels = 4 // of B, copied at a time
	// leastPacked rows of A and terms make copying worth it, and of A also
	// leastColumns of B.
	leastPacked, leastColumns = 16, 64
	// sixes are the rows of the tallest AVX2 tile; after each one's copy, as many
	// elements are free as packSixes writes too many.
	sixes, excess = 6, 2
)

// workspace holds a block of A and some panels of B.
type workspace struct {
	a [blockM*blockK + blockM/sixes*excess]float32
	b [blockK * packedPanels * widestPanel]float32
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
	apart              int // elements from such a tile to the next
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
	if p.m < leastPacked || p.k < leastPacked || p.n < leastColumns {
		return false
	}
	return p.rsa == 1 || p.csa == 1 && p.rsa > blockK && p.n > leastColumns
}

// packsB reports whether panels of B are copied first.
func (p *product) packsB() bool {
	return !p.packed && p.ldb >= packBFrom && p.m >= leastPacked && p.k >= leastPacked
}

// isSmall reports whether one call computes the product: whole AVX-512 tiles of
// operands that are used where they are.
func (p *product) isSmall() bool {
	return current == avx512 && p.m%tileRows == 0 && p.n%PanelColumns() == 0 && p.m <= blockM && p.k <= blockK && !p.packsA() && !p.packsB()
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
		return wide(p.k * PanelColumns())
	}
	return wide(PanelColumns())
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
	first, c := at(p.b, q*p.ldb), PanelColumns()
	switch {
	case !p.packed:
		g.multiply(0, p.n, first, wide(p.ldb), 0)
	case g.rows > 1:
		g.multiply(0, p.n, first, wide(c), wide(p.k*c))
	default:
		for j := 0; j < p.n; j += c {
			g.multiply(j, min(c, p.n-j), offset(first, j*p.k), wide(c), 0)
		}
	}
}

// packA copies the block of A: row by row, or, where the rows of a tile are
// neighbours in memory, tile by tile.
func (g *gemmBlock) packA(w *workspace, a []float32, rsa, csa int) {
	g.a = &w.a[0]
	if csa == 1 {
		for i := range g.rows {
			copy(w.a[i*g.k:][:g.k], a[i*rsa:])
		}
		g.rsa = wide(g.k)
		return
	}
	g.tall = g.plan.many[0].rows[0]
	g.apart = g.k * g.tall
	if current == avx2 {
		g.apart += excess
	}
	for p := 0; p < g.k; p += packRows {
		g.packTiles(w, p, min(packRows, g.k-p), a[p*csa:], csa)
	}
	g.csa = wide(g.tall)
}

// packTiles copies rows rows of A's transpose, from its row p on.
func (g *gemmBlock) packTiles(w *workspace, p, rows int, a []float32, csa int) {
	whole := 0 // columns copied by a kernel
	if current == avx512 {
		whole = g.rows / (2 * g.tall) * (2 * g.tall)
		if whole > 0 {
			packTilesAVX512(rows, whole/(2*g.tall), &w.a[p*g.tall], wide(g.apart), &a[0], wide(csa))
		}
	} else if tiles := (g.rows - excess) / g.tall; tiles > 0 {
		whole = tiles * g.tall
		packSixesAVX2(rows, tiles, &w.a[p*g.tall], wide(g.apart), &a[0], wide(csa))
	}
	for i := whole; i < g.rows; i += g.tall {
		tile := w.a[i/g.tall*g.apart+p*g.tall:]
		for q := range rows {
			copy(tile[q*g.tall:][:min(g.tall, g.rows-i)], a[q*csa+i:])
		}
	}
}

// packing multiplies by the n columns of B after copying some panels at a time
// to contiguous memory.
func (g *gemmBlock) packing(w *workspace, b []float32, ldb, n int) {
	c := PanelColumns()
	for j := 0; j < n; {
		columns := min(packedPanels*c, n-j)
		if columns == packedPanels*c {
			packPanels(w.b[:], b[j:], ldb, g.k)
		} else {
			columns = min(c, columns)
			packPanel(w.b[:], b[j:], ldb, g.k, columns)
		}
		for i := 0; i < columns; i += c {
			g.multiply(j+i, min(c, columns-i), &w.b[i*g.k], wide(c), 0)
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
		if rows == sixes && g.rows-done-blocks*rows == 2 && g.tall == 0 {
			blocks-- // two tiles of four rows are faster than one of six and one of two
		}
		if blocks == 0 {
			continue
		}
		a, c, init := g.a, offset(g.c, j), g.init
		nextA := g.rsa * uintptr(rows)
		if rows == g.tall {
			nextA = wide(g.apart)
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
		return i/g.tall*g.apart + i%g.tall
	}
	return i * int(g.rsa) / 4
}

// packPanel copies n columns of B, those of a panel at most, to one.
func packPanel(panel, b []float32, ldb, k, n int) {
	switch {
	case n < PanelColumns() || current == generic:
		packPanelGeneric(panel, b, ldb, k, n)
	case current == avx512:
		packPanelAVX512(k, &panel[0], &b[0], wide(ldb))
	default:
		packPanelAVX2(k, &panel[0], &b[0], wide(ldb))
	}
}

// packPanels copies the columns of packedPanels panels of B.
func packPanels(panels, b []float32, ldb, k int) {
	if current == avx512 {
		packPanelsAVX512(k, &panels[0], wide(k*PanelColumns()), &b[0], wide(ldb))
	} else {
		packPanelsAVX2(k, &panels[0], wide(k*PanelColumns()), &b[0], wide(ldb))
	}
}
