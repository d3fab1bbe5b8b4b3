package grad

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSelectionIsWhatSortingGives, for values that are random, sorted, equal,
// few, or made to be hard.
func TestSelectionIsWhatSortingGives(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func(i, n int) float32{
		"random":     func(int, int) float32 { return float32(r.NormFloat64()) },
		"ascending":  func(i, _ int) float32 { return float32(i) - 5 },
		"descending": func(i, _ int) float32 { return float32(-i) },
		"equal":      func(int, int) float32 { return -2 },
		"few values": func(int, int) float32 { return float32(r.IntN(3)) - 1 },
		"organ pipe": func(i, n int) float32 { return float32(min(i, n-i)) },
		"zigzag":     func(i, n int) float32 { return float32(i * 7919 % max(1, n)) },
		"one large":  func(i, n int) float32 { return float32(i / max(1, n-1)) },
		"far ones":   func(i, n int) float32 { return float32(i%7) * float32(math.Pow(10, float64(i%3*15-15))) },
		"tiny":       func(int, int) float32 { return float32(r.IntN(9)) * math.SmallestNonzeroFloat32 },
		"infinite":   func(i, _ int) float32 { return float32(math.Inf(i%5 - 2)) },
		"huge":       func(int, int) float32 { return float32(r.NormFloat64()) * math.MaxFloat32 / 5 },
	}
	for name, value := range shapes {
		for _, n := range []int{1, 2, 3, 24, 25, 26, 100, 1000, 4096} {
			s := make([]float32, n)
			for i := range s {
				s[i] = value(i, n)
			}
			want := slices.Sorted(slices.Values(s))
			ranks := []int{0, (n - 1) / 4, (n-1)/4 + 1, (n - 1) / 2, n - 1}
			ranks = slices.DeleteFunc(ranks, func(r int) bool { return r >= n })
			slices.Sort(ranks)
			got := slices.Clone(s)
			selectRanks(got, ranks)
			for _, k := range ranks {
				if got[k] != want[k] {
					t.Errorf("%s of %d: rank %d is %v, sorted %v", name, n, k, got[k], want[k])
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s of %d: values changed", name, n)
			}
			inBins := make([]float32, len(ranks))
			valuesAt(inBins, s, ranks, want[0], want[n-1], make([]float32, n))
			for i, k := range ranks {
				if inBins[i] != want[k] {
					t.Errorf("%s of %d: in bins, rank %d is %v, sorted %v", name, n, k, inBins[i], want[k])
				}
			}
		}
	}
}

func BenchmarkSelection(b *testing.B) {
	for _, n := range []int{32, 1024, 1 << 16} {
		s, scratch := make([]float32, n), make([]float32, n)
		for i := range s {
			s[i] = float32(rand.NormFloat64())
		}
		ranks := []int{0, (n - 1) / 4, (n-1)/4 + 1, (n - 1) / 2, (n-1)/2 + 1, (n - 1) / 4 * 3, (n-1)/4*3 + 1, n - 1}
		b.Run(fmt.Sprint(n, "/statistics"), func(b *testing.B) {
			var out [StatisticsCount]float32
			of := quartileRanks(nil, n)
			for b.Loop() {
				rowStatistics(out[:], s, of, scratch)
			}
		})
		b.Run(fmt.Sprint(n, "/select"), func(b *testing.B) {
			for b.Loop() {
				copy(scratch, s)
				selectRanks(scratch, ranks)
			}
		})
		b.Run(fmt.Sprint(n, "/sort"), func(b *testing.B) {
			for b.Loop() {
				copy(scratch, s)
				slices.Sort(scratch)
			}
		})
	}
}
