package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gemmCase is a product; the strides are random.
type gemmCase struct {
	m, n, k    int
	transposed bool // A
	start      string
}

func (c gemmCase) String() string {
	return fmt.Sprintf("%dx%dx%d, A transposed: %v, C starts from %s", c.m, c.n, c.k, c.transposed, c.start)
}

var starts = []string{"zero", "itself", "a row", "a matrix"}

// gemmCases has sizes around every tile and block.
func gemmCases(r *rand.Rand) []gemmCase {
	shapes := [][3]int{{1, 1, 1}, {8, 32, 32}, {32, 128, 32}, {6, 32, 700}, {97, 300, 290}, {130, 33, 520}, {1, 70, 9}, {17, 256, 40},
		{200, 515, 40}, {485, 65, 33}, {490, 70, 257}, {18, 64, 300}, {3, 300, 5}, {32, 128, 32}, {16, 64, 21}, {1, 300, 290}, {16, 64, 32}, {23, 96, 513}}
	for range 60 {
		shapes = append(shapes, [3]int{1 + r.IntN(40), 1 + r.IntN(70), 1 + r.IntN(50)})
	}
	var cases []gemmCase
	for i, s := range shapes {
		cases = append(cases, gemmCase{s[0], s[1], s[2], i%2 == 0, starts[i%len(starts)]}, gemmCase{s[0], s[1], s[2], i%2 == 1, starts[(i+1)%len(starts)]})
	}
	return cases
}

func TestGemm(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, c := range gemmCases(r) {
			checkGemm(t, r, c)
		}
	})
}

// checkGemm compares Gemm with float64 sums, and GemmPacked with Gemm.
func checkGemm(t *testing.T, r *rand.Rand, g gemmCase) {
	t.Helper()
	ldc, ldb := g.n+r.IntN(3), g.n+r.IntN(3)
	rsa, csa := g.k+r.IntN(3), 1
	if g.transposed {
		rsa, csa = 1, g.m+r.IntN(3)
	}
	a, b, c := buffer(t, r, (g.m-1)*rsa+(g.k-1)*csa+1), buffer(t, r, g.k*ldb), buffer(t, r, g.m*ldc)
	packed := buffer(t, r, len(c))
	copy(packed, c)
	init, ldi := g.init(t, r, c, ldc)
	want := doubles(c)
	for i := range g.m {
		for j := range g.n {
			sum := 0.0
			if init != nil {
				sum = float64(init[i*ldi+j])
			}
			for p := range g.k {
				sum += float64(a[i*rsa+p*csa]) * float64(b[p*ldb+j])
			}
			want[i*ldc+j] = sum
		}
	}
	Gemm(c, ldc, init, ldi, a, rsa, csa, b, ldb, g.m, g.n, g.k)
	near(t, "Gemm "+g.String(), c, want, 2e-6*math.Sqrt(float64(g.k))+1e-6)
	if g.start == "itself" {
		init = packed
	}
	panels := buffer(t, r, PackedLen(g.k, g.n))
	Pack(panels, b, ldb, g.k, g.n)
	GemmPacked(packed, ldc, init, ldi, a, rsa, csa, panels, g.m, g.n, g.k)
	near(t, "GemmPacked "+g.String(), packed, doubles(c), 0)
}

// TestGemmPackedPair: bit for bit two products one after the other.
func TestGemmPackedPair(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, g := range gemmCases(r) {
			if g.transposed {
				continue
			}
			lda, ldc := g.k+r.IntN(3), g.n+r.IntN(3)
			a, a2 := buffer(t, r, g.m*lda), buffer(t, r, g.m*lda)
			b, b2 := buffer(t, r, PackedLen(g.k, g.n)), buffer(t, r, PackedLen(g.k, g.n))
			c, apart := buffer(t, r, g.m*ldc), buffer(t, r, g.m*ldc)
			copy(apart, c)
			init, ldi := g.init(t, r, c, ldc)
			other := init
			if g.start == "itself" {
				other = apart
			}
			GemmPacked(apart, ldc, other, ldi, a, lda, 1, b, g.m, g.n, g.k)
			GemmPacked(apart, ldc, apart, ldc, a2, lda, 1, b2, g.m, g.n, g.k)
			GemmPackedPair(c, ldc, init, ldi, a, a2, lda, b, b2, g.m, g.n, g.k)
			near(t, "GemmPackedPair "+g.String(), c, doubles(apart), 0)
		}
	})
}

