package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The coefficients are those of activation_generic.go.
const (
	tanhClamp = 7.90531110763549805
)

var (
	tanhP = []float32{-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03}
	tanhQ = []float32{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03}
)

// clamps are the registers that tanh needs throughout a kernel.
type clamps struct{ low, high vec }

func (s isa) clamps() clamps {
	s.hold(tanhP...)
	s.hold(tanhQ...)
	return clamps{s.broadcast(-tanhClamp), s.broadcast(tanhClamp)}
}

// tanhs replaces each register by its hyperbolic tangent, interleaved. A NaN
// stays one: VMINPS and VMAXPS return their first operand here.
func (s isa) tanhs(xs []vec, c clamps) {
	sq, p, q := s.vecs(len(xs)), s.vecs(len(xs)), s.vecs(len(xs))
	for i, x := range xs {
		VMINPS(x, c.high, x)
		VMAXPS(x, c.low, x)
		VMULPS(x, x, sq[i])
	}
	polynomial := func(into []vec, coefficients []float32) {
		for i := range xs {
			VMOVUPS(s.constant(coefficients[0]), into[i])
		}
		for _, k := range coefficients[1:] {
			for i := range xs {
				VFMADD213PS(s.constant(k), sq[i], into[i])
			}
		}
	}
	polynomial(p, tanhP)
	polynomial(q, tanhQ)
	for i, x := range xs {
		VMULPS(x, p[i], p[i])
		VDIVPS(q[i], p[i], x)
	}
}

// sigmoids replaces each register by (1+tanh(x/2))/2.
func (s isa) sigmoids(xs []vec, c clamps, half vec) {
	for _, x := range xs {
		VMULPS(half, x, x)
	}
	s.tanhs(xs, c)
	for _, x := range xs {
		VFMADD213PS(half, half, x)
	}
}

var expP = []float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

const (
	log2e  = 1.44269504088896341
	ln2    = 0.693359375    // its greater part
	ln2Low = -2.12194440e-4 // and the rest
)

// exponential is what exps need throughout a kernel: registers with the limits
// of its argument.
type exponential struct{ high, low vec }

func (s isa) exponential() exponential {
	s.hold(expP...)
	s.hold(log2e, ln2, ln2Low, 1)
	return exponential{s.broadcast(89), s.broadcast(-105)}
}

// exps replaces each register by its exponential: Cephes' polynomial after
// range reduction by ln 2 in two parts.
func (s isa) exps(xs []vec, e exponential) {
	for _, x := range xs {
		VMINPS(x, e.high, x)
		VMAXPS(x, e.low, x)
		n, p, sq := s.vec(), s.vec(), s.vec()
		VMULPS(s.constant(log2e), x, n)
		if s == avx512 {
			VRNDSCALEPS(Imm(0), n, n)
		} else {
			VROUNDPS(Imm(0), n, n)
		}
		VFNMADD231PS(s.constant(ln2), n, x)
		VFNMADD231PS(s.constant(ln2Low), n, x)
		VMOVUPS(s.constant(expP[0]), p)
		for _, k := range expP[1:] {
			VFMADD213PS(s.constant(k), x, p)
		}
		VMULPS(x, x, sq)
		VFMADD213PS(x, sq, p)
		VADDPS(s.constant(1), p, p)
		s.scaleByPower(p, n, x)
	}
}

// scaleByPower sets to to p times 2 to the whole number n, which it destroys.
func (s isa) scaleByPower(p, n, to vec) {
	if s == avx512 {
		VSCALEFPS(n, p, to)
		return
	}
	half := s.vec()
	VCVTPS2DQ(n, n)
	VPSRAD(Imm(1), n, half) // two factors, each a normal number
	VPSUBD(half, n, n)
	for _, e := range []vec{half, n} {
		VPADDD(integers(127), e, e)
		VPSLLD(Imm(23), e, e)
	}
	VMULPS(half, p, p)
	VMULPS(n, p, to)
}

func activations(s isa) {
	unary := func(name string, prepare func() func(xs []vec)) {
		s.text(name, "func(n int, dst, src *float32)")
		r := arguments("n", "dst", "src")
		apply := prepare()
		overElements(s, r[0], 2, func(a access) {
			xs := make([]vec, a.vectors)
			for u := range xs {
				xs[u] = a.load(1, u)
			}
			apply(xs)
			for u := range xs {
				a.store(xs[u], 0, u)
			}
		}, r[1], r[2])
		ret()
	}
	unary("sigmoids", func() func([]vec) {
		c, half := s.clamps(), s.broadcast(0.5)
		return func(xs []vec) { s.sigmoids(xs, c, half) }
	})
	unary("tanhs", func() func([]vec) {
		c := s.clamps()
		return func(xs []vec) { s.tanhs(xs, c) }
	})
	unary("exps", func() func([]vec) {
		e := s.exponential()
		return func(xs []vec) { s.exps(xs, e) }
	})
	unary("gelus", func() func([]vec) {
		c := s.clamps()
		s.hold(geluLinear, geluCubic, 0.5)
		return func(xs []vec) {
			for _, x := range xs {
				t := s.geluTanh(x, c)
				half := s.vec()
				VMULPS(s.constant(0.5), x, half)
				VMOVAPS(half, x)
				VFMADD231PS(half, t, x)
			}
		}
	})
	unary("relus", func() func([]vec) {
		zero := s.vec()
		s.zero(zero)
		return func(xs []vec) {
			for _, x := range xs {
				VMAXPS(x, zero, x) // a NaN stays one
			}
		}
	})
}

