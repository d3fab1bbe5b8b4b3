package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// gateBlock addresses the gates of one row: gate q of a unit lies q*hidden
// elements after the first.
type gateBlock struct {
	base, stride, three gp
}

func newGateBlock(base, hidden gp, gates int) gateBlock {
	b := gateBlock{base: base, stride: GP64()}
	MOVQ(hidden, b.stride)
	SHLQ(Imm(2), b.stride)
	if gates > 3 {
		b.three = GP64()
		LEAQ(Mem{Base: b.stride, Index: b.stride, Scale: 2}, b.three)
	}
	return b
}

func (b gateBlock) at(base gp, q int) Mem {
	switch q {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: b.three, Scale: 1}
	}
	return Mem{Base: base, Index: b.stride, Scale: uint8(q)}
}

// overUnits emits body for every stretch of units of every row. gateArrays
// hold gates blocks a row, the other arrays one.
func overUnits(s isa, gates int, gateArrays, arrays []gp, body func(at access, b gateBlock)) {
	hidden := Load(Param("hidden"), GP64()).(gp)
	rows := Load(Param("rows"), GP64()).(gp)
	b := newGateBlock(gateArrays[0], hidden, gates)
	row, units, tail, done := label("row"), label("units"), label("tail"), label("done")
	Label(row)
	n := GP64()
	MOVQ(hidden, n)
	hot(units)
	CMPQ(n, Imm(uint64(s.lanes)))
	JL(LabelRef(tail))
	body(access{s, 1, nil, arrays}, b)
	for _, p := range append(append([]gp{}, gateArrays...), arrays...) {
		ADDQ(Imm(uint64(s.bytes())), p)
	}
	SUBQ(Imm(uint64(s.lanes)), n)
	JMP(LabelRef(units))
	Label(tail)
	TESTQ(n, n)
	JZ(LabelRef(done))
	m := s.mask(n)
	body(access{s, 1, &m, arrays}, b)
	for _, p := range append(append([]gp{}, gateArrays...), arrays...) {
		LEAQ(Mem{Base: p, Index: n, Scale: 4}, p)
	}
	Label(done)
	for _, p := range gateArrays {
		for range gates - 1 {
			ADDQ(b.stride, p)
		}
	}
	DECQ(rows)
	JNZ(LabelRef(row))
}

func (a access) loadGate(b gateBlock, base gp, q int) vec {
	v := a.vec()
	a.isa.load(b.at(base, q), a.m, v)
	return v
}

// lstmForward does gates and outputs unit by unit with AVX-512. With AVX2, where
// each takes twice the instructions, a processor looks ahead too few of them to work
// on a second unit while the first one's outputs wait for its gates: those are all
// done before.
func lstmForward(s isa) {
	s.text("lstmForward", "func(rows, hidden int, gates, cPrev, c, tanhC, h *float32)")
	limit, half := s.clamps(), s.broadcast(0.5)
	if s == avx512 {
		r := arguments("gates", "cPrev", "c", "tanhC", "h")
		overUnits(s, 4, r[:1], r[1:], func(a access, b gateBlock) {
			gate, state := lstmGates(a, b, r[0], limit, half)
			lstmOutputs(a, gate[3], state, limit, 2, 3)
		})
	} else {
		r := arguments("gates", "cPrev", "c")
		overUnits(s, 4, r[:1], r[1:], func(a access, b gateBlock) { lstmGates(a, b, r[0], limit, half) })
		r = arguments("gates", "c", "tanhC", "h")
		overUnits(s, 4, r[:1], r[1:], func(a access, b gateBlock) {
			lstmOutputs(a, a.loadGate(b, r[0], 3), a.load(0, 0), limit, 1, 2)
		})
	}
	ret()
}

// lstmGates activates the gates and makes the new state of cPrev, the access's array
// 0, in array 1.
func lstmGates(a access, b gateBlock, gates gp, limit clamps, half vec) (gate []vec, state vec) {
	const cPrev, c = 0, 1
	gate = make([]vec, 4)
	for q := range gate {
		gate[q] = a.loadGate(b, gates, q)
		if q != 2 {
			VMULPS(half, gate[q], gate[q])
		}
	}
	if a.isa == avx512 {
		a.tanhs(gate, limit)
	} else { // sixteen registers hold two at a time
		a.tanhs(gate[:2], limit)
		a.tanhs(gate[2:], limit)
	}
	for q := range gate {
		if q != 2 {
			VFMADD213PS(half, half, gate[q])
		}
		a.isa.store(gate[q], b.at(gates, q), a.m)
	}
	state = a.load(cPrev, 0)
	VMULPS(gate[1], state, state)
	VFMADD231PS(gate[0], gate[2], state)
	a.store(state, c, 0)
	return gate, state
}

// lstmOutputs makes the arrays tanhC and h of the output gate and the state.
func lstmOutputs(a access, gate, state vec, limit clamps, tanhC, h int) {
	a.tanhs([]vec{state}, limit)
	a.store(state, tanhC, 0)
	VMULPS(gate, state, state)
	a.store(state, h, 0)
}

