package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
	"rnnrep/internal/rng"
	"rnnrep/rnn/zoo"
)

// EncoderConfig says which encoder to train on which zoo.
type EncoderConfig struct {
	Zoo     string
	Kind    string          // one of encoders.Kinds
	Options json.RawMessage // of the kind; empty: its defaults
	Dir     string          // of the bundle
	Dim     int             // of the embedding; 0: 16
	Seed    uint64
	Steps   int     // optimiser steps; 0: 20000
	Rate    float64 // peak learning rate; 0: 1e-3
	Hidden  int     // units of the emulator's two layers; 0: 128
	Workers int     // 0: one a core
	// Supervision is the weight of the loss of accuracy, gap and stage, beside the
	// emulation's; 0: the encoder is trained by emulation alone.
	Supervision float64
	// TaskSupervision is the weight of the loss of the task's parameters.
	TaskSupervision float64
	EveryStep       bool   // the embedding enters the emulator at every step
	Sequences       int    // of each RNN of a batch; 0: 1
	Loss            string // of the emulation, one of LossNames; "": the first
	// Divergence is the weight, at first, of the KL divergence beside a loss of
	// distributions; it falls to 0 at the last step. Total variation alone hardly
	// moves an output that is far from its target.
	Divergence float64
	Half       bool // the bundle's matrices are stored in half precision
	// LeaveOut names RNNs of a mixed zoo that only the evaluation sees: "cell=gru".
	LeaveOut []string
	Progress io.Writer

	predictorSteps int // 0: 3000
}

const (
	warmupSteps     = 500
	clipLimit       = 0.1 // for encoder and emulator apart (published configuration)
	checkpointEvery = 500
	finalRate       = 0.02 // share of the peak learning rate at the end
	emulatorLayers  = 2
)

func (c *EncoderConfig) setDefaults() {
	for _, d := range []struct {
		v       *int
		initial int
	}{{&c.Dim, 16}, {&c.Steps, 20000}, {&c.Hidden, 128}, {&c.Workers, runtime.GOMAXPROCS(0)}, {&c.predictorSteps, 3000}, {&c.Sequences, 1}} {
		if *d.v == 0 {
			*d.v = d.initial
		}
	}
	if c.Rate == 0 {
		c.Rate = 1e-3
	}
	if c.Loss == distributionLosses[0].name {
		c.Loss = ""
	}
}

// encoderTrainer trains an encoder and its emulator together to imitate the
// zoo's RNNs (paper, section 4). Step i depends on the seed and i alone.
type encoderTrainer struct {
	config EncoderConfig
	data   *dataset
	bundle *encoders.Bundle
	shards []*shard
	groups [][]*grad.Param // of the encoder, the emulator and the predictors: clipped apart
	adam   []*optim.AdamW  // of each group
	loss   emulationLoss
	best   best
	rate   func(step int) float64
	step   int
	smooth float64 // running mean of the loss
}

