package kernel

// Gemm computes C = I + A·B for C of m×n, A of m×k and B of k×n:
//
//	for i := range m {
//		for j := range n {
//			sum := init[i*ldi+j] // 0 if init is nil
//			for p := range k {
//				sum += a[i*rsa+p*csa] * b[p*ldb+j]
//			}
//			c[i*ldc+j] = sum
//		}
//	}
//
// Each sum is taken in that order, one fused multiply-add a term (but for the
// plain Go version, which rounds twice).
// The two strides of A give the plain product (rsa = lda, csa = 1) and the one
// with A transposed (rsa = 1, csa = lda). init may be c itself, with ldi = ldc,
// to add to C, or one row for all, with ldi = 0. C must not overlap A or B, nor
// init in another way.
func Gemm(c []float32, ldc int, init []float32, ldi int, a []float32, rsa, csa int, b []float32, ldb int, m, n, k int) {
	p := product{c: c, init: init, a: a, b: b, ldc: ldc, ldi: ldi, rsa: rsa, csa: csa, ldb: ldb, m: m, n: n, k: k}
	if p.check() {
		checkMatrix("Gemm: B", b, ldb, k, n)
		p.compute()
	}
}

// panelColumns are the columns of the panels in which an implementation keeps
// packed matrices: those of its main tile, so that a panel lies side by side in
// the first cache.
var panelColumns = [...]int{generic: widestPanel, avx2: 16, avx512: widestPanel}

const widestPanel = 32

// PanelColumns is the width c of the panels in which packed matrices are kept.
func PanelColumns() int { return panelColumns[current] }

// PackedLen is the size of a packed k×n matrix.
func PackedLen(k, n int) int {
	c := PanelColumns()
	return k * ((n + c - 1) / c * c)
}

// Pack rearranges the k×n matrix B for GemmPacked: panels of c columns, each
// contiguous and in itself row by row.
//
//	packed[j/c*c*k+p*c+j%c] = b[p*ldb+j]
//
// The rest of the last panel is left as it is. packed must not overlap b.
func Pack(packed, b []float32, ldb, k, n int) {
	checkMatrix("Pack: B", b, ldb, k, n)
	checkLen("Pack", packed, PackedLen(k, n))
	c := PanelColumns()
	for j := 0; j < n && k > 0; j += c {
		packPanel(packed[j*k:], b[j:], ldb, k, min(c, n-j))
	}
}

// PackTransposed is Pack for the transpose of the n×k matrix w:
//
//	packed[j/c*c*k+p*c+j%c] = w[j*ldw+p]
func PackTransposed(packed, w []float32, ldw, k, n int) {
	checkMatrix("PackTransposed: W", w, ldw, n, k)
	checkLen("PackTransposed", packed, PackedLen(k, n))
	c := PanelColumns()
	for j := 0; j < n && k > 0; j += c {
		Transpose(packed[j*k:], c, w[j*ldw:], ldw, min(c, n-j), k)
	}
}

// GemmPacked is Gemm with B packed beforehand, which saves time if it is
// multiplied more than once. The sums are the same.
func GemmPacked(c []float32, ldc int, init []float32, ldi int, a []float32, rsa, csa int, packed []float32, m, n, k int) {
	p := product{c: c, init: init, a: a, b: packed, ldc: ldc, ldi: ldi, rsa: rsa, csa: csa, ldb: PanelColumns(), packed: true, m: m, n: n, k: k}
	if p.check() {
		checkLen("GemmPacked: B", packed, PackedLen(k, n))
		p.compute()
	}
}

// GemmPackedPair adds two products of equal sizes in one call, those of a step of
// a recurrent layer: C = I + A·B + A2·B2, the terms of A·B first, with A and A2
// row by row, lda apart.
func GemmPackedPair(c []float32, ldc int, init []float32, ldi int, a, a2 []float32, lda int, packed, packed2 []float32, m, n, k int) {
	p := product{c: c, init: init, a: a, b: packed, ldc: ldc, ldi: ldi, rsa: lda, csa: 1, ldb: PanelColumns(), packed: true, m: m, n: n, k: k}
	q := product{c: c, init: c, a: a2, b: packed2, ldc: ldc, ldi: ldc, rsa: lda, csa: 1, ldb: PanelColumns(), packed: true, m: m, n: n, k: k}
	if p.check() && q.check() {
		checkLen("GemmPackedPair: B", packed, PackedLen(k, n))
		checkLen("GemmPackedPair: B2", packed2, PackedLen(k, n))
		computePair(&p, &q)
	}
}

// product holds the arguments of Gemm or GemmPacked.
type product struct {
	c, init, a, b           []float32
	ldc, ldi, rsa, csa, ldb int
	packed                  bool
	m, n, k                 int
}

// check panics if the arguments but for B don't fit together. It does the
// products without a term and reports whether anything is left to do.
func (p *product) check() bool {
	checkDestination("Gemm: C", p.c, p.ldc, p.m, p.n)
	if p.init != nil {
		checkMatrix("Gemm: init", p.init, p.ldi, p.m, p.n)
	}
	if p.m == 0 || p.n == 0 {
		return false
	}
	if p.k < 0 || p.rsa < 0 || p.csa < 0 || p.k > 0 && (p.m-1)*p.rsa+(p.k-1)*p.csa >= len(p.a) {
		panic("kernel: Gemm: A: slice too short")
	}
	if p.k == 0 {
		p.start()
	}
	return p.k > 0
}

// start sets C to the initial value.
func (p *product) start() {
	for i := range p.m {
		row := p.c[i*p.ldc:][:p.n]
		if p.init == nil {
			clear(row)
		} else {
			copy(row, p.init[i*p.ldi:])
		}
	}
}
