package exporter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
	"rnnrep/internal/ort"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

const (
	// tolerance is the greatest difference between a bundle and its file: the
	// absolute one of values up to 1, the relative one of greater values.
	tolerance = 1e-5
	// defaultModels is how many RNNs of each size and scale are compared.
	defaultModels = 2
)

// scales are those of the compared RNNs' weights, in units of initial weights.
var scales = []float64{1, 3}

// Check is one comparison of an exported encoder with its bundle.
type Check struct {
	Evaluator string  // reference_evaluator or onnxruntime
	Models    int     // RNNs compared
	MaxError  float64 // greatest difference of any output
	Note      string  // why nothing was compared, if so
}

// String is a line for people.
func (c Check) String() string {
	if c.Note != "" {
		return fmt.Sprintf("%s: nothing compared: %s", c.Evaluator, c.Note)
	}
	return fmt.Sprintf("%s: %d RNNs, greatest difference %.2g", c.Evaluator, c.Models, c.MaxError)
}

// evaluate runs an exported file on named inputs.
type evaluate func(inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error)

// VerifyEncoder compares an exported file with the bundle, in the reference
// evaluator and in ONNX Runtime. Where its library is not found the check says
// so. A difference beyond 1e-5 is an error of code verification_failed.
func VerifyEncoder(data []byte, b *encoders.Bundle) ([]Check, error) {
	ctx := context.Background()
	reference, err := verifyReference(ctx, data, b, defaultModels)
	if err != nil {
		return nil, err
	}
	if err := ort.Available(); err != nil {
		return []Check{reference, {Evaluator: "onnxruntime", Note: err.Error()}}, nil
	}
	var outputs []string
	m, err := onnx.Parse(data, nil, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	for _, o := range m.Graph.Outputs {
		outputs = append(outputs, o.Name)
	}
	runtime, err := verify(b, "onnxruntime", defaultModels, func(inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error) {
		return ort.Run(ctx, data, inputs, outputs)
	})
	return []Check{reference, runtime}, err
}

// verifyReference compares the file with the bundle in the reference evaluator.
func verifyReference(ctx context.Context, data []byte, b *encoders.Bundle, models int) (Check, error) {
	m, err := onnx.Parse(data, nil, onnx.Limits{})
	if err != nil {
		return Check{}, err
	}
	return verify(b, "reference_evaluator", models, func(inputs map[string]*onnx.Tensor) (map[string]*onnx.Tensor, error) {
		return onnxref.Run(ctx, m, inputs, onnxref.Limits{Memory: 8 << 30}) // our own file: no need to be strict
	})
}

// verify compares what run makes of random RNNs with what the bundle does.
func verify(b *encoders.Bundle, evaluator string, models int, run evaluate) (Check, error) {
	c := Check{Evaluator: evaluator}
	if b.Reference == nil || len(b.Manifest.Calibration.Accuracy.Widths) == 0 {
		return c, errors.New("the bundle has no reference population or no calibration: its training is not finished")
	}
	for i, s := range exportedSpecs(b) {
		for j, scale := range scales {
			r := rng.Stream(b.Manifest.Seed, "export check", uint64(i*len(scales)+j))
			batch := make([]*rnn.Model, models+j) // of different numbers, which must not matter
			for k := range batch {
				batch[k] = randomModel(s, scale, r)
			}
			want, err := b.Embed(context.Background(), batch)
			if err != nil {
				return c, err
			}
			got, err := run(inputTensors(batch))
			if err != nil {
				return c, fmt.Errorf("%s: %w", evaluator, err)
			}
			d := compare(b.Manifest.Predictors, want, got)
			c.Models += len(batch)
			c.MaxError = max(c.MaxError, d.worst)
			if d.worst > tolerance {
				return c, errs.New(errs.VerificationFailed, "in %s the output %q differs from the bundle's by %.3g, for RNNs of %s with weights %v times the initial ones",
					evaluator, d.output, d.worst, s, scale).At(d.output).Accepts("at most %v", tolerance)
			}
		}
	}
	return c, nil
}

// exportedSpecs are specs that the file accepts: the trained one and, where
// hidden sizes are free, another.
func exportedSpecs(b *encoders.Bundle) []rnn.Spec {
	spec := b.Manifest.Encoder.Spec
	specs := []rnn.Spec{spec}
	if free := freeLayers(b); free != nil {
		for i, layer := range free {
			for range i + 1 {
				spec = widen(spec, layer)
			}
		}
		specs = append(specs, spec)
	}
	return specs
}

// randomModel draws weights uniformly within scale times 1/sqrt(hidden), the
// bound of PyTorch's initial weights.
func randomModel(s rnn.Spec, scale float64, r *rand.Rand) *rnn.Model {
	m := rnn.NewModel(s)
	bound := scale / math.Sqrt(float64(s.Layers[0].Hidden))
	for i := range m.Weights {
		m.Weights[i] = float32((2*r.Float64() - 1) * bound)
	}
	return m
}

// inputTensors are the inputs of an exported encoder for RNNs of one spec.
func inputTensors(models []*rnn.Model) map[string]*onnx.Tensor {
	inputs := map[string]*onnx.Tensor{}
	for _, s := range models[0].Spec.Layout() {
		var values []float32
		for _, m := range models {
			values = append(values, m.Tensor(s)...)
		}
		inputs[s.Name] = onnx.NewFloats(s.Name, values, append([]int{len(models)}, s.Shape...)...)
	}
	return inputs
}
