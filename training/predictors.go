package training

import (
	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/zoo"
)

const (
	predictorHidden = 64
	predictorBatch  = 128
	predictorRate   = 3e-3
	predictorDecay  = 0.05
	// embeddingNoise is added to embeddings in training: an embedding is only
	// as exact as the encoder, and there are few of them.
	embeddingNoise = 0.03
)

// embed returns the unit embeddings of models, [len(models), Dim].
func embed(b *encoders.Bundle, ms []*rnn.Model) []float32 {
	t := grad.NewTape().Inference()
	var all []float32
	for len(ms) > 0 {
		n := 1
		for n < min(len(ms), batchSize) && ms[n].Spec.Equal(ms[0].Spec) {
			n++
		}
		t.Reset()
		all = append(all, encoders.Embeddings(t, b.Encoder, rnn.Bind(t, ms[:n]...)).Value()...)
		ms = ms[n:]
	}
	return all
}

// fitPredictors trains the predictors on the embeddings of the training tasks,
// sets the reference population and calibrates on the validation tasks.
func fitPredictors(b *encoders.Bundle, d *dataset, seed uint64, steps int) error {
	train := d.parts[zoo.Train]
	embeddings := embed(b, models(train))
	trainPredictors(b, train, embeddings, seed, steps)
	var members []encoders.Member
	for _, e := range train {
		members = append(members, encoders.Member{Run: e.run, Step: e.step, Accuracy: e.truth.Accuracy, Task: d.nameOf(e.truth.Task)})
	}
	b.Reference = encoders.NewReference(members, embeddings, b.Manifest.Encoder.Dim)
	validation := d.parts[zoo.Validation]
	b.Calibrate(models(validation), truths(validation))
	return nil
}

// trainPredictors trains the predictors on the embeddings of the examples,
// [len(train), Dim].
func trainPredictors(b *encoders.Bundle, train []example, embeddings []float32, seed uint64, steps int) {
	dim, params := b.Manifest.Encoder.Dim, b.Predictors.Params()
	config := optim.DefaultAdamW()
	config.WeightDecay = predictorDecay
	adam := optim.NewAdamW(config, params)
	rate := optim.WarmupCosine(predictorRate, 100, steps, 0)
	t := grad.NewTape()
	f := newPredictorBatch(b.Manifest.Predictors, predictorBatch)
	rows := make([]float32, predictorBatch*dim)
	for step := range steps {
		r := rng.Stream(seed, "predictor batch", uint64(step))
		for i := range predictorBatch {
			e := r.IntN(len(train))
			row := rows[i*dim : (i+1)*dim]
			for j, x := range embeddings[e*dim : (e+1)*dim] {
				row[j] = x + float32(r.NormFloat64()*embeddingNoise)
			}
			f.set(i, &train[e])
		}
		t.Reset()
		t.Backward(f.loss(b.Predictors.Apply(t.Input("", predictorBatch, dim, rows))))
		optim.ClipNorm(params, 1)
		adam.Step(rate(step))
	}
}

// predictorTargets is a batch of embeddings with what they should predict.
type predictorTargets struct {
	config        encoders.PredictorConfig
	accuracy, gap []float32
	stage         []int32
	task          [][]int32 // per coordinate
	parameters    []float32 // rows of the ranges' targets
	width         int       // of a row of parameters
}

func newPredictorBatch(c encoders.PredictorConfig, n int) *predictorTargets {
	f := &predictorTargets{config: c, accuracy: make([]float32, n), gap: make([]float32, n), stage: make([]int32, n)}
	for _, r := range c.Ranges {
		f.width += len(r.AppendTargets(nil, 0))
	}
	f.parameters = make([]float32, n*f.width)
	for range c.Coordinates {
		f.task = append(f.task, make([]int32, n))
	}
	return f
}

func (f *predictorTargets) set(i int, e *example) {
	f.accuracy[i], f.stage[i] = float32(e.truth.Accuracy), int32(e.truth.Stage)
	f.gap[i] = f.config.GapTarget(e.truth.Gap)
	row := f.parameters[i*f.width : i*f.width]
	for j, r := range f.config.Ranges {
		row = r.AppendTargets(row, e.truth.Task[j])
	}
	for c, values := range f.config.Coordinates {
		for k, v := range values {
			if v == e.truth.Task[c] {
				f.task[c][i] = int32(k)
			}
		}
	}
}

// loss is the sum of the properties' losses. Their predictors share nothing, so
// their weights do not matter.
func (f *predictorTargets) loss(o encoders.Outputs) grad.Var {
	return total(append(f.named(o), f.measured(o))...)
}

// named is the part of the loss that is the task's: none of a zoo of one task.
func (f *predictorTargets) named(o encoders.Outputs) (losses []grad.Var) {
	if f.width > 0 {
		losses = append(losses, grad.MeanSquare(o.Task, f.parameters))
	}
	at := 0
	for c, values := range f.config.Coordinates {
		if len(values) > 1 {
			losses = append(losses, grad.CrossEntropy(grad.Slice(o.Task, at, len(values)), f.task[c]))
			at += len(values)
		}
	}
	return losses
}

// measured is the part of the loss that is not the task's: what is measured of
// an RNN of any task.
func (f *predictorTargets) measured(o encoders.Outputs) grad.Var {
	return total(grad.BinaryCrossEntropy(o.Accuracy, f.accuracy), grad.MeanSquare(o.Gap, f.gap), grad.CrossEntropy(o.Stage, f.stage))
}

func total(losses ...grad.Var) grad.Var {
	all := losses[0]
	for _, l := range losses[1:] {
		all = grad.Add(all, l)
	}
	return all
}