// The constants of the tanh form of GELU: sqrt(2/pi) and that times 0.044715.
const (
	geluLinear = 0.7978845608028654
	geluCubic  = 0.7978845608028654 * 0.044715
	geluLimit  = 5
)

// geluTanh returns tanh(geluLinear*x + geluCubic*x^3).
func (s isa) geluTanh(x vec, c clamps) vec {
	t := s.vec()
	VMULPS(x, x, t)
	VMULPS(s.constant(geluCubic), t, t)
	VADDPS(s.constant(geluLinear), t, t)
	VMULPS(x, t, t)
	s.tanhs([]vec{t}, c)
	return t
}

// slopes emits kernels that set dx to dy times the slope of a function.
func slopes(s isa) {
	slope := func(name, array string, prepare func() func(a access, d vec)) {
		s.text(name, "func(n int, dx, "+array+", dy *float32)")
		r := arguments("n", "dx", array, "dy")
		apply := prepare()
		overElements(s, r[0], 1, func(a access) {
			d := a.load(2, 0)
			apply(a, d)
			a.store(d, 0, 0)
		}, r[1], r[2], r[3])
		ret()
	}
	slope("gelusBackward", "x", func() func(access, vec) {
		c, limit, negative, unit := s.clamps(), s.broadcast(geluLimit), s.broadcast(-geluLimit), s.broadcast(1)
		s.hold(geluLinear, geluCubic, 3*geluCubic, 0.5)
		return func(a access, d vec) {
			x := a.load(1, 0)
			t := s.geluTanh(x, c)
			// 0.5*(1+t) + 0.5*x*(1-t*t)*(geluLinear + 3*geluCubic*x*x); beyond
			// the limit 1-t*t should be zero and must not be blown up.
			VMINPS(limit, x, x)
			VMAXPS(negative, x, x)
			u, v := s.vec(), s.slopeTanh(t, unit)
			VMULPS(x, x, u)
			VMULPS(s.constant(3*geluCubic), u, u)
			VADDPS(s.constant(geluLinear), u, u)
			VMULPS(x, u, u)
			VFMADD213PS(t, u, v)
			VADDPS(unit, v, v)
			VMULPS(s.constant(0.5), v, v)
			VMULPS(v, d, d)
		}
	})
	slope("relusBackward", "y", func() func(access, vec) {
		zero := s.vec()
		s.zero(zero)
		return func(a access, d vec) {
			y := a.load(1, 0)
			if s == avx512 {
				k := K()
				VCMPPS(Imm(lessThan), y, zero, k)
				VMOVAPS_Z(d, k, d)
				return
			}
			VCMPPS(Imm(lessThan), y, zero, y)
			VANDPS(y, d, d)
		}
	})
}

// lessThan is VCMPPS's predicate for an ordered comparison that is false for
// NaN.
const lessThan = 0x11

