package optim

import "math"

// Knot is a point of a schedule: the learning rate at a step.
type Knot struct {
	Step int
	Rate float64
}

// PiecewiseLinear interpolates between knots and stays constant outside them.
func PiecewiseLinear(knots ...Knot) func(step int) float64 {
	return func(step int) float64 {
		if step <= knots[0].Step {
			return knots[0].Rate
		}
		for i := 1; i < len(knots); i++ {
			if a, b := knots[i-1], knots[i]; step <= b.Step {
				return a.Rate + (b.Rate-a.Rate)*float64(step-a.Step)/float64(b.Step-a.Step)
			}
		}
		return knots[len(knots)-1].Rate
	}
}

// WarmupCosine rises linearly to peak over warmup steps, then falls along a
// cosine to floor*peak at the last step.
func WarmupCosine(peak float64, warmup, steps int, floor float64) func(step int) float64 {
	return func(step int) float64 {
		if step < warmup {
			return peak * float64(step+1) / float64(warmup)
		}
		done := math.Min(1, float64(step-warmup)/math.Max(1, float64(steps-warmup)))
		return peak * (floor + (1-floor)*0.5*(1+math.Cos(math.Pi*done)))
	}
}