// init makes what C starts from.
func (g gemmCase) init(t *testing.T, r *rand.Rand, c []float32, ldc int) (init []float32, ldi int) {
	switch g.start {
	case "itself":
		return c, ldc
	case "a row":
		return buffer(t, r, g.n), 0
	case "a matrix":
		return buffer(t, r, g.m*(g.n+1)), g.n + 1
	}
	return nil, 0
}

// TestGemmKeepsTheOrderOfSums: whatever the shape of A, B and the blocks, an
// element of C is one chain of multiply-adds. The trained zoos rest on it.
func TestGemmKeepsTheOrderOfSums(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		const m, n, k = 41, 75, 600
		a, b, c := buffer(t, r, m*k), buffer(t, r, k*n), buffer(t, r, m*n)
		want := doubles(c)
		for i := range want {
			sum := float32(want[i])
			for p := range k {
				x, y := a[i/n*k+p], b[p*n+i%n]
				if current == generic {
					sum += x * y
				} else {
					sum = float32(math.FMA(float64(x), float64(y), float64(sum)))
				}
			}
			want[i] = float64(sum)
		}
		Gemm(c, n, c, n, a, k, 1, b, n, m, n, k)
		wrong := 0
		for i, w := range want {
			if float64(c[i]) != w {
				wrong++
			}
		}
		// math.FMA rounds to float64 before float32: rarely, but not never, off by one bit.
		if wrong > len(want)/1000 {
			t.Errorf("%d of %d sums differ from the chain", wrong, len(want))
		}
	})
}

func TestGemmWithoutTerms(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		c := buffer(t, r, 6)
		Gemm(c, 3, []float32{1, 2, 3}, 0, nil, 0, 1, nil, 3, 2, 3, 0)
		near(t, "row", c, []float64{1, 2, 3, 1, 2, 3}, 0)
		Gemm(c, 3, nil, 0, nil, 0, 1, nil, 3, 2, 3, 0)
		near(t, "zero", c, make([]float64, 6), 0)
	})
}

func TestPack(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		c := PanelColumns()
		for _, n := range sizes {
			const k = 11
			b, w := buffer(t, r, k*(n+1)), buffer(t, r, n*(k+2))
			packed, transposed := buffer(t, r, PackedLen(k, n)), buffer(t, r, PackedLen(k, n))
			want, wantT := doubles(packed), doubles(transposed)
			for p := range k {
				for j := range n {
					at := j/c*c*k + p*c + j%c
					want[at], wantT[at] = float64(b[p*(n+1)+j]), float64(w[j*(k+2)+p])
				}
			}
			Pack(packed, b, n+1, k, n)
			PackTransposed(transposed, w, k+2, k, n)
			near(t, "Pack", packed, want, 0)
			near(t, "PackTransposed", transposed, wantT, 0)
		}
	})
}

// TestGemmAllocatesNothing: the memory of packed blocks is kept.
func TestGemmAllocatesNothing(t *testing.T) {
	const n = 300
	a, c := make([]float32, n*n), make([]float32, n*n)
	product := func() { Gemm(c, n, c, n, a, 1, n, a, n, n, n, n) }
	product()
	if allocs := testing.AllocsPerRun(5, product); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name       string
		m, n, k    int
		transposed bool
	}{{"zooForward", 32, 128, 32, false}, {"zooInput", 1344, 128, 32, false}, {"zooBack", 32, 32, 128, false},
		{"zooWeights", 128, 32, 1312, true}, {"zooReadout", 1344, 6, 32, false}, {"zooReadoutWeights", 6, 32, 1344, true},
		{"emulatorStep", 64, 1024, 256, false}, {"emulatorInput", 2688, 1024, 256, false}, {"emulatorBack", 64, 256, 1024, false},
		{"emulatorWeights", 1024, 256, 2688, true}} {
		for _, name := range Implementations() {
			if name == "generic" && s.m*s.n*s.k > 1<<24 {
				continue
			}
			b.Run(s.name+"/"+name, func(b *testing.B) {
				defer Select(name)()
				x, y, z := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
				rsa, csa := s.k, 1
				if s.transposed {
					rsa, csa = 1, s.m
				}
				for b.Loop() {
					Gemm(z, s.n, z, s.n, x, rsa, csa, y, s.n, s.m, s.n, s.k)
				}
				b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
