package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guard surrounds every buffer of a test; a kernel that writes beyond its
// destination changes it.
const guard = float32(-12345.5)

const guards = 40

// buffer returns n random numbers with guards on both sides and a check that
// those are whole.
func buffer(t *testing.T, r *rand.Rand, n int) []float32 {
	t.Helper()
	all := make([]float32, n+2*guards)
	for i := range all {
		all[i] = guard
	}
	s := all[guards : guards+n : guards+n]
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	t.Cleanup(func() {
		for i, x := range all {
			if (i < guards || i >= guards+n) && x != guard {
				t.Errorf("wrote %v outside the slice, at %d of %d", x, i-guards, n)
			}
		}
	})
	return s
}

// each runs test with every implementation this machine has.
func each(t *testing.T, test func(t *testing.T, r *rand.Rand)) {
	for _, name := range Implementations() {
		t.Run(name, func(t *testing.T) {
			defer Select(name)()
			test(t, rand.New(rand.NewPCG(1, 2)))
		})
	}
}

func near(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tolerance*(1+math.Abs(w))) && !(math.IsNaN(w) && got[i] != got[i]) && float64(got[i]) != w {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], w)
		}
	}
}

func doubles(s []float32) []float64 {
	r := make([]float64, len(s))
	for i, x := range s {
		r[i] = float64(x)
	}
	return r
}

var sizes = []int{1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 70, 129}

func TestGemv(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, m := range sizes {
			for _, n := range []int{1, 6, 16, 31, 32, 33, 100} {
				lda := n + 3
				a := buffer(t, r, m*lda)
				x, y, xt, yt := buffer(t, r, n), buffer(t, r, m), buffer(t, r, m), buffer(t, r, n)
				want, wantT := doubles(y), doubles(yt)
				for i := range m {
					for j := range n {
						want[i] += float64(a[i*lda+j]) * float64(x[j])
						wantT[j] += float64(a[i*lda+j]) * float64(xt[i])
					}
				}
				Gemv(y, a, lda, x, m, n)
				GemvT(yt, a, lda, xt, m, n)
				near(t, fmt.Sprintf("Gemv %dx%d", m, n), y, want, 1e-5)
				near(t, fmt.Sprintf("GemvT %dx%d", m, n), yt, wantT, 1e-5)
			}
		}
	})
}

func TestTranspose(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, rows := range sizes {
			for _, cols := range []int{1, 7, 8, 16, 19, 32} {
				src, dst := buffer(t, r, rows*(cols+2)), buffer(t, r, cols*(rows+1))
				want := doubles(dst)
				for i := range rows {
					for j := range cols {
						want[j*(rows+1)+i] = float64(src[i*(cols+2)+j])
					}
				}
				Transpose(dst, rows+1, src, cols+2, rows, cols)
				near(t, fmt.Sprintf("Transpose %dx%d", rows, cols), dst, want, 0)
			}
		}
	})
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func TestLSTMCell(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, hidden := range sizes {
			const rows = 3
			n := rows * hidden
			gates, before, c, tc, h := buffer(t, r, 4*n), buffer(t, r, n), buffer(t, r, n), buffer(t, r, n), buffer(t, r, n)
			wantGates, wantC, wantT, wantH := doubles(gates), doubles(c), doubles(tc), doubles(h)
			for row := range rows {
				for j := range hidden {
					g, at := wantGates[4*row*hidden:], row*hidden+j
					i, f, z, o := sigmoid64(g[j]), sigmoid64(g[hidden+j]), math.Tanh(g[2*hidden+j]), sigmoid64(g[3*hidden+j])
					g[j], g[hidden+j], g[2*hidden+j], g[3*hidden+j] = i, f, z, o
					wantC[at] = f*float64(before[at]) + i*z
					wantT[at] = math.Tanh(wantC[at])
					wantH[at] = o * wantT[at]
				}
			}
			LSTMCellForward(gates, before, c, tc, h, rows, hidden)
			near(t, "gates", gates, wantGates, 1e-6)
			near(t, "c", c, wantC, 1e-6)
			near(t, "tanhC", tc, wantT, 1e-6)
			near(t, "h", h, wantH, 1e-6)
			checkLSTMBackward(t, r, gates, before, tc, rows, hidden)
		}
	})
}

