package training

import (
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

func TestBest(t *testing.T) {
	dir := tinyZoo(t)
	t.Run("kept", func(t *testing.T) { checkKeepsBest(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 60)) })
	t.Run("resume", func(t *testing.T) {
		checkResumesBest(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), validateEvery+5))
	})
	t.Run("supervision", func(t *testing.T) { checkSupervision(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 100)) })
}

// checkKeepsBest: the weights of the least validation loss come back, whatever
// followed.
func checkKeepsBest(t *testing.T, c EncoderConfig) {
	trainer := newTinyTrainer(t, c)
	for range c.Steps {
		trainer.takeStep()
	}
	if err := trainer.validate(); err != nil {
		t.Fatal(err)
	}
	least := trainer.best.Loss
	var want [][]float32
	for _, p := range trainer.bundle.Params() {
		want = append(want, slices.Clone(p.Value))
		for i := range p.Value {
			p.Value[i] *= -1
		}
	}
	trainer.step++
	if err := trainer.validate(); err != nil {
		t.Fatal(err)
	}
	trainer.takeBest()
	if trainer.best.Step != c.Steps || trainer.best.Loss != least {
		t.Errorf("the best is step %d at %v, want %d at %v", trainer.best.Step, trainer.best.Loss, c.Steps, least)
	}
	for i, p := range trainer.bundle.Params() {
		if !slices.Equal(p.Value, want[i]) {
			t.Errorf("%s is not what it was", p.Name)
		}
	}
	loss, err := lossOn(trainer.bundle, trainer.data, trainer.data.parts[zoo.Validation], 1, trainer.loss)
	if err != nil || math.Abs(loss-least) > 1e-9 {
		t.Errorf("the kept weights' loss is %v (%v), not %v", loss, err, least)
	}
}

// checkResumesBest: a training interrupted after the best step ends with it, and is
// stored in half precision where that is wanted.
func checkResumesBest(t *testing.T, c EncoderConfig) {
	c.Half = true
	whole := c
	whole.Dir = t.TempDir()
	want, err := TrainEncoder(context.Background(), whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TrainEncoder(after(validateEvery+2), c); err == nil {
		t.Fatal("not interrupted")
	}
	got, err := TrainEncoder(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got.Manifest.Provenance["best_step"] != want.Manifest.Provenance["best_step"] {
		t.Errorf("best step %s, uninterrupted %s", got.Manifest.Provenance["best_step"], want.Manifest.Provenance["best_step"])
	}
	for i, p := range want.Params() {
		if !slices.Equal(p.Value, got.Params()[i].Value) {
			t.Errorf("%s differs", p.Name)
		}
	}
	opened, err := encoders.OpenBundle(os.DirFS(c.Dir))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range opened.Params() {
		if !opened.Manifest.Half || !slices.Equal(p.Value, got.Params()[i].Value) {
			t.Errorf("%s differs once it is opened", p.Name)
		}
	}
}

// checkSupervision: with it the loss of the properties falls, and the encoder is
// another than without.
func checkSupervision(t *testing.T, c EncoderConfig) {
	plain := newTinyTrainer(t, c)
	c.Supervision, c.TaskSupervision = 0.1, 0.1
	supervised := newTinyTrainer(t, c)
	var losses []float64
	for range c.Steps {
		plain.takeStep()
		supervised.takeStep()
		losses = append(losses, supervised.shards[0].supervised)
	}
	if first, last := losses[0], losses[len(losses)-1]; !(last < 0.8*first) {
		t.Errorf("the properties' loss goes from %v to %v", first, last)
	}
	if slices.Equal(plain.groups[0][0].Value, supervised.groups[0][0].Value) {
		t.Error("supervision does not reach the encoder")
	}
}
