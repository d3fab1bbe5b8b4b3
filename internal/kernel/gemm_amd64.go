//go:build !noasm

package kernel

// gemmTile is a micro-kernel: rows of C times vectors of columns.
type gemmTile func(blocks, k int, a *float32, rsa, csa uintptr, b *float32, ldb uintptr, c *float32, ldc uintptr, last, accumulate int)

// gemmTiles lists the micro-kernels for a number of vectors, most rows first.
type gemmTiles struct {
	vectors int
	rows    []int
	tiles   []gemmTile
}

var gemmPlans = [...]struct {
	lanes int
	one   []gemmTiles // for a single row
	many  []gemmTiles
}{
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
	blockM = 96
	// packFrom is the row stride of B, in elements, from which its rows share
	// too few cache sets to be read in place.
	packFrom = 256
)

func gemm(c []float32, ldc int, a []float32, rsa, csa int, b []float32, ldb int, m, n, k int, accumulate bool) {
	if current == generic {
		gemmGeneric(c, ldc, a, rsa, csa, b, ldb, m, n, k, accumulate)
		return
	}
	plan := &gemmPlans[current]
	tiles := plan.many
	if m == 1 {
		tiles = plan.one
	}
	for p := 0; p < k; p += blockK {
		kc := min(blockK, k-p)
		more := 0
		if accumulate || p > 0 {
			more = 1
		}
		for i := 0; i < m; i += blockM {
			mc := min(blockM, m-i)
			block := gemmBlock{at(c, i*ldc), at(a, i*rsa+p*csa), wide(ldc), wide(rsa), wide(csa), mc, kc, more, plan.lanes}
			if ldb >= packFrom && mc >= 16 && kc >= 32 {
				block.packed(tiles, b[p*ldb:], ldb, n)
			} else {
				block.inPlace(tiles, at(b, p*ldb), ldb, n)
			}
		}
	}
}

// gemmBlock is a block of C and A, rows tall and k deep.
type gemmBlock struct {
	c, a          *float32
	ldc, rsa, csa uintptr
	rows, k       int
	accumulate    int
	lanes         int
}

// inPlace multiplies by the n columns of B where they lie.
func (g *gemmBlock) inPlace(tiles []gemmTiles, b *float32, ldb, n int) {
	for j := 0; j < n; {
		t, columns := pick(tiles, g.lanes, n-j)
		g.panel(t, columns, j, offset(b, j), wide(ldb))
		j += columns
	}
}

// packed copies B panel by panel into contiguous memory first.
func (g *gemmBlock) packed(tiles []gemmTiles, b []float32, ldb, n int) {
	var panel [blockK * 32]float32
	for j := 0; j < n; {
		t, columns := pick(tiles, g.lanes, n-j)
		stride := t.vectors * g.lanes
		for p := range g.k {
			copy(panel[p*stride:][:columns], b[p*ldb+j:])
		}
		g.panel(t, columns, j, &panel[0], wide(stride))
		j += columns
	}
}

// pick returns the micro-kernels for the next panel and its width.
func pick(tiles []gemmTiles, lanes, left int) (t *gemmTiles, columns int) {
	for i := range tiles {
		t = &tiles[i]
		if (t.vectors-1)*lanes < left {
			break
		}
	}
	return t, min(left, t.vectors*lanes)
}

// panel multiplies by columns of B and writes columns j and on of C.
func (g *gemmBlock) panel(t *gemmTiles, columns, j int, b *float32, ldb uintptr) {
	last := columns - (t.vectors-1)*g.lanes
	done := 0
	for i, rows := range t.rows {
		blocks := (g.rows - done) / rows
		if blocks == 0 {
			continue
		}
		t.tiles[i](blocks, g.k, offset(g.a, done*int(g.rsa)/4), g.rsa, g.csa, b, ldb,
			offset(g.c, done*int(g.ldc)/4+j), g.ldc, last, g.accumulate)
		done += blocks * rows
	}
}
