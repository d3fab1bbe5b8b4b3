package importer

import (
	"runtime"
	"testing"

	"rnnrep/internal/onnx"
)

// BenchmarkReadLarge imports an LSTM of 1024 inputs and 2048 units, 100 MB.
// allocated/file is everything allocated on the way, which the peak is below;
// the file itself is not in it.
func BenchmarkReadLarge(b *testing.B) {
	data := onnx.Marshal(modelOf("LSTM", 4, 1024, 2048, 1))
	for name, o := range map[string]Options{"verified": {}, "unverified": {SkipVerification: true}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var total float64
			for b.Loop() {
				total += allocated(func() {
					if _, _, err := ReadBytes(data, o); err != nil {
						b.Fatal(err)
					}
				})
			}
			b.ReportMetric(total/float64(b.N)/float64(len(data)), "allocated/file")
		})
	}
}

// allocated is how many bytes f allocates in all.
func allocated(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// TestMemoryOfLargeFiles: reading takes no more than one and a half times the
// file besides the file itself, of any cell, verified.
func TestMemoryOfLargeFiles(t *testing.T) {
	for op, gates := range map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1} {
		data := onnx.Marshal(modelOf(op, gates, 512, 1024, 1))
		used := allocated(func() {
			if _, _, err := ReadBytes(data, Options{}); err != nil {
				t.Error(err)
			}
		})
		if ratio := used / float64(len(data)); ratio > 1.5 {
			t.Errorf("%s: %.2f times the file's %d bytes were allocated", op, ratio, len(data))
		}
	}
}
