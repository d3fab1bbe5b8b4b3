package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func vectorOps(s isa) {
	s.text("axpy", "func(n int, dst, src *float32, alpha float32)")
	r := arguments("n", "dst", "src")
	alpha := s.spread("alpha")
	overElements(s, r[0], 4, func(a access) {
		for u := range a.vectors {
			d := a.load(0, u)
			VFMADD231PS(a.load(1, u), alpha, d)
			a.store(d, 0, u)
		}
	}, r[1], r[2])
	ret()

	s.text("scale", "func(n int, dst *float32, alpha float32)")
	r = arguments("n", "dst")
	alpha = s.spread("alpha")
	overElements(s, r[0], 4, func(a access) {
		for u := range a.vectors {
			d := a.load(0, u)
			VMULPS(alpha, d, d)
			a.store(d, 0, u)
		}
	}, r[1])
	ret()

	s.text("mulAdd", "func(n int, dst, c, a, b *float32)")
	r = arguments("n", "dst", "c", "a", "b")
	overElements(s, r[0], 4, func(a access) {
		for u := range a.vectors {
			d := a.load(1, u)
			VFMADD231PS(a.load(2, u), a.load(3, u), d)
			a.store(d, 0, u)
		}
	}, r[1], r[2], r[3], r[4])
	ret()

	binary := func(name string, op func(a, b, c Op)) {
		s.text(name, "func(n int, dst, a, b *float32)")
		r := arguments("n", "dst", "a", "b")
		overElements(s, r[0], 4, func(a access) {
			for u := range a.vectors {
				d := a.load(1, u)
				op(a.load(2, u), d, d)
				a.store(d, 0, u)
			}
		}, r[1], r[2], r[3])
		ret()
	}
	binary("add", addPS)
	binary("mul", func(a, b, c Op) { VMULPS(a, b, c) })
}

func reductions(s isa) {
	s.text("dot", "func(n int, a, b *float32) float32")
	r := arguments("n", "a", "b")
	acc := s.vecs(4)
	for _, v := range acc {
		s.zero(v)
	}
	overElements(s, r[0], 4, func(a access) {
		for u := range a.vectors {
			VFMADD231PS(a.load(0, u), a.load(1, u), acc[u])
		}
	}, r[1], r[2])
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	Store(lowX(s.fold(acc[0], addPS)), ReturnIndex(0))
	ret()

	s.text("sumSquares", "func(n int, a *float32) float64")
	r = arguments("n", "a")
	sums := s.vecs(2)
	for _, v := range sums {
		s.zero(v)
	}
	overElements(s, r[0], 1, func(a access) {
		v := a.load(0, 0)
		upper := YMM()
		low, high := s.vec(), s.vec()
		if s == avx512 {
			VEXTRACTF64X4(Imm(1), v, upper)
			VCVTPS2PD(v.AsY(), low)
			VCVTPS2PD(upper, high)
		} else {
			VEXTRACTF128(Imm(1), v, upper.AsX())
			VCVTPS2PD(v.AsX(), low)
			VCVTPS2PD(upper.AsX(), high)
		}
		VFMADD231PD(low, low, sums[0])
		VFMADD231PD(high, high, sums[1])
	}, r[1])
	VADDPD(sums[1], sums[0], sums[0])
	y := lowY(sums[0])
	if s == avx512 {
		upper := YMM()
		VEXTRACTF64X4(Imm(1), sums[0], upper)
		VADDPD(upper, y, upper)
		y = upper
	}
	x, total := XMM(), XMM()
	VEXTRACTF128(Imm(1), y, x)
	VADDPD(x, lowX(y), total)
	VPERMILPD(Imm(1), total, x)
	VADDSD(x, total, total)
	Store(total, ReturnIndex(0))
	ret()
}

// rowOps loops over rows inside blocks of columns, so that the vector the rows
// share stays in registers.
func rowOps(s isa) {
	s.text("addRow", "func(rows, n int, dst *float32, ldd uintptr, src *float32, lds uintptr, row *float32)")
	r := arguments("n", "dst", "src", "row")
	overElements(s, r[0], 4, func(a access) {
		row := make([]vec, a.vectors)
		for u := range row {
			row[u] = a.load(2, u)
		}
		overRows([]string{"ldd", "lds"}, a.base[:2], func(p []gp) {
			for u := range row {
				v := s.vec()
				s.load(Mem{Base: p[1], Disp: u * s.bytes()}, a.m, v)
				VADDPS(row[u], v, v)
				s.store(v, Mem{Base: p[0], Disp: u * s.bytes()}, a.m)
			}
		})
	}, r[1:]...)
	ret()

	s.text("sumRows", "func(rows, n int, dst, src *float32, lds uintptr)")
	r = arguments("n", "dst", "src")
	overElements(s, r[0], 8, func(a access) {
		sum := make([]vec, a.vectors)
		for u := range sum {
			sum[u] = a.load(0, u)
		}
		overRows([]string{"lds"}, a.base[1:], func(p []gp) {
			for u := range sum {
				v := s.vec()
				s.load(Mem{Base: p[0], Disp: u * s.bytes()}, a.m, v)
				VADDPS(v, sum[u], sum[u])
			}
		})
		for u := range sum {
			a.store(sum[u], 0, u)
		}
	}, r[1], r[2])
	ret()
}

