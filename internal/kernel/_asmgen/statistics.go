package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// doubles reads eight values in double precision.
func doubles(at gp) (low, high vec) {
	low, high = YMM(), YMM()
	VCVTPS2PD(Mem{Base: at}, low)
	VCVTPS2PD(Mem{Base: at, Disp: 16}, high)
	return low, high
}

// summary8 writes eight sums, least and greatest values of every eighth element;
// n is a multiple of eight.
func summary8() {
	plain("summary8", "func(n int, a *float32, sums *float64, lows, highs *float32)")
	r := arguments("n", "a", "sums", "lows", "highs")
	n, a, sums := r[0], r[1], r[2]
	acc := avx2.vecs(2)
	for _, v := range acc {
		avx2.zero(v)
	}
	low, high := YMM(), YMM()
	VMOVUPS(Mem{Base: a}, low)
	VMOVUPS(low, high)
	Label("loop")
	x, y := doubles(a)
	VADDPD(x, acc[0], acc[0])
	VADDPD(y, acc[1], acc[1])
	v := YMM()
	VMOVUPS(Mem{Base: a}, v)
	VMINPS(v, low, low)
	VMAXPS(v, high, high)
	ADDQ(Imm(32), a)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("loop"))
	VMOVUPD(acc[0], Mem{Base: sums})
	VMOVUPD(acc[1], Mem{Base: sums, Disp: 32})
	VMOVUPS(low, Mem{Base: r[3]})
	VMOVUPS(high, Mem{Base: r[4]})
	ret()
}

// squaredDeviations8 writes eight sums of squares of every eighth element's distance
// from the mean; n is a multiple of eight.
func squaredDeviations8() {
	plain("squaredDeviations8", "func(n int, a *float32, mean float64, sums *float64)")
	r := arguments("n", "a", "sums")
	n, a, sums := r[0], r[1], r[2]
	mean := YMM()
	VBROADCASTSD(Load(Param("mean"), XMM()), mean)
	acc := avx2.vecs(2)
	for _, v := range acc {
		avx2.zero(v)
	}
	Label("loop")
	x, y := doubles(a)
	for i, v := range []vec{x, y} {
		VSUBPD(mean, v, v)
		VFMADD231PD(v, v, acc[i])
	}
	ADDQ(Imm(32), a)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("loop"))
	VMOVUPD(acc[0], Mem{Base: sums})
	VMOVUPD(acc[1], Mem{Base: sums, Disp: 32})
	ret()
}

// bins32 writes (a-low)·scale as bytes; n is a multiple of 32.
func bins32() {
	plain("bins32", "func(n int, dst *uint8, a *float32, low, scale float32)")
	r := arguments("n", "dst", "a")
	n, dst, a := r[0], r[1], r[2]
	low, scale := avx2.spread("low"), avx2.spread("scale")
	order := YMM() // packing interleaves the halves of registers
	VMOVUPS(words("packed", 8, func(i int) uint32 { return uint32(i/2 + i%2*4) }), order)
	Label("loop")
	v := avx2.vecs(4)
	for i := range v {
		VMOVUPS(Mem{Base: a, Disp: 32 * i}, v[i])
		VSUBPS(low, v[i], v[i])
		VMULPS(scale, v[i], v[i])
		VCVTTPS2DQ(v[i], v[i])
	}
	VPACKUSDW(v[1], v[0], v[0])
	VPACKUSDW(v[3], v[2], v[2])
	VPACKUSWB(v[2], v[0], v[0])
	VPERMD(v[0], order, v[0])
	VMOVDQU(v[0], Mem{Base: dst})
	ADDQ(Imm(128), a)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(32), n)
	JNZ(LabelRef("loop"))
	ret()
}