func checkLSTMBackward(t *testing.T, r *rand.Rand, gates, before, tc []float32, rows, hidden int) {
	n := rows * hidden
	dh, dc := buffer(t, r, n), buffer(t, r, n)
	want, wantDC := doubles(gates), doubles(dc)
	for row := range rows {
		for j := range hidden {
			g, at := want[4*row*hidden:], row*hidden+j
			i, f, z, o := g[j], g[hidden+j], g[2*hidden+j], g[3*hidden+j]
			tanh, up := float64(tc[at]), float64(dh[at])
			d := wantDC[at] + up*o*(1-tanh*tanh)
			g[j], g[hidden+j] = d*z*i*(1-i), d*float64(before[at])*f*(1-f)
			g[2*hidden+j], g[3*hidden+j] = d*i*(1-z*z), up*tanh*o*(1-o)
			wantDC[at] = d * f
		}
	}
	LSTMCellBackward(gates, before, tc, dh, dc, rows, hidden)
	near(t, "dgates", gates, want, 1e-6)
	near(t, "dc", dc, wantDC, 1e-6)
}

func TestGRUCell(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, hidden := range sizes {
			const rows = 3
			n := rows * hidden
			gx, gh, before, h := buffer(t, r, 3*n), buffer(t, r, 3*n), buffer(t, r, n), buffer(t, r, n)
			want, wantH := doubles(gx), doubles(h)
			for row := range rows {
				for j := range hidden {
					x, y, at := want[3*row*hidden:], doubles(gh[3*row*hidden:]), row*hidden+j
					reset, z := sigmoid64(x[j]+y[j]), sigmoid64(x[hidden+j]+y[hidden+j])
					c := math.Tanh(x[2*hidden+j] + reset*y[2*hidden+j])
					x[j], x[hidden+j], x[2*hidden+j] = reset, z, c
					wantH[at] = (1-z)*c + z*float64(before[at])
				}
			}
			GRUCellForward(gx, gh, before, h, rows, hidden)
			near(t, "activations", gx, want, 2e-6)
			near(t, "h", h, wantH, 2e-6)
			checkGRUBackward(t, r, gx, gh, before, rows, hidden)
		}
	})
}

func checkGRUBackward(t *testing.T, r *rand.Rand, gx, gh, before []float32, rows, hidden int) {
	n := rows * hidden
	dh, dPrev := buffer(t, r, n), buffer(t, r, n)
	wantX, wantH, wantPrev := doubles(gx), doubles(gh), doubles(dPrev)
	for row := range rows {
		for j := range hidden {
			x, y, at := wantX[3*row*hidden:], wantH[3*row*hidden:], row*hidden+j
			reset, z, c, up := x[j], x[hidden+j], x[2*hidden+j], float64(dh[at])
			dn := up * (1 - z) * (1 - c*c)
			dz := up * (float64(before[at]) - c) * z * (1 - z)
			dr := dn * y[2*hidden+j] * reset * (1 - reset)
			wantPrev[at] += z * up
			x[j], x[hidden+j], x[2*hidden+j] = dr, dz, dn
			y[j], y[hidden+j], y[2*hidden+j] = dr, dz, reset*dn
		}
	}
	GRUCellBackward(gx, gh, before, dh, dPrev, rows, hidden)
	near(t, "gx", gx, wantX, 1e-5)
	near(t, "gh", gh, wantH, 1e-5)
	near(t, "dhPrev", dPrev, wantPrev, 1e-5)
}

func TestActivations(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		special := []float32{0, 1e-30, -1e-30, 1e-6, -1e-6, 8, -8, 20, -20, 88, 89, -103, -110, 1e30, -1e30,
			float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
		for _, n := range sizes {
			src, dst := buffer(t, r, n+len(special)), buffer(t, r, n+len(special))
			copy(src[n:], special)
			for i := range n {
				src[i] *= 4
			}
			want := func(f func(float64) float64) []float64 {
				w := doubles(src)
				for i := range w {
					w[i] = f(w[i])
				}
				return w
			}
			Sigmoid(dst, src)
			near(t, "Sigmoid", dst, want(sigmoid64), 2e-7)
			Tanh(dst, src)
			w := want(math.Tanh)
			near(t, "Tanh", dst, w, 1e-6)
			for i, x := range w {
				if d := math.Abs(float64(dst[i])-x) / math.Abs(x); x != 0 && d > 1e-6 {
					t.Errorf("Tanh(%v) is off by %v of it", src[i], d)
				}
			}
			Exp(dst, src)
			near(t, "Exp", dst, want(func(x float64) float64 { return float64(float32(math.Exp(x))) }), 1e-6)
		}
	})
}

