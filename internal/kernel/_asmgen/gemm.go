package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// tile is a micro-kernel's block of C: rows times vectors.
type tile struct{ rows, vectors int }

// tiles lists the blocks that fit the registers of an instruction set; the
// dispatcher in gemm_amd64.go has the same list.
var tiles = map[isa][]tile{
	avx512: {{8, 2}, {8, 1}, {4, 2}, {4, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}},
	avx2:   {{6, 2}, {6, 1}, {4, 2}, {4, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}},
}

func gemmTiles(s isa) {
	for _, t := range tiles[s] {
		gemmTile(s, t, false)
	}
	if s == avx512 {
		gemmTile(s, tile{8, 2}, true)
	}
}

// unroll is how many steps of the inner product a loop round takes. It saves
// little work, but fewer rounds end a short product sooner.
func (t tile) unroll() int {
	if t.great() {
		return 8
	}
	return 2
}

// great reports whether the tile is its instruction set's main one.
func (t tile) great() bool { return t.rows*t.vectors >= 12 }

// gemmTile computes C = init + A·B for blocks of rows of C and all columns,
// panel by panel of the tile's width. The last panel of a tile of one vector
// may be narrower; wider tiles do whole panels only. Strides are in bytes: from
// block to block A advances by nextA, C and init by rows; from panel to panel B
// advances by nextB. init may be nil, for zero, or C itself.
//
// With pair C is init + A·B + A2·B2, the second product being like the first.
func gemmTile(s isa, t tile, pair bool) {
	name, parameters := fmt.Sprintf("gemm%dx%d", t.rows, t.vectors),
		"blocks, columns, k int, a *float32, rsa, csa, nextA uintptr, b *float32, ldb, nextB uintptr, c *float32, ldc uintptr, init *float32, ldinit uintptr"
	if pair {
		name, parameters = name+"Pair", parameters+", a2, b2 *float32"
	}
	s.text(name, "func("+parameters+")")
	var toA2, toB2, second Mem // distances of the second operands, and whether it is their turn next
	if pair {
		toA2, toB2, second = AllocLocal(8), AllocLocal(8), AllocLocal(8)
		for _, o := range []struct {
			to         Mem
			from, onto string
		}{{toA2, "a", "a2"}, {toB2, "b", "b2"}} {
			distance := Load(Param(o.onto), GP64())
			SUBQ(resolve(o.from), distance)
			MOVQ(distance, o.to)
		}
	}
	r := arguments("rsa", "csa", "ldb", "ldc", "ldinit")
	rsa, csa, ldb, ldc, ldinit := r[0], r[1], r[2], r[3], r[4]
	row := rowAddress(rsa, t.rows)
	width := t.vectors * s.lanes
	Label("panel")
	var m *mask
	if t.vectors == 1 {
		left, whole := Load(Param("columns"), GP64()).(gp), GP64()
		MOVQ(U32(uint32(s.lanes)), whole)
		CMPQ(left, whole)
		CMOVQGT(whole, left)
		some := s.mask(left)
		m = &some
	}
	c, init := Load(Param("c"), GP64()).(gp), Load(Param("init"), GP64()).(gp)
	a0 := Load(Param("a"), GP64()).(gp)
	blocks := Load(Param("blocks"), GP64()).(gp)
	Label("block")
	acc := make([][]vec, t.rows)
	for i := range acc {
		acc[i] = s.vecs(t.vectors)
		for j := range acc[i] {
			s.zero(acc[i][j])
		}
	}
	eachRow := func(p, stride gp, do func(at Mem, i, j int)) {
		for i := range t.rows {
			for j := range t.vectors {
				do(Mem{Base: p, Disp: s.bytes() * j}, i, j)
			}
			ADDQ(stride, p)
		}
	}
	TESTQ(init, init)
	JZ(LabelRef("fresh"))
	eachRow(init, ldinit, func(at Mem, i, j int) { s.load(at, m, acc[i][j]) })
	if t.great() && s == avx512 { // what the next block starts from, which may be far
		next := GP64()
		MOVQ(init, next)
		eachRow(next, ldinit, func(at Mem, i, j int) { PREFETCHT0(at) })
	}
	Label("fresh")
	a := GP64()
	MOVQ(a0, a)
	b := Load(Param("b"), GP64()).(gp)
	columns, x := s.vecs(t.vectors), s.vec()
	step := func() {
		for j := range columns {
			s.load(Mem{Base: b, Disp: s.bytes() * j}, m, columns[j])
		}
		for i := range acc {
			VBROADCASTSS(row(a, i), x)
			for j := range columns {
				VFMADD231PS(columns[j], x, acc[i][j])
			}
		}
		ADDQ(csa, a)
		ADDQ(ldb, b)
	}
	if pair {
		MOVQ(U32(1), second)
	}
	k, unroll := GP64(), t.unroll()
	Label("whole")
	Load(Param("k"), k)
	SUBQ(Imm(uint64(unroll)), k)
	JL(LabelRef("rest"))
	hot("product")
	for range unroll {
		step()
	}
	SUBQ(Imm(uint64(unroll)), k)
	JGE(LabelRef("product"))
	Label("rest")
	ADDQ(Imm(uint64(unroll)), k)
	JZ(LabelRef("stored"))
	Label("single")
	step()
	DECQ(k)
	JNZ(LabelRef("single"))
	Label("stored")
	if pair {
		CMPQ(second, Imm(0))
		JE(LabelRef("both"))
		MOVQ(U32(0), second)
		MOVQ(a0, a)
		ADDQ(toA2, a)
		Load(Param("b"), b)
		ADDQ(toB2, b)
		JMP(LabelRef("whole"))
		Label("both")
	}
	eachRow(c, ldc, func(at Mem, i, j int) { s.store(acc[i][j], at, m) })
	ADDQ(resolve("nextA"), a0)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	t0 := GP64()
	advance := func(param string, by Op) {
		at := resolve(param)
		MOVQ(at, t0)
		ADDQ(by, t0)
		MOVQ(t0, at)
	}
	initAt := resolve("init")
	MOVQ(initAt, t0)
	TESTQ(t0, t0)
	JZ(LabelRef("nextPanel"))
	advance("init", I32(int32(4*width)))
	Label("nextPanel")
	advance("c", I32(int32(4*width)))
	Load(Param("nextB"), a0)
	advance("b", a0)
	SUBQ(I32(int32(width)), resolve("columns"))
	JG(LabelRef("panel"))
	ret()
}

