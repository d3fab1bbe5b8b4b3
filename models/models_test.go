package models_test

import (
	"context"
	"io/fs"
	"math"
	"os"
	"testing"

	"rnnrep/encoders"
	"rnnrep/importer"
	"rnnrep/models"
	"rnnrep/rnn"
)

// TestBundlesFollowTheTruth asks the shipped bundles about RNNs that PyTorch
// trained; examples/models/README.md has their labels.
func TestBundlesFollowTheTruth(t *testing.T) {
	bundles, err := encoders.OpenBundles(models.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, truth := range []struct {
		file     string
		accuracy float64
		steps    float64
	}{
		{"formal_languages_r0_s1000.onnx", 0.975, 1000},
		{"formal_languages_r1_s20000.onnx", 1, 20000},
	} {
		data, err := os.ReadFile("../examples/models/" + truth.file)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := importer.ReadBytes(data, importer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range bundles {
			results, err := b.Embed(context.Background(), []*rnn.Model{m})
			if err != nil {
				t.Fatal(err)
			}
			p := results[0].Predictions
			if e := math.Abs(p.Accuracy.Value - truth.accuracy); e > 0.05 {
				t.Errorf("%s on %s: accuracy %.3f, truly %.3f", b.Name(), truth.file, p.Accuracy.Value, truth.accuracy)
			}
			if p.TrainingStage.Value != truth.steps {
				t.Errorf("%s on %s: %v steps, truly %v", b.Name(), truth.file, p.TrainingStage.Value, truth.steps)
			}
		}
	}
}

// TestEmbeddedSize: the program stays small enough to pass around.
func TestEmbeddedSize(t *testing.T) {
	const limit = 15 << 20
	var size int64
	err := fs.WalkDir(models.FS, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	})
	if err != nil || size > limit {
		t.Errorf("%d bytes are embedded, %d are allowed (%v)", size, limit, err)
	}
}
