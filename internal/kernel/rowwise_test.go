package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLayerNorm(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			const rows, eps = 4, 1e-5
			src, dst := buffer(t, r, rows*n), buffer(t, r, rows*n)
			for j := range n { // a row far from zero
				src[j] += 30
			}
			gamma, beta, stats := buffer(t, r, n), buffer(t, r, n), buffer(t, r, 2*rows)
			want, wantStats := doubles(dst), doubles(stats)
			for i := range rows {
				mean, inverse := moments(src[i*n:(i+1)*n], eps)
				wantStats[2*i], wantStats[2*i+1] = mean, inverse
				for j := range n {
					want[i*n+j] = (float64(src[i*n+j])-mean)*inverse*float64(gamma[j]) + float64(beta[j])
				}
			}
			LayerNorm(dst, src, gamma, beta, stats, rows, n, eps)
			if n > 1 { // of a single number the variance is rounding alone
				near(t, "LayerNorm", dst, want, 2e-5)
				near(t, "stats", stats, wantStats, 2e-5)
			}
			checkLayerNormBackward(t, r, src, gamma, stats, rows, n)
		}
	})
}

func moments(row []float32, eps float64) (mean, inverse float64) {
	var squares float64
	for _, x := range row {
		mean += float64(x) / float64(len(row))
	}
	for _, x := range row {
		squares += (float64(x) - mean) * (float64(x) - mean)
	}
	return mean, 1 / math.Sqrt(squares/float64(len(row))+eps)
}

func checkLayerNormBackward(t *testing.T, r *rand.Rand, x, gamma, stats []float32, rows, n int) {
	dx, dgamma, dbeta, dy := buffer(t, r, rows*n), buffer(t, r, n), buffer(t, r, n), buffer(t, r, rows*n)
	wantX, wantGamma, wantBeta := doubles(dx), doubles(dgamma), doubles(dbeta)
	for i := range rows {
		mean, inverse := float64(stats[2*i]), float64(stats[2*i+1])
		var sum, dot float64
		y := func(j int) float64 { return (float64(x[i*n+j]) - mean) * inverse }
		g := func(j int) float64 { return float64(dy[i*n+j]) * float64(gamma[j]) }
		for j := range n {
			wantGamma[j] += float64(dy[i*n+j]) * y(j)
			wantBeta[j] += float64(dy[i*n+j])
			sum += g(j) / float64(n)
			dot += g(j) * y(j) / float64(n)
		}
		for j := range n {
			wantX[i*n+j] = inverse * (g(j) - sum - y(j)*dot)
		}
	}
	copy(dx, dy) // dx may be dy
	LayerNormBackward(dx, dgamma, dbeta, dx, x, gamma, stats, rows, n)
	tolerance := 2e-5
	if n == 1 {
		tolerance = 1 // the inverse is that of eps
	}
	near(t, "dx", dx, wantX, tolerance)
	near(t, "dgamma", dgamma, wantGamma, tolerance)
	near(t, "dbeta", dbeta, wantBeta, tolerance)
}

func TestAttentionWeights(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			const rows, scale = 4, float32(0.3)
			ldp := n + 3
			p := buffer(t, r, rows*ldp)
			for j := range n { // a row far below zero and one far above
				p[j] -= 900
				p[ldp+j] += 900
			}
			scores := append([]float32(nil), p...)
			stats, want := buffer(t, r, 2*rows), doubles(p)
			for i := range rows {
				softmax64(want[i*ldp:][:n], float64(scale))
			}
			AttentionWeights(p, ldp, stats, rows, n, scale)
			near(t, "weights", p, want, 1e-6)
			dp, dots := buffer(t, r, rows*ldp), buffer(t, r, rows)
			wantD := doubles(dp)
			for i := range rows {
				for j := range n {
					wantD[i*ldp+j] = want[i*ldp+j] * (wantD[i*ldp+j] - float64(dots[i])) * float64(scale)
				}
			}
			AttentionWeightsBackward(scores, dp, ldp, stats, dots, rows, n, scale)
			near(t, "weights again", scores, want, 1e-6)
			near(t, "gradient of the scores", dp, wantD, 1e-5)
		}
	})
}

func softmax64(row []float64, scale float64) {
	top, sum := math.Inf(-1), 0.0
	for _, x := range row {
		top = max(top, scale*x)
	}
	for j, x := range row {
		row[j] = math.Exp(scale*x - top)
		sum += row[j]
	}
	for j := range row {
		row[j] /= sum
	}
}

func TestReluAndGelu(t *testing.T) {
	gelu64 := func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			x, y, dy, dx := buffer(t, r, n), buffer(t, r, n), buffer(t, r, n), buffer(t, r, n)
			for i := range x {
				x[i] *= 3
			}
			x[0] = 0
			want, wantD := doubles(x), doubles(dx)
			for i, v := range want {
				want[i] = gelu64(v)
				wantD[i] = float64(dy[i]) * (gelu64(v+1e-5) - gelu64(v-1e-5)) / 2e-5
			}
			Gelu(y, x)
			near(t, "Gelu", y, want, 2e-6)
			GeluBackward(dx, x, dy)
			near(t, "GeluBackward", dx, wantD, 1e-5)
			x[n/2] = float32(math.NaN())
			want, wantD = doubles(x), doubles(dx)
			for i, v := range want {
				want[i] = max(v, 0)
				wantD[i] = 0
				if v > 0 {
					wantD[i] = float64(dy[i])
				}
			}
			Relu(y, x)
			near(t, "Relu", y, want, 0)
			ReluBackward(dx, y, dy)
			near(t, "ReluBackward", dx, wantD, 1e-6)
		}
	})
}
