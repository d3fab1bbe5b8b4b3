// Package optim updates parameters: AdamW as PyTorch computes it, gradient
// clipping and learning-rate schedules.
package optim

import (
	"fmt"
	"math"

	"rnnrep/internal/grad"
	"rnnrep/internal/kernel"
)

// AdamWConfig has PyTorch's names and defaults (see DefaultAdamW).
type AdamWConfig struct {
	Beta1, Beta2 float64
	Epsilon      float64
	WeightDecay  float64 // decoupled: p *= 1 - lr*WeightDecay
}

// DefaultAdamW returns torch.optim.AdamW's defaults.
func DefaultAdamW() AdamWConfig {
	return AdamWConfig{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}
}

// AdamW holds the moments of a list of parameters.
type AdamW struct {
	config AdamWConfig
	params []*grad.Param
	m, v   [][]float32
	steps  int
}

// NewAdamW returns an optimiser of zero moments.
func NewAdamW(c AdamWConfig, params []*grad.Param) *AdamW {
	o := &AdamW{config: c, params: params}
	for _, p := range params {
		o.m = append(o.m, make([]float32, len(p.Value)))
		o.v = append(o.v, make([]float32, len(p.Value)))
	}
	return o
}

// Step moves every parameter by its gradient at the given learning rate and
// zeroes the gradients.
func (o *AdamW) Step(learningRate float64) { o.step(learningRate, 1) }

// ClippedStep is ClipNorm of its parameters and Step, in one pass over them; it
// returns the norm.
func (o *AdamW) ClippedStep(learningRate, limit float64) float64 {
	norm, factor := clipFactor(o.params, limit)
	o.step(learningRate, factor)
	return norm
}

func (o *AdamW) step(learningRate float64, factor float32) {
	o.steps++
	n := float64(o.steps)
	s := kernel.AdamWStep{
		Decay:               float32(1 - learningRate*o.config.WeightDecay),
		Beta1:               float32(o.config.Beta1),
		Beta2:               float32(o.config.Beta2),
		StepSize:            float32(learningRate / (1 - math.Pow(o.config.Beta1, n))),
		BiasCorrection2Sqrt: float32(math.Sqrt(1 - math.Pow(o.config.Beta2, n))),
		Eps:                 float32(o.config.Epsilon),
		Factor:              factor,
	}
	for i, p := range o.params {
		kernel.AdamW(p.Value, p.Grad, o.m[i], o.v[i], s)
	}
}

// State returns the step count and the moments, for a checkpoint; the slices
// are the optimiser's own.
func (o *AdamW) State() (steps int, m, v [][]float32) { return o.steps, o.m, o.v }

// Restore sets what State returned.
func (o *AdamW) Restore(steps int, m, v [][]float32) error {
	if len(m) != len(o.m) || len(v) != len(o.v) {
		return fmt.Errorf("optimiser state has %d tensors, the model has %d", len(m), len(o.m))
	}
	for i := range m {
		if len(m[i]) != len(o.m[i]) || len(v[i]) != len(o.v[i]) {
			return fmt.Errorf("optimiser state of %q has %d values, the model has %d", o.params[i].Name, len(m[i]), len(o.m[i]))
		}
		copy(o.m[i], m[i])
		copy(o.v[i], v[i])
	}
	o.steps = steps
	return nil
}

// ClipNorm scales the gradients so that their joint Euclidean norm is at most
// limit, as torch.nn.utils.clip_grad_norm_, and returns the norm before.
func ClipNorm(params []*grad.Param, limit float64) float64 {
	norm, factor := clipFactor(params, limit)
	if factor < 1 {
		for _, p := range params {
			kernel.Scale(p.Grad, factor)
		}
	}
	return norm
}

// clipFactor returns the joint norm of the gradients and what brings it below
// the limit, 1 if it is.
func clipFactor(params []*grad.Param, limit float64) (norm float64, factor float32) {
	var sum float64
	for _, p := range params {
		sum += kernel.SumSquares(p.Grad)
	}
	norm = math.Sqrt(sum)
	return norm, float32(min(limit/(norm+1e-6), 1))
}