// scaledRows goes through columns, so that what the rows share stays in
// registers.
func scaledRows(s isa) {
	s.text("scaledRows", "func(rows, n int, dw, w *float32, ld uintptr, scale, shift, dscale, dshift, d *float32)")
	r := arguments("n", "dw", "w", "scale", "shift", "dscale", "dshift")
	const scale, shift, dscale, dshift = 2, 3, 4, 5
	overElements(s, r[0], 1, func(a access) {
		by, onto, ds, dh := a.load(scale, 0), a.load(shift, 0), a.load(dscale, 0), a.load(dshift, 0)
		sums := Load(Param("d"), GP64()).(gp)
		overRows([]string{"ld", "ld"}, a.base[:2], func(p []gp) {
			g, w, d, moved := s.vec(), s.vec(), s.vec(), s.vec()
			s.load(Mem{Base: p[0]}, a.m, g)
			s.load(Mem{Base: p[1]}, a.m, w)
			VBROADCASTSS(Mem{Base: sums}, d)
			VFMADD231PS(w, g, ds)
			VFMADD231PS(w, d, dh)
			VMULPS(d, onto, moved)
			VFMADD132PS(by, moved, g)
			s.store(g, Mem{Base: p[0]}, a.m)
			ADDQ(Imm(4), sums)
		})
		a.store(ds, dscale, 0)
		a.store(dh, dshift, 0)
	}, r[1:]...)
	ret()
}

// indexedRows emit loops over the rows that a list of indices names.
func indexedRows(s isa) {
	s.text("gatherRows", "func(rows, n int, dst *float32, ldd uintptr, table *float32, ldt uintptr, index *int32)")
	eachIndex(s, "dst", "ldd", func(a access) {
		for u := range a.vectors {
			a.store(a.load(1, u), 0, u)
		}
	})
	s.text("scatterAddRows", "func(rows, n int, src *float32, lds uintptr, table *float32, ldt uintptr, index *int32)")
	eachIndex(s, "src", "lds", func(a access) {
		for u := range a.vectors {
			v := a.load(1, u)
			VADDPS(a.load(0, u), v, v)
			a.store(v, 1, u)
		}
	})
}

// eachIndex emits body for each row of an array and the row of the table that
// its index names: arrays 0 and 1.
func eachIndex(s isa, array, stride string, body func(a access)) {
	r := arguments("rows", array, stride, "table", "ldt", "index")
	rows, base, step, table, ldt, index := r[0], r[1], r[2], r[3], r[4], r[5]
	Label("row")
	p, named := GP64(), GP64()
	MOVLQSX(Mem{Base: index}, named)
	IMULQ(ldt, named)
	ADDQ(table, named)
	MOVQ(base, p)
	overElements(s, Load(Param("n"), GP64()).(gp), 4, body, p, named)
	ADDQ(step, base)
	ADDQ(Imm(4), index)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ret()
}

// overRows emits body for each of the rows rows of matrices from base, stride
// bytes apart.
func overRows(strides []string, base []gp, body func(p []gp)) {
	loop := label("rows")
	p, steps := make([]gp, len(base)), make([]Op, len(base))
	for i := range base {
		p[i] = GP64()
		MOVQ(base[i], p[i])
		steps[i] = Load(Param(strides[i]), GP64())
	}
	rows := Load(Param("rows"), GP64())
	Label(loop)
	body(p)
	for i := range p {
		ADDQ(steps[i], p[i])
	}
	DECQ(rows)
	JNZ(LabelRef(loop))
}

// adamW reads its constants in the order of adamWConstants.
func adamW(s isa) {
	s.text("adamW", "func(n int, p, grad, m, v, constants *float32)")
	r := arguments("n", "p", "grad", "m", "v", "constants")
	c := s.vecs(9)
	for i := range c {
		VBROADCASTSS(Mem{Base: r[5], Disp: 4 * i}, c[i])
	}
	const decay, beta1, rest1, beta2, rest2, stepSize, inverse, eps, factor = 0, 1, 2, 3, 4, 5, 6, 7, 8
	zero := s.vec()
	s.zero(zero)
	overElements(s, r[0], 1, func(a access) {
		p, d, m, v := a.load(0, 0), a.load(1, 0), a.load(2, 0), a.load(3, 0)
		a.store(zero, 1, 0)
		VMULPS(c[factor], d, d)
		VMULPS(c[beta1], m, m)
		VFMADD231PS(c[rest1], d, m)
		a.store(m, 2, 0)
		VMULPS(d, d, d)
		VMULPS(c[beta2], v, v)
		VFMADD231PS(c[rest2], d, v)
		a.store(v, 3, 0)
		VSQRTPS(v, v)
		VFMADD213PS(c[eps], c[inverse], v)
		VMULPS(c[stepSize], m, m)
		VDIVPS(v, m, m)
		VMULPS(c[decay], p, p)
		VSUBPS(m, p, p)
		a.store(p, 0, 0)
	}, r[1], r[2], r[3], r[4])
	ret()
}
