package optim_test

import (
	"math"
	"testing"

	"rnnrep/internal/optim"
)

// point is a learning rate worked out by hand.
type point struct {
	step int
	rate float64
}

func checkSchedule(t *testing.T, rate func(int) float64, points []point) {
	t.Helper()
	for _, p := range points {
		if got := rate(p.step); math.Abs(got-p.rate) > 1e-15 {
			t.Errorf("rate at step %d is %v, want %v", p.step, got, p.rate)
		}
	}
}

// TestPiecewiseLinear: the zoo's schedule (paper, appendix).
func TestPiecewiseLinear(t *testing.T) {
	checkSchedule(t, optim.PiecewiseLinear(optim.Knot{Step: 0, Rate: .01}, optim.Knot{Step: 10000, Rate: .003}, optim.Knot{Step: 20000, Rate: .0003}),
		[]point{{-1, .01}, {0, .01}, {5000, .0065}, {10000, .003}, {15000, .00165}, {20000, .0003}, {30000, .0003}})
	checkSchedule(t, optim.PiecewiseLinear(optim.Knot{Step: 5, Rate: .1}), []point{{0, .1}, {5, .1}, {6, .1}})
	checkSchedule(t, optim.PiecewiseLinear(optim.Knot{Step: 0, Rate: 1}, optim.Knot{Step: 10, Rate: 1}, optim.Knot{Step: 10, Rate: 2}, optim.Knot{Step: 20, Rate: 4}),
		[]point{{10, 1}, {15, 3}, {20, 4}})
}

func TestWarmupCosine(t *testing.T) {
	// Warm-up of 4: quarters of the peak; then half a cosine over 8 steps to a tenth.
	checkSchedule(t, optim.WarmupCosine(2, 4, 12, .1), []point{
		{0, .5}, {1, 1}, {3, 2}, {4, 2}, {8, 1.1}, {12, .2}, {100, .2},
		{6, .2 + 1.8*(1+math.Sqrt2/2)/2}, {10, .2 + 1.8*(1-math.Sqrt2/2)/2},
	})
	checkSchedule(t, optim.WarmupCosine(1, 0, 2, 0), []point{{0, 1}, {1, .5}, {2, 0}})
	checkSchedule(t, optim.WarmupCosine(1, 3, 3, .5), []point{{2, 1}, {3, 1}, {4, .5}})
}
