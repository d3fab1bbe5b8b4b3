package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestStatistics(t *testing.T) {
	each(t, func(t *testing.T, r *rand.Rand) {
		for _, n := range sizes {
			a := buffer(t, r, n)
			sum, low, high := Summary(a)
			var wantSum, squares float64
			for _, v := range a {
				wantSum += float64(v)
				squares += (float64(v) - 0.25) * (float64(v) - 0.25)
			}
			if math.Abs(sum-wantSum) > 1e-12*float64(n) || low != slices.Min(a) || high != slices.Max(a) {
				t.Fatalf("Summary of %d: %v, %v, %v", n, sum, low, high)
			}
			if got := SquaredDeviations(a, 0.25); math.Abs(got-squares) > 1e-12*(1+squares) {
				t.Fatalf("SquaredDeviations of %d: %v, want %v", n, got, squares)
			}
			binned, scale := make([]uint8, n+1), 255/(high-low+1e-6)
			binned[n] = 77
			Bins(binned[:n], a, low, scale)
			for i, v := range a {
				if want := uint8((v - low) * scale); binned[i] != want {
					t.Fatalf("Bins of %d: element %d is in %d, not %d", n, i, binned[i], want)
				}
			}
			if binned[n] != 77 {
				t.Fatalf("Bins of %d writes too much", n)
			}
			a[n/2] = float32(math.NaN())
			if sum, low, high := Summary(a); sum == sum || low == low || high == high {
				t.Fatalf("Summary of %d: with NaN it is %v, %v, %v", n, sum, low, high)
			}
		}
	})
}