// softmax handles rows of any length in three passes: maximum; exponentials
// and their sum; scaling. Rows that fit a register stay there.
func softmax(s isa) {
	s.text("softmaxRows", "func(rows, n int, dst, src *float32)")
	r := arguments("rows", "dst", "src")
	rows, dst, src := r[0], r[1], r[2]
	e := s.exponential()
	count := func() gp { return Load(Param("n"), GP64()).(gp) }
	n := count()
	CMPQ(n, Imm(uint64(s.lanes)))
	JG(LabelRef("row"))
	m := s.mask(n)
	if s == avx512 {
		softmaxPairs(rows, n, src, dst, m, e)
	}
	Label("short")
	v, top := s.vec(), s.vec()
	VBROADCASTSS(Mem{Base: src}, top)
	s.load(Mem{Base: src}, &m, v)
	old := s.vec()
	VMOVAPS(v, old)
	s.keep(m, v, top)
	VMAXPS(v, top, top)
	VBROADCASTSS(lowX(s.fold(top, maxPS)), top)
	VSUBPS(top, old, v)
	s.exps([]vec{v}, e)
	s.clearRest(m, v)
	inverse := s.inverse(s.fold(v, addPS))
	VMULPS(inverse, v, v)
	s.store(v, Mem{Base: dst}, &m)
	LEAQ(Mem{Base: src, Index: n, Scale: 4}, src)
	LEAQ(Mem{Base: dst, Index: n, Scale: 4}, dst)
	DECQ(rows)
	JNZ(LabelRef("short"))
	ret()

	Label("row")
	pointer := func(p gp) gp {
		q := GP64()
		MOVQ(p, q)
		return q
	}
	top = s.vec()
	VBROADCASTSS(Mem{Base: src}, top)
	overElements(s, count(), 1, func(a access) {
		v := a.load(0, 0)
		if a.m != nil {
			s.keep(*a.m, v, top)
		}
		VMAXPS(v, top, top)
	}, pointer(src))
	VBROADCASTSS(lowX(s.fold(top, maxPS)), top)
	sum := s.vec()
	s.zero(sum)
	from, to := pointer(src), pointer(dst)
	overElements(s, count(), 1, func(a access) {
		v := a.load(0, 0)
		VSUBPS(top, v, v)
		s.exps([]vec{v}, e)
		if a.m != nil {
			s.clearRest(*a.m, v)
		}
		VADDPS(v, sum, sum)
		a.store(v, 1, 0)
	}, from, to)
	inverse = s.inverse(s.fold(sum, addPS))
	overElements(s, count(), 1, func(a access) {
		v := a.load(0, 0)
		VMULPS(inverse, v, v)
		a.store(v, 0, 0)
	}, pointer(dst))
	n = count()
	LEAQ(Mem{Base: src, Index: n, Scale: 4}, src)
	LEAQ(Mem{Base: dst, Index: n, Scale: 4}, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}

// softmaxPairs does rows of up to eight two at a time, one in each half of a
// register, and leaves the last of an odd number. The sums have the same order
// as those of a row alone, whose other half is zero.
func softmaxPairs(rows, n, src, dst gp, m mask, e exponential) {
	s := avx512
	CMPQ(n, Imm(8))
	JG(LabelRef("short"))
	SUBQ(Imm(2), rows)
	JL(LabelRef("last"))
	next := GP64()
	Label("pair")
	LEAQ(Mem{Base: src, Index: n, Scale: 4}, next)
	v, first := s.vec(), s.vec()
	lower, upper := YMM(), YMM()
	VBROADCASTSS(Mem{Base: src}, lower)
	VBROADCASTSS(Mem{Base: next}, upper)
	VMOVUPS(Mem{Base: src}, m.k, lower)
	VMOVUPS(Mem{Base: next}, m.k, upper)
	VINSERTF64X4(Imm(1), upper, lower.AsZ(), v)
	VMOVAPS(v, first)
	top := foldHalves(first, maxPS)
	VSUBPS(top, v, v)
	s.exps([]vec{v}, e)
	both, k2 := GP64(), K()
	KMOVW(m.k, both.As32())
	IMUL3Q(I32(257), both, both)
	KMOVW(both.As32(), k2)
	VMOVAPS_Z(v, k2, v)
	sum, one := foldHalves(v, addPS), held[1]
	VDIVPS(sum, one, sum)
	VMULPS(sum, v, v)
	VEXTRACTF64X4(Imm(1), v, upper)
	VMOVUPS(v.AsY(), m.k, Mem{Base: dst})
	VMOVUPS(upper, m.k, Mem{Base: dst, Index: n, Scale: 4})
	LEAQ(Mem{Base: src, Index: n, Scale: 8}, src)
	LEAQ(Mem{Base: dst, Index: n, Scale: 8}, dst)
	SUBQ(Imm(2), rows)
	JGE(LabelRef("pair"))
	Label("last")
	ADDQ(Imm(2), rows)
	JNZ(LabelRef("short"))
	ret()
}

// foldHalves is fold for the two halves of v apart: it fills each with its
// value.
func foldHalves(v vec, op func(a, b, c Op)) vec {
	x, r := ZMM(), ZMM()
	VSHUFF32X4(Imm(0xb1), v, v, x)
	op(x, v, r)
	VPERMILPS(Imm(0x4e), r, x)
	op(x, r, r)
	VPERMILPS(Imm(0xb1), r, x)
	op(x, r, r)
	return r
}

// inverse returns 1/v[0] in every lane.
func (s isa) inverse(v vec) vec {
	one, r := XMM(), s.vec()
	VMOVSS(constant(1), one)
	VDIVSS(lowX(v), one, one)
	VBROADCASTSS(one, r)
	return r
}

// keep replaces the lanes of v that m leaves out by those of other.
func (s isa) keep(m mask, v, other vec) {
	if s == avx512 {
		t := s.vec()
		VMOVAPS(other, t)
		VMOVAPS(v, m.k, t)
		VMOVAPS(t, v)
		return
	}
	VBLENDVPS(m.y, v, other, v)
}

// clearRest zeroes the lanes of v that m leaves out.
func (s isa) clearRest(m mask, v vec) {
	if s == avx512 {
		VMOVAPS_Z(v, m.k, v)
		return
	}
	VANDPS(m.y, v, v)
}
