package importer

import (
	"bytes"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/errs"
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

// TestMemoryOfLists: what 8 MiB can ask for by lists of small or empty items.
func TestMemoryOfLists(t *testing.T) {
	many := func(number protowire.Number) message { return bytes.Repeat(message{}.put(number, nil), 4<<20) }
	node := func(attribute message) message {
		return wrap(message{}.put(1, append(message{}.text(1, "X").text(2, "Z").text(4, "Relu"), attribute...)))
	}
	for name, data := range map[string]message{
		"nodes": wrap(many(1)), "initializers": wrap(many(5)), "inputs": wrap(many(11)), "outputs": wrap(many(12)),
		"attributes": node(many(5)), "node inputs": node(many(1)),
		"integers": node(message{}.put(5, message{}.text(1, "a").text(8, string(make([]byte, 8<<20))))),
		"texts":    node(message{}.put(5, append(message{}.text(1, "a"), many(9)...))),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, _, err = ReadBytes(data, Options{}) })
			if err == nil || errs.CodeOf(err) == errs.Internal {
				t.Errorf("error %v", err)
			}
			if limit := float64(4*len(data) + 64<<20); used > limit {
				t.Errorf("%.0f MiB allocated, at most %.0f expected", used/(1<<20), limit/(1<<20))
			}
		})
	}
}
