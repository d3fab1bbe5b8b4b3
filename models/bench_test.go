package models_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"rnnrep/encoders"
	"rnnrep/models"
	"rnnrep/rnn"
)

// BenchmarkEmbed answers for RNNs of a bundle's own architecture, a batch a core at
// a time: embedding, predictions, intervals and neighbours.
func BenchmarkEmbed(b *testing.B) {
	bundles, err := encoders.OpenBundles(models.FS)
	if err != nil {
		b.Fatal(err)
	}
	const batch = 64
	for _, bundle := range bundles {
		spec := bundle.Manifest.Encoder.Spec
		r, population := rand.New(rand.NewPCG(1, 2)), make([]*rnn.Model, batch)
		for i := range population {
			m := &rnn.Model{Spec: spec, Weights: make([]float32, spec.Parameters())}
			for j := range m.Weights {
				m.Weights[j] = float32(r.NormFloat64()) / 4
			}
			population[i] = m
		}
		b.Run(bundle.Name(), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := bundle.Embed(context.Background(), population); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "models/s")
		})
	}
}