// resolve is a parameter's place on the stack, which a kernel may overwrite.
func resolve(param string) Mem {
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// rowAddress returns the address of row i of a block whose rows are stride
// bytes apart.
func rowAddress(stride gp, rows int) func(base gp, i int) Mem {
	var r3, r5, r7 gp
	if rows > 2 {
		r3 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r3)
	}
	if rows > 4 {
		r5 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 4}, r5)
	}
	if rows > 6 {
		r7 = GP64()
		LEAQ(Mem{Base: r3, Index: stride, Scale: 4}, r7)
	}
	return func(base gp, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: r3, Scale: 1}
		case 5:
			return Mem{Base: base, Index: r5, Scale: 1}
		case 6:
			return Mem{Base: base, Index: r3, Scale: 2}
		case 7:
			return Mem{Base: base, Index: r7, Scale: 1}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)} // 1, 2 or 4
	}
}

// gemv adds four rows of A times x to y at a time; blocks counts them.
func gemv(s isa) {
	s.text("gemv4", "func(blocks, n int, y, a *float32, lda uintptr, x *float32)")
	r := arguments("blocks", "y", "a", "lda")
	blocks, y, a, lda := r[0], r[1], r[2], r[3]
	row := rowAddress(lda, 4)
	Label("block")
	acc := s.vecs(4)
	for i := range acc {
		s.zero(acc[i])
	}
	n := Load(Param("n"), GP64()).(gp)
	x := Load(Param("x"), GP64()).(gp)
	p := GP64()
	MOVQ(a, p)
	overElements(s, n, 1, func(at access) {
		v := at.load(0, 0)
		for i := range acc {
			w := s.vec()
			s.load(row(p, i), at.m, w)
			VFMADD231PS(w, v, acc[i])
		}
	}, x, p)
	for i := range acc {
		sum := s.fold(acc[i], addPS)
		VADDSS(Mem{Base: y, Disp: 4 * i}, sum, sum)
		VMOVSS(sum, Mem{Base: y, Disp: 4 * i})
	}
	LEAQ(Mem{Base: a, Index: lda, Scale: 4}, a)
	ADDQ(Imm(16), y)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	ret()
}

// transpose8 transposes 8 rows of a matrix, 8 columns at a time.
func transpose8() {
	plain("transpose8", "func(blocks int, dst *float32, ldd uintptr, src *float32, lds uintptr)")
	r := arguments("blocks", "dst", "ldd", "src", "lds")
	blocks, dst, ldd, src, lds := r[0], r[1], r[2], r[3], r[4]
	from, to := rowAddress(lds, 8), rowAddress(ldd, 8)
	Label("block")
	v, t := avx2.vecs(8), avx2.vecs(8)
	for i := range v {
		VMOVUPS(from(src, i), v[i])
	}
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(v[i+1], v[i], t[i])
		VUNPCKHPS(v[i+1], v[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			VUNPCKLPD(t[i+j+2], t[i+j], v[i+2*j])
			VUNPCKHPD(t[i+j+2], t[i+j], v[i+2*j+1])
		}
	}
	for i := range 4 {
		VPERM2F128(Imm(0x20), v[i+4], v[i], t[i])
		VPERM2F128(Imm(0x31), v[i+4], v[i], t[i+4])
	}
	for i := range t {
		VMOVUPS(t[i], to(dst, i))
	}
	ADDQ(Imm(32), src)
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	ret()
}