func TestSoftmax(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			const rows = 5
			src := buffer(t, r, rows*n)
			for i := range n { // a row far below zero and one far above
				src[i] -= 500
				src[n+i] += 500
			}
			want := doubles(src)
			for i := range rows {
				softmax64(want[i*n:(i+1)*n], 1)
			}
			dst := buffer(t, r, rows*n)
			Softmax(dst, src, rows, n)
			near(t, "Softmax", dst, want, 1e-6)
			Softmax(src, src, rows, n)
			near(t, "Softmax in place", src, want, 1e-6)
		}
	})
}

func TestVectorOps(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			a, b, c := buffer(t, r, n), buffer(t, r, n), buffer(t, r, n)
			check := func(what string, got []float32, f func(i int) float64) {
				t.Helper()
				w := make([]float64, n)
				for i := range w {
					w[i] = f(i)
				}
				near(t, what, got, w, 1e-6)
			}
			before := doubles(c)
			Axpy(c, 0.3, a)
			check("Axpy", c, func(i int) float64 { return before[i] + float64(float32(0.3))*float64(a[i]) })
			Add(c, a, b)
			check("Add", c, func(i int) float64 { return float64(a[i]) + float64(b[i]) })
			Mul(c, a, b)
			check("Mul", c, func(i int) float64 { return float64(a[i]) * float64(b[i]) })
			Scale(c, -2)
			check("Scale", c, func(i int) float64 { return -2 * float64(a[i]) * float64(b[i]) })
			MulAdd(c, c, a, b)
			check("MulAdd in place", c, func(i int) float64 { return -float64(a[i]) * float64(b[i]) })
			MulAdd(c, a, a, b)
			check("MulAdd", c, func(i int) float64 { return float64(a[i]) + float64(a[i])*float64(b[i]) })
			var dot, squares float64
			for i := range a {
				dot += float64(a[i]) * float64(b[i])
				squares += float64(a[i]) * float64(a[i])
			}
			near(t, "Dot", []float32{Dot(a, b)}, []float64{dot}, 1e-5)
			if got := SumSquares(a); math.Abs(got-squares) > 1e-9*squares {
				t.Fatalf("SumSquares of %d: %v, want %v", n, got, squares)
			}
		}
	})
}

func TestRowOps(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			const rows = 6
			ld := n + 2
			m, row := buffer(t, r, rows*ld), buffer(t, r, n)
			apart := buffer(t, r, rows*n)
			want, wantApart, sums := doubles(m), doubles(apart), doubles(row)
			for i := range rows {
				for j := range n {
					want[i*ld+j] += float64(row[j])
					wantApart[i*n+j] = want[i*ld+j]
				}
			}
			AddRow(apart, n, m, ld, row, rows, n)
			near(t, "AddRow", apart, wantApart, 1e-6)
			AddRow(m, ld, m, ld, row, rows, n)
			near(t, "AddRow in place", m, want, 1e-6)
			for i := range rows {
				for j := range n {
					sums[j] += float64(m[i*ld+j])
				}
			}
			SumRows(row, m, ld, rows, n)
			near(t, "SumRows", row, sums, 1e-5)
			index := []int32{5, 0, 3, 3}
			gathered := buffer(t, r, len(index)*ld)
			wantG := doubles(gathered)
			table := doubles(m)
			for i, from := range index {
				for j := range n {
					wantG[i*ld+j] = table[int(from)*ld+j]
				}
			}
			GatherRows(gathered, ld, m, ld, index, n)
			near(t, "GatherRows", gathered, wantG, 0)
			for i, to := range index {
				for j := range n {
					table[int(to)*ld+j] += float64(gathered[i*ld+j])
				}
			}
			ScatterAddRows(m, ld, gathered, ld, index, n)
			near(t, "ScatterAddRows", m, table, 1e-6)
		}
	})
}

