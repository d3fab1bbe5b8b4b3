package training

import (
	"context"
	"math"
	"reflect"
	"testing"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// checkCalibrateUnseen: the intervals for unseen shapes are the same for any number
// of workers, rest on none of the RNNs that were left out of the training, and
// leave the others' as they were.
func checkCalibrateUnseen(t *testing.T, dir string) {
	d, err := loadZoo(dir, "hidden=48")
	if err != nil {
		t.Fatal(err)
	}
	c := EncoderConfig{Kind: "responses", Options: []byte(`{"hidden":[8]}`), Dim: 4, Seed: 1, Steps: 1, Hidden: 8, predictorSteps: 30}
	c.setDefaults()
	trainer, err := newEncoderTrainer(c, d)
	if err != nil {
		t.Fatal(err)
	}
	b := trainer.bundle
	if err := fitPredictors(b, d, c.Seed, c.predictorSteps); err != nil {
		t.Fatal(err)
	}
	before := b.Manifest.Calibration
	calibrated := func(workers int) encoders.Calibration {
		c.Workers, b.Manifest.Calibration.Unseen = workers, nil
		if err := calibrateUnseen(context.Background(), b, d, c); err != nil {
			t.Fatal(err)
		}
		return b.Manifest.Calibration
	}
	one := calibrated(1)
	for i := range d.parts[zoo.OOD] {
		e := &d.parts[zoo.OOD][i]
		e.features, e.truth.Gap = nil, math.NaN()
	}
	if again := calibrated(3); !reflect.DeepEqual(again, one) {
		t.Errorf("intervals %+v, then %+v", *one.Unseen, *again.Unseen)
	}
	if one.Unseen == nil || reflect.DeepEqual(one.Unseen.Cell, one.Unseen.Size) {
		t.Errorf("intervals for unseen shapes: %+v", one.Unseen)
	}
	one.Unseen = nil
	if !reflect.DeepEqual(one, before) {
		t.Errorf("intervals of known shapes were %+v, are %+v", before, one)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := calibrateUnseen(canceled, b, d, c); err == nil {
		t.Error("it went on when it was to end")
	}
}

// TestTogether: one group alone says nothing of others.
func TestTogether(t *testing.T) {
	d := &encoders.Deviations{}
	if together([]*encoders.Deviations{d, nil}) != nil || together([]*encoders.Deviations{d, d}) == nil {
		t.Error("of one group there are intervals, or of two none")
	}
}
