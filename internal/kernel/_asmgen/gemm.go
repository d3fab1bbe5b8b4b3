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
	avx512: {{8, 2}, {8, 1}, {4, 4}, {4, 2}, {4, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}},
	avx2:   {{6, 2}, {6, 1}, {2, 2}, {2, 1}, {1, 4}, {1, 2}, {1, 1}},
}

func gemmTiles(s isa) {
	for _, t := range tiles[s] {
		gemmTile(s, t)
	}
}

// gemmTile computes blocks of rows of C (+)= A·B for one panel of columns, the
// last vector of which holds last (1..lanes) columns. Strides are in bytes; A
// and C advance by rows from block to block.
func gemmTile(s isa, t tile) {
	s.text(fmt.Sprintf("gemm%dx%d", t.rows, t.vectors),
		"func(blocks, k int, a *float32, rsa, csa uintptr, b *float32, ldb uintptr, c *float32, ldc uintptr, last, accumulate int)")
	last := Load(Param("last"), GP64()).(gp)
	m := s.mask(last)
	r := arguments("blocks", "a", "rsa", "csa", "ldb", "c", "ldc")
	blocks, a0, rsa, csa, ldb, c, ldc := r[0], r[1], r[2], r[3], r[4], r[5], r[6]
	row := rowAddress(rsa, t.rows)
	maskOf := func(j int) *mask {
		if j == t.vectors-1 {
			return &m
		}
		return nil
	}
	Label("block")
	acc := make([][]vec, t.rows)
	for i := range acc {
		acc[i] = s.vecs(t.vectors)
		for j := range acc[i] {
			s.zero(acc[i][j])
		}
	}
	cp := GP64()
	eachC := func(do func(at Mem, i, j int)) {
		MOVQ(c, cp)
		for i := range t.rows {
			for j := range t.vectors {
				do(Mem{Base: cp, Disp: s.bytes() * j}, i, j)
			}
			ADDQ(ldc, cp)
		}
	}
	flag := Load(Param("accumulate"), GP64())
	TESTQ(flag, flag)
	JZ(LabelRef("fresh"))
	eachC(func(at Mem, i, j int) { s.load(at, maskOf(j), acc[i][j]) })
	Label("fresh")
	a := GP64()
	MOVQ(a0, a)
	b := Load(Param("b"), GP64()).(gp)
	k := Load(Param("k"), GP64())
	columns, x := s.vecs(t.vectors), s.vec()
	Label("product")
	for j := range columns {
		s.load(Mem{Base: b, Disp: s.bytes() * j}, maskOf(j), columns[j])
	}
	for i := range acc {
		VBROADCASTSS(row(a, i), x)
		for j := range columns {
			VFMADD231PS(columns[j], x, acc[i][j])
		}
	}
	ADDQ(csa, a)
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(LabelRef("product"))
	eachC(func(at Mem, i, j int) { s.store(acc[i][j], at, maskOf(j)) })
	MOVQ(cp, c)
	for range t.rows {
		ADDQ(rsa, a0)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	ret()
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
	TEXT("transpose8", NOSPLIT, "func(blocks int, dst *float32, ldd uintptr, src *float32, lds uintptr)")
	Pragma("noescape")
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
