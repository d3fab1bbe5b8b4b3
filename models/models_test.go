package models_test

import (
	"context"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/importer"
	"rnnrep/models"
	"rnnrep/rnn"
)

// TestBundlesFollowTheTruth asks the shipped bundles about RNNs that PyTorch
// trained; examples/models/README.md has their labels.
func TestBundlesFollowTheTruth(t *testing.T) {
	bundles, err := encoders.OpenBundles(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	inside, err := encoders.OpenBundles(models.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, truth := range []struct {
		family, file string
		accuracy     float64
		steps        float64
	}{
		{"formal_languages", "formal_languages_r0_s1000.onnx", 0.975, 1000},
		{"formal_languages", "formal_languages_r1_s20000.onnx", 1, 20000},
		{"sequential_mnist", "sequential_mnist_r0_s20000.onnx", 0.968, 20000},
	} {
		data, err := os.ReadFile("../examples/models/" + truth.file)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := importer.ReadBytes(data, importer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		for _, b := range bundles {
			// A bundle of many shapes is less exact, and its zoo was not trained so long; nor
			// is one exact that answers only when it is asked for.
			tolerance, steps := 0.05, truth.steps
			byDefault := slices.ContainsFunc(inside, func(d *encoders.Bundle) bool { return d.Name() == b.Name() })
			if b.Encoder.Accepts().Shapes != nil || !byDefault {
				tolerance, steps = 0.1, 0
			}
			if b.Encoder.Accepts().Shapes == nil && b.Manifest.Family != truth.family {
				continue
			}
			asked++
			results, err := b.Embed(context.Background(), []*rnn.Model{m})
			if err != nil {
				t.Fatal(err)
			}
			p := results[0].Predictions
			if e := math.Abs(p.Accuracy.Value - truth.accuracy); e > tolerance {
				t.Errorf("%s on %s: accuracy %.3f, truly %.3f", b.Name(), truth.file, p.Accuracy.Value, truth.accuracy)
			}
			stages := b.Manifest.Predictors.Steps
			apart := slices.Index(stages, int(p.TrainingStage.Value)) - slices.Index(stages, int(steps))
			if steps > 0 && max(apart, -apart) > 1 {
				t.Errorf("%s on %s: %v steps, truly %v", b.Name(), truth.file, p.TrainingStage.Value, steps)
			}
		}
		if asked < 3 {
			t.Errorf("%s: %d bundles answered", truth.file, asked)
		}
	}
}

// TestSizes: the program stays small enough to pass around, and the repository
// to fetch.
func TestSizes(t *testing.T) {
	for _, of := range []struct {
		name  string
		files fs.FS
		limit int64
	}{{"inside the program", models.FS, 15 << 20}, {"in the folder", os.DirFS("."), 60 << 20}} {
		var size int64
		err := fs.WalkDir(of.files, ".", func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			size += info.Size()
			return err
		})
		if err != nil || size > of.limit {
			t.Errorf("%d bytes are %s, %d are allowed (%v)", size, of.name, of.limit, err)
		}
	}
}