// peak runs iterations rounds of 12 independent multiply-adds.
func peak(s isa) {
	s.text("peak", "func(iterations int)")
	n := Load(Param("iterations"), GP64())
	acc := s.vecs(12)
	for i := range acc {
		s.zero(acc[i])
	}
	x, y := s.broadcast(0.5), s.broadcast(1)
	Label("loop")
	for i := range acc {
		VFMADD231PS(x, y, acc[i])
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	ret()
}

// packPanel copies k rows of a panel of two vectors of columns to contiguous
// memory, and packPanels of four panels at once, nextPanel bytes apart. The latter
// asks for the four that follow: it reads too little of each row for the processor
// to guess them.
func packPanel(s isa) {
	const vectors, line = 2, 64
	width := vectors * s.bytes()
	pack := func(panels int, panel, nextPanel, b, ldb, k gp) {
		third := GP64()
		if panels > 1 {
			LEAQ(Mem{Base: nextPanel, Index: nextPanel, Scale: 2}, third)
		}
		Label("row")
		for p := range panels {
			to := Mem{Base: panel}
			switch p {
			case 1, 2:
				to.Index, to.Scale = nextPanel, uint8(p)
			case 3:
				to.Index, to.Scale = third, 1
			}
			v := s.vecs(vectors)
			for i := range v {
				VMOVUPS(Mem{Base: b, Disp: width*p + i*s.bytes()}, v[i])
			}
			for i := range v {
				VMOVUPS(v[i], to.Offset(i*s.bytes()))
			}
			for at := 0; at < width && panels > 1; at += line {
				PREFETCHT1(Mem{Base: b, Disp: width*(panels+p) + at})
			}
		}
		ADDQ(ldb, b)
		ADDQ(I32(int32(width)), panel)
		DECQ(k)
		JNZ(LabelRef("row"))
		ret()
	}
	s.text("packPanel", "func(k int, panel, b *float32, ldb uintptr)")
	r := arguments("k", "panel", "b", "ldb")
	pack(1, r[1], nil, r[2], r[3], r[0])
	s.text("packPanels", "func(k int, panel *float32, nextPanel uintptr, b *float32, ldb uintptr)")
	r = arguments("k", "panel", "nextPanel", "b", "ldb")
	pack(4, r[1], r[2], r[3], r[4], r[0])
}

// packTiles copies rows rows, lds bytes apart, of pairs of tiles of eight
// columns: each tile is contiguous, nextTile bytes after the one before.
func packTiles(s isa) {
	s.text("packTiles", "func(rows, pairs int, dst *float32, nextTile uintptr, src *float32, lds uintptr)")
	r := arguments("pairs", "dst", "nextTile", "src", "lds")
	pairs, dst, nextTile, src, lds := r[0], r[1], r[2], r[3], r[4]
	Label("pair")
	rows, from, to := Load(Param("rows"), GP64()), GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	Label("row")
	v, upper := ZMM(), YMM()
	VMOVUPS(Mem{Base: from}, v)
	VEXTRACTF64X4(Imm(1), v, upper)
	VMOVUPS(v.AsY(), Mem{Base: to})
	VMOVUPS(upper, Mem{Base: to, Index: nextTile, Scale: 1})
	ADDQ(lds, from)
	ADDQ(Imm(32), to)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ADDQ(Imm(64), src)
	LEAQ(Mem{Base: dst, Index: nextTile, Scale: 2}, dst)
	DECQ(pairs)
	JNZ(LabelRef("pair"))
	ret()
}

// packSixes copies rows rows, lds bytes apart, of tiles of six columns, likewise,
// but row by row, since a tile is less than half a cache line wide. Two elements
// too many are read and written of each row of a tile; the next row overwrites them.
func packSixes(s isa) {
	s.text("packSixes", "func(rows, tiles int, dst *float32, nextTile uintptr, src *float32, lds uintptr)")
	r := arguments("rows", "dst", "nextTile", "src", "lds")
	rows, dst, nextTile, src, lds := r[0], r[1], r[2], r[3], r[4]
	Label("row")
	tiles, from, to := Load(Param("tiles"), GP64()), GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	Label("tile")
	v := YMM()
	VMOVUPS(Mem{Base: from}, v)
	VMOVUPS(v, Mem{Base: to})
	ADDQ(Imm(24), from)
	ADDQ(nextTile, to)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	ADDQ(lds, src)
	ADDQ(Imm(24), dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}
