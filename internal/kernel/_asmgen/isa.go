package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a virtual ZMM or YMM register, gp a general one.
type (
	vec = reg.VecVirtual
	gp  = reg.GPVirtual
)

// isa is an instruction set: its name is the suffix of its kernels.
type isa struct {
	name  string
	lanes int // float32 in a register
}

var (
	avx512 = isa{"AVX512", 16}
	avx2   = isa{"AVX2", 8}
)

func (s isa) bytes() int { return 4 * s.lanes }

// text starts a kernel of the instruction set.
func (s isa) text(name, signature string) { plain(name+s.name, signature) }

// plain starts a kernel, which keeps no pointers and needs no stack check; if it is
// of no instruction set in particular, any CPU with AVX2 or more runs it.
func plain(name, signature string) {
	held = map[float32]vec{}
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
}

// hot puts a label on a loop that is worth a cache line of its own: otherwise
// its speed depends on what the linker puts before it.
func hot(name string) {
	Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{Imm(64)}})
	Label(name)
}

// ret ends a kernel.
func ret() {
	VZEROUPPER()
	RET()
}

func (s isa) vec() vec {
	if s == avx512 {
		return ZMM()
	}
	return YMM()
}

func (s isa) vecs(n int) []vec {
	r := make([]vec, n)
	for i := range r {
		r[i] = s.vec()
	}
	return r
}

func (s isa) zero(v vec) {
	if s == avx512 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// broadcast returns a register that holds v in every lane.
func (s isa) broadcast(v float32) vec {
	r := s.vec()
	VBROADCASTSS(constant(v), r)
	return r
}

// held are the constants that registers hold throughout the kernel at hand.
var held map[float32]vec

// hold keeps constants in registers, of which AVX-512 has enough. With AVX2
// they stay in memory.
func (s isa) hold(vs ...float32) {
	for _, v := range vs {
		if _, ok := held[v]; !ok && s == avx512 {
			held[v] = s.broadcast(v)
		}
	}
}

// constant is v as the last operand of an instruction. With AVX-512 it must be
// held: the linker aligns data to 32 bytes, and loads across cache lines are slow.
func (s isa) constant(v float32) Op {
	if s == avx2 {
		return constant(v)
	}
	r, ok := held[v]
	if !ok {
		panic(fmt.Sprintf("constant %v is not held", v))
	}
	return r
}

// spread returns the float argument in every lane.
func (s isa) spread(param string) vec {
	x := Load(Param(param), XMM())
	r := s.vec()
	VBROADCASTSS(x, r)
	return r
}

var constants = map[uint32]Mem{}

// constant is v eight times in memory.
func constant(v float32) Mem {
	bits := math.Float32bits(v)
	m, ok := constants[bits]
	if !ok {
		m = words(fmt.Sprintf("f%08x", bits), 8, func(int) uint32 { return bits })
		constants[bits] = m
	}
	return m
}

// integers is v eight times as integers.
func integers(v uint32) Mem { return constant(math.Float32frombits(v)) }

// words defines n words of read-only data.
func words(name string, n int, value func(i int) uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range n {
		DATA(4*i, U32(value(i)))
	}
	return m
}

// mask selects the first lanes of a register.
type mask struct {
	k reg.OpmaskVirtual
	y vec
}

var maskTable Mem

// mask returns the mask of the first n lanes, for n in 1..lanes.
func (s isa) mask(n gp) mask {
	if s == avx512 {
		t, k := GP64(), K()
		MOVQ(I32(-1), t)
		BZHIQ(n, t, t)
		KMOVW(t.As32(), k)
		return mask{k: k}
	}
	if maskTable.Base == nil {
		maskTable = words("firstLanes", 16, func(i int) uint32 {
			if i < 8 {
				return math.MaxUint32
			}
			return 0
		})
	}
	t, m := GP64(), GP64()
	y := YMM()
	LEAQ(maskTable, t)
	MOVQ(U32(8), m)
	SUBQ(n, m)
	VMOVUPS(Mem{Base: t, Index: m, Scale: 4}, y)
	return mask{y: y}
}

// load reads a register, or its first lanes if m is set; the others are zero.
func (s isa) load(from Mem, m *mask, v vec) {
	switch {
	case m == nil:
		VMOVUPS(from, v)
	case s == avx512:
		VMOVUPS_Z(from, m.k, v)
	default:
		VMASKMOVPS(from, m.y, v)
	}
}

// store writes a register, or its first lanes if m is set.
func (s isa) store(v vec, to Mem, m *mask) {
	switch {
	case m == nil:
		VMOVUPS(v, to)
	case s == avx512:
		VMOVUPS(v, m.k, to)
	default:
		VMASKMOVPS(v, m.y, to)
	}
}

// access reads and writes the same stretch of several arrays.
type access struct {
	isa
	vectors int
	m       *mask
	base    []gp
}

func (a access) load(array, u int) vec {
	v := a.vec()
	a.isa.load(Mem{Base: a.base[array], Disp: u * a.bytes()}, a.m, v)
	return v
}

func (a access) store(v vec, array, u int) {
	a.isa.store(v, Mem{Base: a.base[array], Disp: u * a.bytes()}, a.m)
}

var labels int

// label returns a fresh label.
func label(what string) string {
	labels++
	return fmt.Sprintf("%s%d", what, labels)
}

// overElements emits body for stretches of unroll vectors, of one, and for the
// masked rest, until n elements (n > 0) are done; it advances the arrays.
func overElements(s isa, n gp, unroll int, body func(a access), arrays ...gp) {
	done := label("done")
	stretch := func(vectors int) {
		loop, next := label("loop"), label("next")
		size := vectors * s.lanes
		CMPQ(n, Imm(uint64(size)))
		JL(LabelRef(next))
		Label(loop)
		body(access{s, vectors, nil, arrays})
		for _, p := range arrays {
			ADDQ(I32(int32(4*size)), p)
		}
		SUBQ(Imm(uint64(size)), n)
		CMPQ(n, Imm(uint64(size)))
		JGE(LabelRef(loop))
		Label(next)
	}
	if unroll > 1 {
		stretch(unroll)
	}
	stretch(1)
	TESTQ(n, n)
	JZ(LabelRef(done))
	m := s.mask(n)
	body(access{s, 1, &m, arrays})
	Label(done)
}

// arguments loads parameters into registers.
func arguments(names ...string) []gp {
	r := make([]gp, len(names))
	for i, n := range names {
		r[i] = Load(Param(n), GP64()).(gp)
	}
	return r
}

// fold reduces v to one value in all lanes of the result's lowest 128 bits.
func (s isa) fold(v vec, op func(a, b, c Op)) vec {
	y := lowY(v)
	if s == avx512 {
		h := YMM()
		VEXTRACTF64X4(Imm(1), v, h)
		r := YMM()
		op(h, y, r)
		y = r
	}
	x, r := XMM(), XMM()
	if s == avx512 {
		VEXTRACTF32X4(Imm(1), y, x) // reaches all registers
	} else {
		VEXTRACTF128(Imm(1), y, x)
	}
	op(x, lowX(y), r)
	VPERMILPS(Imm(0x4e), r, x)
	op(x, r, r)
	VPERMILPS(Imm(0xb1), r, x)
	op(x, r, r)
	return r
}

func addPS(a, b, c Op) { VADDPS(a, b, c) }
func maxPS(a, b, c Op) { VMAXPS(a, b, c) }

// lowX and lowY are the lowest 128 and 256 bits of v.
func lowX(v vec) vec { return v.AsX().(vec) }
func lowY(v vec) vec { return v.AsY().(vec) }
