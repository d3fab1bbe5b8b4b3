package enctest

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// emulatorConfig is that of an emulator for the encoder's zoo.
func emulatorConfig(c encoders.Config, hidden, layers int) encoders.EmulatorConfig {
	return encoders.EmulatorConfig{Dim: c.Dim, Inputs: c.Spec.Inputs(), Real: c.InputRange != nil, Outputs: c.Spec.OutputSize(), Hidden: hidden, Layers: layers}
}

// Bundle makes an untrained bundle around the encoder, complete with reference
// population and calibration.
func Bundle(t testing.TB, c encoders.Config) *encoders.Bundle {
	t.Helper()
	return bundle(t, c, encoders.PredictorConfig{Coordinates: [][]float32{{0}, {-1, 2}}})
}

// RangedBundle is Bundle for a family whose task parameters, an angle and a
// length, are real numbers.
func RangedBundle(t testing.TB, c encoders.Config) *encoders.Bundle {
	t.Helper()
	return bundle(t, c, encoders.PredictorConfig{GapUnit: "metres",
		Ranges: []encoders.Range{{Name: "angle", Unit: "degrees", High: 360, Circular: true}, {Name: "length", Low: -2, High: 6}}})
}

func bundle(t testing.TB, c encoders.Config, p encoders.PredictorConfig) *encoders.Bundle {
	t.Helper()
	p.Dim, p.Hidden, p.Steps, p.GapMean, p.GapScale = c.Dim, 5, []int{0, 10, 100}, .1, .2
	b, err := encoders.NewBundle(encoders.Manifest{Family: "test", Seed: seed, Encoder: c,
		Emulator:   emulatorConfig(c, 4, 1),
		Predictors: p,
		TaskNames:  map[string]string{"0 -1": "less", "0 2": "more"},
		Scores:     map[string]float64{"validation_accuracy_r2": .5}, Provenance: map[string]string{"zoo": "none"}})
	if err != nil {
		t.Fatal(err)
	}
	models := Models(c.Spec, 12)
	for _, p := range b.Params() { // the seed alone must not give the weights back
		for i := range p.Value {
			p.Value[i] *= 1.25
		}
	}
	if p, ok := b.Encoder.(encoders.Preparer); ok {
		p.Prepare(models)
	}
	var members []encoders.Member
	var embeddings []float32
	var truths []encoders.Truth
	tape := grad.NewTape().Inference()
	for i, m := range models {
		tape.Reset()
		embeddings = append(embeddings, encoders.Embeddings(tape, b.Encoder, rnn.Bind(tape, m)).Value()...)
		members = append(members, encoders.Member{Run: i / 3, Step: []int{0, 10, 100}[i%3], Accuracy: float64(i) / 12, Task: "less"})
		truths = append(truths, encoders.Truth{Accuracy: float64(i) / 12, Gap: float64(i%5) / 10, Stage: i % 3,
			Task: []float32{float32(30 * i), float32(i%7) - 1}})
	}
	b.Reference = encoders.NewReference(members, embeddings, c.Dim)
	b.Calibrate(models, truths)
	return b
}

// checkBundle: a bundle that was saved and opened answers the same, in half
// precision too.
func checkBundle(t *testing.T, c encoders.Config) {
	b := Bundle(t, c)
	whole := checkSaved(t, b)
	b.Halve()
	if size := checkSaved(t, b); size >= whole {
		t.Errorf("%d bytes in half precision, %d before", size, whole)
	}
}

// checkSaved returns the size of the weights' file.
func checkSaved(t *testing.T, b *encoders.Bundle) int64 {
	dir := t.TempDir()
	if err := b.Save(dir); err != nil {
		t.Fatal(err)
	}
	opened, err := encoders.OpenBundle(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(opened.Info(), b.Info()) {
		t.Errorf("opened %+v, saved %+v", opened.Info(), b.Info())
	}
	models := Models(b.Manifest.Encoder.Spec, 4)
	want, err := b.Embed(context.Background(), models)
	if err != nil {
		t.Fatal(err)
	}
	got, err := opened.Embed(context.Background(), models)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("opened, the bundle answers %+v, before %+v", got, want)
	}
	file, err := os.Stat(filepath.Join(dir, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return file.Size()
}
