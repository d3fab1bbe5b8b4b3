package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
)

func init() { register(noisySine{}) }

const (
	sineSteps     = 40
	sineMinPeriod = 5
	sineMaxPeriod = 25
	sineMaxNoise  = 0.5
	sineTolerance = 0.1
	sineSettled   = sineSteps / 2 // accuracy counts from here on
	sineScored    = 500
)

// noisySine is forecasting: the next value of a sine wave of unknown phase and
// amplitude, read through noise. A task is a period with a level of noise.
type noisySine struct{}

func (noisySine) Name() string { return "noisy_sine" }
func (noisySine) IO() IO {
	return IO{Inputs: 1, Outputs: 1, RealInputs: true, RealOutputs: true, Tolerance: sineTolerance, Length: sineSteps}
}
func (noisySine) Recipe() Recipe { return mixedRecipe() }

func (noisySine) Draw(r *rand.Rand) Task {
	return wave{period: sineMinPeriod + (sineMaxPeriod-sineMinPeriod)*r.Float32(), noise: sineMaxNoise * r.Float32()}
}

func (noisySine) Parse(params []float32) (Task, error) {
	if len(params) != 2 || !(params[0] >= sineMinPeriod && params[0] <= sineMaxPeriod) || !(params[1] >= 0 && params[1] <= sineMaxNoise) {
		return nil, fmt.Errorf("noisy_sine: task %v is not [period, noise] with a period from %d to %d and noise from 0 to %v",
			params, sineMinPeriod, sineMaxPeriod, sineMaxNoise)
	}
	return wave{params[0], params[1]}, nil
}

// Ranges are those of period and noise.
func (noisySine) Ranges() []Range {
	return []Range{{Name: "period", Unit: "steps", Low: sineMinPeriod, High: sineMaxPeriod}, {Name: "noise", High: sineMaxNoise}}
}

// Holdout is the level of noise: the noisiest are held out.
func (noisySine) Holdout(params []float32) float64 { return float64(params[1]) }

// wave is the task of one period and level of noise.
type wave struct {
	period float32 // steps
	noise  float32 // standard deviation; the amplitude is 0.5 to 1.5
}

// Params returns [period, noise].
func (w wave) Params() []float32 { return []float32{w.period, w.noise} }

func (w wave) String() string {
	return fmt.Sprintf("period %.2f steps, noise %.4f", w.period, w.noise)
}

// Batch makes a batch of n sequences of 40 steps.
func (w wave) Batch(n int) *Batch { return newBatch(noisySine{}.IO(), sineSteps, n) }

// Fill draws phases and amplitudes; the target is the next value without noise.
func (w wave) Fill(r *rand.Rand, b *Batch) {
	frequency := 2 * math.Pi / float64(w.period)
	for s := range b.Size {
		amplitude, phase := 0.5+r.Float64(), 2*math.Pi*r.Float64()
		value := amplitude * math.Sin(phase)
		for t := range b.Steps {
			b.Inputs[t*b.Size+s] = float32(value + float64(w.noise)*r.NormFloat64())
			value = amplitude * math.Sin(phase+frequency*float64(t+1))
			b.Values[t*b.Size+s] = float32(value)
		}
	}
}

// Score reads 500 sequences of twice the training length. train_loss is the mean
// square error of the first half, generalization_gap that of the second half minus
// that of the end of the first; accuracy is the share of forecasts within 0.1 of
// the value there, when the wave has been seen.
func (w wave) Score(r *rand.Rand, m Runner) Metrics {
	x := newTally(2 * sineSteps)
	b := newBatch(noisySine{}.IO(), 2*sineSteps, sineScored)
	w.Fill(r, b)
	x.add(m, b, noisySine{}.IO())
	return Metrics{"train_loss": x.mean(0, sineSteps), "accuracy": x.accuracy(sineSettled, sineSteps),
		"generalization_gap": x.mean(sineSteps, 2*sineSteps) - x.mean(sineSettled, sineSteps)}
}

// Rollouts shows the RNN sequences as in training.
func (w wave) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	return show(w, noisySine{}.IO(), r, m, count)
}
