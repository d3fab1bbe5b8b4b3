package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// rowKernel helps with kernels that pass over each row of a matrix more than
// once.
type rowKernel struct{ isa }

// count loads the length of a row.
func (rowKernel) count() gp { return Load(Param("n"), GP64()).(gp) }

// copies returns copies of pointers, for one pass over a row.
func (rowKernel) copies(ps ...gp) []gp {
	r := make([]gp, len(ps))
	for i, p := range ps {
		r[i] = GP64()
		MOVQ(p, r[i])
	}
	return r
}

// pass emits body for a whole row; at numbers the arrays.
func (k rowKernel) pass(body func(a access), arrays ...gp) {
	overElements(k.isa, k.count(), 1, body, k.copies(arrays...)...)
}

// cleared zeroes the lanes of v beyond the row.
func (k rowKernel) cleared(a access, v vec) {
	if a.m != nil {
		k.clearRest(*a.m, v)
	}
}

// spreadAt returns the float at an address in every lane.
func (k rowKernel) spreadAt(at Mem) vec {
	r := k.vec()
	VBROADCASTSS(at, r)
	return r
}

// total returns the sum of v's lanes times factor in every lane.
func (k rowKernel) total(v, factor vec) vec {
	r := k.vec()
	VBROADCASTSS(lowX(k.fold(v, addPS)), r)
	VMULPS(factor, r, r)
	return r
}

// advance moves pointers to the next row, stride elements on.
func advance(stride gp, pointers ...gp) {
	for _, p := range pointers {
		LEAQ(Mem{Base: p, Index: stride, Scale: 4}, p)
	}
}

// layerNorm keeps the mean and the inverse standard deviation of each row in
// stats.
func layerNorm(s isa) {
	s.text("layerNorm", "func(rows, n int, dst, src, gamma, beta, stats *float32, inverseN, eps float32)")
	k := rowKernel{s}
	r := arguments("rows", "dst", "src", "gamma", "beta", "stats")
	rows, dst, src, gamma, beta, stats := r[0], r[1], r[2], r[3], r[4], r[5]
	inverseN, eps, one := s.spread("inverseN"), s.spread("eps"), s.broadcast(1)
	Label("row")
	sum, squares := s.vec(), s.vec()
	s.zero(sum)
	s.zero(squares)
	k.pass(func(a access) { VADDPS(a.load(0, 0), sum, sum) }, src)
	mean := k.total(sum, inverseN)
	k.pass(func(a access) {
		v := a.load(0, 0)
		VSUBPS(mean, v, v)
		k.cleared(a, v)
		VFMADD231PS(v, v, squares)
	}, src)
	inverse := k.total(squares, inverseN)
	VADDPS(eps, inverse, inverse)
	VSQRTPS(inverse, inverse)
	VDIVPS(inverse, one, inverse)
	VMOVSS(lowX(mean), Mem{Base: stats})
	VMOVSS(lowX(inverse), Mem{Base: stats, Disp: 4})
	k.pass(func(a access) {
		v := a.load(0, 0)
		VSUBPS(mean, v, v)
		VMULPS(inverse, v, v)
		shift := a.load(2, 0)
		VFMADD132PS(a.load(1, 0), shift, v)
		a.store(v, 3, 0)
	}, src, gamma, beta, dst)
	n := k.count()
	advance(n, src, dst)
	ADDQ(Imm(8), stats)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}