func TestScaledRows(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			const rows = 5
			ld := n + 2
			dw, w, d := buffer(t, r, rows*ld), buffer(t, r, rows*ld), buffer(t, r, rows)
			scale, shift, ds, dh := buffer(t, r, n), buffer(t, r, n), buffer(t, r, n), buffer(t, r, n)
			want, wantS, wantH := doubles(dw), doubles(ds), doubles(dh)
			for i := range rows {
				for j := range n {
					g, v, sum := &want[i*ld+j], float64(w[i*ld+j]), float64(d[i])
					wantS[j] += v * *g
					wantH[j] += v * sum
					*g = *g*float64(scale[j]) + sum*float64(shift[j])
				}
			}
			ScaledRows(dw, w, ld, scale, shift, ds, dh, d)
			near(t, "dw", dw, want, 1e-6)
			near(t, "dscale", ds, wantS, 1e-5)
			near(t, "dshift", dh, wantH, 1e-5)
		}
	})
}

func TestAdamW(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		const b1, b2, lr, decay, eps, steps = 0.9, 0.999, 1e-2, 0.1, 1e-8, 5
		for _, n := range sizes {
			p, m, v := buffer(t, r, n), buffer(t, r, n), buffer(t, r, n)
			clear(m)
			clear(v)
			wp, wm, wv := doubles(p), doubles(m), doubles(v)
			for step := 1; step <= steps; step++ {
				g := buffer(t, r, n)
				const factor = 0.5
				c1, c2 := 1-math.Pow(b1, float64(step)), 1-math.Pow(b2, float64(step))
				for i := range n {
					x := factor * float64(g[i])
					wp[i] *= 1 - lr*decay
					wm[i] = b1*wm[i] + (1-b1)*x
					wv[i] = b2*wv[i] + (1-b2)*x*x
					wp[i] -= lr / c1 * wm[i] / (math.Sqrt(wv[i])/math.Sqrt(c2) + eps)
				}
				AdamW(p, g, m, v, AdamWStep{Decay: 1 - lr*decay, Beta1: b1, Beta2: b2, StepSize: float32(lr / c1),
					BiasCorrection2Sqrt: float32(math.Sqrt(c2)), Eps: eps, Factor: factor})
				near(t, "g", g, make([]float64, n), 0)
			}
			near(t, "p", p, wp, 1e-5)
			near(t, "m", m, wm, 1e-6)
			near(t, "v", v, wv, 1e-6)
		}
	})
}

func TestMisusePanics(t *testing.T) {
	for name, misuse := range map[string]func(){
		"short A": func() { Gemm(make([]float32, 4), 2, nil, 0, make([]float32, 3), 2, 1, make([]float32, 4), 2, 2, 2, 2) },
		"short C": func() { Gemm(make([]float32, 3), 2, nil, 0, make([]float32, 4), 2, 1, make([]float32, 4), 2, 2, 2, 2) },
		"lengths": func() { Add(make([]float32, 3), make([]float32, 3), make([]float32, 2)) },
		"index":   func() { GatherRows(make([]float32, 4), 2, make([]float32, 4), 2, []int32{0, 2}, 2) },
		"minus":   func() { GatherRows(make([]float32, 4), 2, make([]float32, 4), 2, []int32{0, -1}, 2) },
		"gates": func() {
			LSTMCellForward(make([]float32, 7), make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 2), 1, 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			misuse()
		})
	}
}

func BenchmarkPeak(b *testing.B) {
	flops := 0
	for b.Loop() {
		flops += PeakLoop(10000)
	}
	b.ReportMetric(float64(flops)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkLSTMCell(b *testing.B) {
	const rows, hidden = 32, 32
	gates, s := make([]float32, 4*rows*hidden), make([]float32, rows*hidden)
	c, tc, h := make([]float32, rows*hidden), make([]float32, rows*hidden), make([]float32, rows*hidden)
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			LSTMCellForward(gates, s, c, tc, h, rows, hidden)
		}
	})
	b.Run("backward", func(b *testing.B) {
		for b.Loop() {
			LSTMCellBackward(gates, s, tc, h, c, rows, hidden)
		}
	})
}