// slope returns v - v*v, the derivative of a sigmoid by its value.
func (s isa) slope(v vec) vec {
	d := s.vec()
	VMOVAPS(v, d)
	VFNMADD231PS(v, v, d)
	return d
}

// slopeTanh returns 1 - v*v.
func (s isa) slopeTanh(v, one vec) vec {
	d := s.vec()
	VMOVAPS(one, d)
	VFNMADD231PS(v, v, d)
	return d
}

func lstmBackward(s isa) {
	s.text("lstmBackward", "func(rows, hidden int, gates, cPrev, tanhC, dh, dc *float32)")
	r := arguments("gates", "cPrev", "tanhC", "dh", "dc")
	one := s.broadcast(1)
	const cPrev, tanhC, dh, dc = 0, 1, 2, 3
	overUnits(s, 4, r[:1], r[1:], func(a access, b gateBlock) {
		i, f, c, o := a.loadGate(b, r[0], 0), a.loadGate(b, r[0], 1), a.loadGate(b, r[0], 2), a.loadGate(b, r[0], 3)
		t, up := a.load(tanhC, 0), a.load(dh, 0)
		d := s.slopeTanh(t, one)
		VMULPS(o, d, d)
		VMULPS(up, t, t)
		do := s.slope(o)
		VMULPS(t, do, do)
		s.store(do, b.at(r[0], 3), a.m)
		sum := a.load(dc, 0)
		VFMADD213PS(sum, up, d)
		di, dc0 := s.slope(i), s.slopeTanh(c, one)
		VMULPS(c, di, di)
		VMULPS(d, di, di)
		s.store(di, b.at(r[0], 0), a.m)
		VMULPS(i, dc0, dc0)
		VMULPS(d, dc0, dc0)
		s.store(dc0, b.at(r[0], 2), a.m)
		df := s.slope(f)
		before := a.load(cPrev, 0)
		VMULPS(before, df, df)
		VMULPS(d, df, df)
		s.store(df, b.at(r[0], 1), a.m)
		VMULPS(d, f, f)
		a.store(f, dc, 0)
	})
	ret()
}

func gruForward(s isa) {
	s.text("gruForward", "func(rows, hidden int, gx, gh, hPrev, h *float32)")
	r := arguments("gx", "gh", "hPrev", "h")
	limit, half := s.clamps(), s.broadcast(0.5)
	overUnits(s, 3, r[:2], r[2:], func(a access, b gateBlock) {
		gate := make([]vec, 2)
		for q := range gate {
			gate[q] = a.loadGate(b, r[0], q)
			VADDPS(a.loadGate(b, r[1], q), gate[q], gate[q])
		}
		s.sigmoids(gate, limit, half)
		n := a.loadGate(b, r[0], 2)
		VFMADD231PS(a.loadGate(b, r[1], 2), gate[0], n)
		s.tanhs([]vec{n}, limit)
		s.store(gate[0], b.at(r[0], 0), a.m)
		s.store(gate[1], b.at(r[0], 1), a.m)
		s.store(n, b.at(r[0], 2), a.m)
		h := a.load(0, 0)
		VSUBPS(n, h, h)
		VFMADD213PS(n, gate[1], h)
		a.store(h, 1, 0)
	})
	ret()
}

func gruBackward(s isa) {
	s.text("gruBackward", "func(rows, hidden int, gx, gh, hPrev, dh, dhPrev *float32)")
	r := arguments("gx", "gh", "hPrev", "dh", "dhPrev")
	one := s.broadcast(1)
	const hPrev, dh, dhPrev = 0, 1, 2
	overUnits(s, 3, r[:2], r[2:], func(a access, b gateBlock) {
		reset, z, n := a.loadGate(b, r[0], 0), a.loadGate(b, r[0], 1), a.loadGate(b, r[0], 2)
		d := a.load(dh, 0)
		through := a.load(dhPrev, 0)
		VFMADD231PS(z, d, through)
		a.store(through, dhPrev, 0)
		dn := s.slopeTanh(n, one)
		VMULPS(d, dn, dn)
		rest := s.vec()
		VSUBPS(z, one, rest)
		VMULPS(rest, dn, dn)
		s.store(dn, b.at(r[0], 2), a.m)
		dz, before := s.slope(z), a.load(hPrev, 0)
		VSUBPS(n, before, before)
		VMULPS(d, dz, dz)
		VMULPS(before, dz, dz)
		dr, recurrent := s.slope(reset), a.loadGate(b, r[1], 2)
		VMULPS(dn, dr, dr)
		VMULPS(recurrent, dr, dr)
		VMULPS(reset, dn, dn)
		for array := range 2 {
			s.store(dr, b.at(r[array], 0), a.m)
			s.store(dz, b.at(r[array], 1), a.m)
		}
		s.store(dn, b.at(r[1], 2), a.m)
	})
	ret()
}