func layerNormBackward(s isa) {
	s.text("layerNormBackward", "func(rows, n int, dx, dgamma, dbeta, dy, x, gamma, stats *float32, inverseN float32)")
	k := rowKernel{s}
	r := arguments("rows", "dx", "dy", "x", "gamma", "stats")
	rows, dx, dy, x, gamma, stats := r[0], r[1], r[2], r[3], r[4], r[5]
	inverseN := s.spread("inverseN")
	Label("row")
	mean, inverse := k.spreadAt(Mem{Base: stats}), k.spreadAt(Mem{Base: stats, Disp: 4})
	normal := func(a access, array int) vec {
		v := a.load(array, 0)
		VSUBPS(mean, v, v)
		VMULPS(inverse, v, v)
		return v
	}
	sum, dot := s.vec(), s.vec()
	s.zero(sum)
	s.zero(dot)
	dgamma, dbeta := Load(Param("dgamma"), GP64()).(gp), Load(Param("dbeta"), GP64()).(gp)
	k.pass(func(a access) {
		d, v := a.load(0, 0), normal(a, 1)
		dg, db := a.load(3, 0), a.load(4, 0)
		VFMADD231PS(v, d, dg)
		VADDPS(d, db, db)
		a.store(dg, 3, 0)
		a.store(db, 4, 0)
		VMULPS(a.load(2, 0), d, d)
		VADDPS(d, sum, sum)
		VFMADD231PS(v, d, dot)
	}, dy, x, gamma, dgamma, dbeta)
	sum, dot = k.total(sum, inverseN), k.total(dot, inverseN)
	k.pass(func(a access) {
		d, v := a.load(0, 0), normal(a, 1)
		VMULPS(a.load(2, 0), d, d)
		VSUBPS(sum, d, d)
		VFNMADD231PS(dot, v, d)
		VMULPS(inverse, d, d)
		a.store(d, 3, 0)
	}, dy, x, gamma, dx)
	n := k.count()
	advance(n, dy, x, dx)
	ADDQ(Imm(8), stats)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}

// attentionWeights keeps of each row scale times its maximum and the inverse of
// the sum of exponentials in stats.
func attentionWeights(s isa) {
	s.text("attentionWeights", "func(rows, n int, p *float32, ldp uintptr, stats *float32, scale float32)")
	k := rowKernel{s}
	r := arguments("rows", "p", "ldp", "stats")
	rows, p, ldp, stats := r[0], r[1], r[2], r[3]
	scale, e := s.spread("scale"), s.exponential()
	Label("row")
	top := k.spreadAt(Mem{Base: p})
	k.pass(func(a access) {
		v := a.load(0, 0)
		if a.m != nil {
			s.keep(*a.m, v, top)
		}
		VMAXPS(v, top, top)
	}, p)
	VBROADCASTSS(lowX(s.fold(top, maxPS)), top)
	VMULPS(scale, top, top)
	sum := s.vec()
	s.zero(sum)
	k.pass(func(a access) {
		v := a.load(0, 0)
		VFMSUB132PS(scale, top, v)
		s.exps([]vec{v}, e)
		k.cleared(a, v)
		VADDPS(v, sum, sum)
		a.store(v, 0, 0)
	}, p)
	inverse := s.inverse(s.fold(sum, addPS))
	k.pass(func(a access) {
		v := a.load(0, 0)
		VMULPS(inverse, v, v)
		a.store(v, 0, 0)
	}, p)
	VMOVSS(lowX(top), Mem{Base: stats})
	VMOVSS(lowX(inverse), Mem{Base: stats, Disp: 4})
	ADDQ(ldp, p)
	ADDQ(Imm(8), stats)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}

// attentionWeightsBackward makes the weights anew from the scores in p and
// turns the gradient of the weights in dp to that of the scores.
func attentionWeightsBackward(s isa) {
	s.text("attentionWeightsBackward", "func(rows, n int, p, dp *float32, ldp uintptr, stats, dots *float32, scale float32)")
	k := rowKernel{s}
	r := arguments("rows", "p", "dp", "ldp", "stats", "dots")
	rows, p, dp, ldp, stats, dots := r[0], r[1], r[2], r[3], r[4], r[5]
	scale, e := s.spread("scale"), s.exponential()
	Label("row")
	top, inverse, dot := k.spreadAt(Mem{Base: stats}), k.spreadAt(Mem{Base: stats, Disp: 4}), k.spreadAt(Mem{Base: dots})
	k.pass(func(a access) {
		v, d := a.load(0, 0), a.load(1, 0)
		VFMSUB132PS(scale, top, v)
		s.exps([]vec{v}, e)
		VMULPS(inverse, v, v)
		VSUBPS(dot, d, d)
		VMULPS(scale, d, d)
		VMULPS(v, d, d)
		a.store(v, 0, 0)
		a.store(d, 1, 0)
	}, p, dp)
	ADDQ(ldp, p)
	ADDQ(ldp, dp)
	ADDQ(Imm(8), stats)
	ADDQ(Imm(4), dots)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}
