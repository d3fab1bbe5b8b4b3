package training

import (
	"math"

	"rnnrep/internal/grad"
	"rnnrep/internal/safetensors"
	"rnnrep/rnn/zoo"
)

// validateEvery is how many steps pass between looks at the validation tasks.
const validateEvery = 250

// best keeps the weights of the step with the least emulation loss on the
// validation tasks, as the published training does: an encoder that trains on
// comes to know its own RNNs one by one.
type best struct {
	Step    int     `json:"step"`
	Loss    float64 `json:"loss"`
	weights [][]float32
}

func newBest(params []*grad.Param) best {
	b := best{Loss: math.MaxFloat64}
	for _, p := range params {
		b.weights = append(b.weights, append([]float32(nil), p.Value...))
	}
	return b
}

// validate measures the loss on the validation tasks and keeps the weights if it
// is the least so far.
func (t *encoderTrainer) validate() error {
	loss, err := lossOn(t.bundle, t.data, t.data.parts[zoo.Validation], t.config.Workers, t.loss)
	if err != nil || !(loss < t.best.Loss) {
		return err
	}
	t.best.Step, t.best.Loss = t.step, loss
	for i, p := range t.bundle.Params() {
		copy(t.best.weights[i], p.Value)
	}
	return nil
}

// takeBest puts the weights back that were kept.
func (t *encoderTrainer) takeBest() {
	for i, p := range t.bundle.Params() {
		copy(p.Value, t.best.weights[i])
	}
}

// tensors lists the kept weights, for a checkpoint.
func (b *best) tensors(params []*grad.Param) (tensors []safetensors.Tensor) {
	for i, p := range params {
		tensors = append(tensors, safetensors.Tensor{Name: "best." + p.Name, Shape: []int{len(p.Value)}, Data: b.weights[i]})
	}
	return tensors
}