// TrainEncoder trains a bundle: encoder and emulator, then predictors on the
// frozen embeddings, then the calibration. Interrupted, it continues from its
// last checkpoint as if it had not been.
func TrainEncoder(ctx context.Context, c EncoderConfig) (*encoders.Bundle, error) {
	c.setDefaults()
	if b, err := encoders.OpenBundle(os.DirFS(c.Dir)); err == nil {
		return b, c.sameAs(b)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := loadZoo(c.Zoo, c.LeaveOut...)
	if err != nil {
		return nil, err
	}
	t, err := newEncoderTrainer(c, data)
	if err != nil {
		return nil, err
	}
	if err := t.resume(); err != nil {
		return nil, err
	}
	if err := t.train(ctx); err != nil {
		return nil, err
	}
	t.takeBest()
	t.bundle.Manifest.Provenance["best_step"] = fmt.Sprint(t.best.Step)
	if c.Half {
		t.bundle.Halve()
	}
	if err := fitPredictors(t.bundle, data, c.Seed, c.predictorSteps); err != nil {
		return nil, err
	}
	if err := calibrateUnseen(ctx, t.bundle, data, c); err != nil {
		return nil, err
	}
	if t.bundle.Manifest.Scores, err = manifestScores(ctx, t.bundle, data, c.Workers); err != nil {
		return nil, err
	}
	if err := t.bundle.Save(c.Dir); err != nil {
		return nil, err
	}
	return t.bundle, t.removeCheckpoint()
}

// sameAs compares the settings with those of a bundle that is there already.
func (c *EncoderConfig) sameAs(b *encoders.Bundle) error {
	m, losses := b.Manifest, []string{emulationLoss{name: c.Loss}.String()}
	if c.Loss == "" {
		losses = []string{distributionLosses[0].String(), meanSquare.String()}
	}
	if m.Encoder.Kind != c.Kind || m.Seed != c.Seed || m.Provenance["steps"] != fmt.Sprint(c.Steps) || !slices.Contains(losses, m.Provenance["loss"]) {
		return fmt.Errorf("%s holds a finished bundle of encoder %s, seed %d, %s steps, loss %s; choose another folder",
			c.Dir, m.Encoder.Kind, m.Seed, m.Provenance["steps"], m.Provenance["loss"])
	}
	return nil
}

func newEncoderTrainer(c EncoderConfig, d *dataset) (*encoderTrainer, error) {
	f := d.format()
	loss, err := f.loss(c.Loss)
	if err != nil {
		return nil, err
	}
	if c.Divergence > 0 && f.io.RealOutputs {
		return nil, errors.New("the zoo's outputs are real: they have no KL divergence")
	}
	if d.shardSize()%c.Sequences != 0 {
		return nil, fmt.Errorf("%d sequences of each RNN: the parts of a batch have %d, which must be a multiple", c.Sequences, d.shardSize())
	}
	coordinates := d.coordinates()
	m := encoders.Manifest{Family: d.header.Family, Seed: c.Seed, TaskNames: d.taskNames(coordinates),
		Encoder: encoders.Config{Kind: c.Kind, Dim: c.Dim, Spec: d.header.Spec, Options: c.Options, InputRange: d.inputRange(), Shapes: d.shapes},
		Emulator: encoders.EmulatorConfig{Dim: c.Dim, Inputs: d.header.Spec.Inputs(), Real: f.inputs > 0, Outputs: f.outputs, Hidden: c.Hidden, Layers: emulatorLayers,
			EveryStep: c.EveryStep},
		Predictors: encoders.PredictorConfig{Dim: c.Dim, Hidden: predictorHidden, Steps: d.header.Steps, Coordinates: coordinates,
			Ranges: d.ranges(), GapUnit: d.gapUnit()},
		Provenance: map[string]string{"zoo": d.checksum, "zoo_seed": fmt.Sprint(d.header.Seed), "zoo_runs": fmt.Sprint(d.runs), "seed": fmt.Sprint(c.Seed),
			"steps": fmt.Sprint(c.Steps), "batch": fmt.Sprint(batchSize), "sequences": fmt.Sprint(c.Sequences), "learning_rate": fmt.Sprint(c.Rate), "loss": loss.String(), "supervision": fmt.Sprint(c.Supervision),
			"task_supervision": fmt.Sprint(c.TaskSupervision), "divergence": fmt.Sprint(c.Divergence)}}
	if d.shapes != nil {
		m.Predictors.GapCurve = mixedGapCurve
	}
	m.Predictors.GapMean, m.Predictors.GapScale = gapScale(&m.Predictors, d.parts[zoo.Train])
	if len(c.LeaveOut) > 0 {
		m.Provenance["left_out"] = strings.Join(c.LeaveOut, ", ")
	}
	b, err := encoders.NewBundle(m)
	if err != nil {
		return nil, err
	}
	d.computeFeatures(b.Encoder, c.Workers)
	switch e := b.Encoder.(type) {
	case encoders.Featured:
		e.PrepareFeatures(featuresOf(d.parts[zoo.Train]))
	case encoders.Preparer:
		e.Prepare(models(d.parts[zoo.Train]))
	}
	t := &encoderTrainer{config: c, data: d, bundle: b, groups: [][]*grad.Param{b.Encoder.Params(), b.Emulator.Params(), b.Predictors.Params()},
		rate: optim.WarmupCosine(c.Rate, warmupSteps, c.Steps, finalRate), loss: loss, best: newBest(b.Params())}
	for _, params := range t.groups {
		t.adam = append(t.adam, optim.NewAdamW(optim.DefaultAdamW(), params))
	}
	for range batchSize / d.shardSize() {
		s, err := newShard(b, loss, c.Sequences)
		if err != nil {
			return nil, err
		}
		s.supervision = supervision{float32(c.Supervision), float32(c.TaskSupervision)}
		t.shards = append(t.shards, s)
	}
	return t, nil
}

// gapScale returns mean and spread of the training snapshots' gaps, as they are
// predicted.
func gapScale(c *encoders.PredictorConfig, examples []example) (mean, scale float32) {
	var sum, square float64
	for _, e := range examples {
		gap := c.Curved(e.truth.Gap)
		sum += gap
		square += gap * gap
	}
	n := float64(len(examples))
	return float32(sum / n), float32(math.Sqrt(max(square/n-sum*sum/n/n, 1e-6)))
}

// train takes the steps that are left.
func (t *encoderTrainer) train(ctx context.Context) error {
	progress := newProgress(t.config.Progress, "steps of "+t.config.Kind, t.config.Steps, t.step, 1)
	defer progress.finish()
	for t.step < t.config.Steps {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, t.save())
		}
		loss := t.takeStep()
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("the loss is %v at step %d; lower the learning rate", loss, t.step)
		}
		t.smooth += (loss - t.smooth) * max(0.01, 1/float64(t.step))
		if t.step%validateEvery == 0 || t.step == t.config.Steps {
			if err := t.validate(); err != nil {
				return err
			}
		}
		progress.note(t.remark())
		progress.tick(1)
		if t.step%checkpointEvery == 0 {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// remark says how the training does.
func (t *encoderTrainer) remark() string {
	s := fmt.Sprintf("loss %.4f", t.smooth)
	if t.best.Step > 0 {
		s += fmt.Sprintf(", least on validation tasks %.4f at step %d", t.best.Loss, t.best.Step)
	}
	return s
}

// takeStep takes one optimiser step and returns the loss before it.
func (t *encoderTrainer) takeStep() float64 {
	examples := t.data.parts[zoo.Train]
	batch := t.data.draw(rng.Stream(t.config.Seed, "encoder batch", uint64(t.step)), t.config.Sequences)
	concurrently(t.config.Workers, len(t.shards), func(i int) {
		s := t.shards[i]
		s.fill(examples, batch[i])
		s.divergence = float32(t.config.Divergence * (1 - float64(t.step)/float64(t.config.Steps)))
		s.augment(t.config.Seed, uint64(t.step*batchSize+i*len(batch[i])))
		s.run(true)
	})
	loss := collect(t.bundle.Params(), t.shards, t.config.Workers)
	rate := t.rate(t.step)
	for i, params := range t.groups {
		optim.ClipNorm(params, clipLimit)
		t.adam[i].Step(rate)
	}
	t.step++
	return loss
}
