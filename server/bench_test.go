package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/rnn"
	"rnnrep/server"
)

// BenchmarkPost posts the paper's RNN, two layers of 32 LSTM units, over
// loopback to untrained bundles of full size.
func BenchmarkPost(b *testing.B) {
	spec := rnn.Uniform("lstm", 6, 32, 2, 6)
	data := modelFile(b, spec, 0)
	for _, kind := range []string{"layerwise_statistics", "interactive_probing"} {
		bundle := enctest.Bundle(b, encoders.Config{Kind: kind, Dim: 16, Spec: spec})
		s := httptest.NewServer(newServer(b, func(c *server.Config) { c.Bundles = []*encoders.Bundle{bundle} }))
		post := func(b *testing.B) {
			resp, err := s.Client().Post(s.URL+"/v1/predict", "", bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				b.Fatal(resp.Status, err)
			}
			resp.Body.Close()
		}
		b.Run(kind+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				post(b)
			}
		})
		b.Run(kind+"/together", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					post(b)
				}
			})
		})
		s.Close()
	}
}
