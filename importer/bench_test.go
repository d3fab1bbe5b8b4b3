package importer

import "testing"

// BenchmarkRead imports the two-layer LSTM of 32 units that PyTorch's
// TorchScript exporter wrote, 59 kB.
func BenchmarkRead(b *testing.B) {
	for name, o := range map[string]Options{"verified": {}, "unverified": {SkipVerification: true}} {
		b.Run(name, func(b *testing.B) {
			e := entry{dir: "testdata/paperzoo"}
			data := e.read(b, "formal_languages_r1_s0.onnx")
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := ReadBytes(data, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
