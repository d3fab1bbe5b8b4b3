package onnx_test

import (
	"bytes"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
)

// FuzzParse: no bytes make Parse panic or fail without a code, and a model that
// is read is written and read again as the same.
func FuzzParse(f *testing.F) {
	f.Add(good())
	f.Add(nested(3))
	f.Add(external("location", "data", "offset", "8", "length", "8"))
	f.Add(append(file(call("A", "a", "b"), input("a"), output("b")), functionOf("A", nodeOf("Relu", list("x"), list("y")))...))
	f.Add(onnx.Marshal(everything()))
	limits := onnx.Limits{Bytes: 1 << 20, Nodes: 1000, Values: 10000}
	f.Fuzz(func(t *testing.T, data []byte) {
		onnx.ExternalNames(data)
		m, err := onnx.Parse(data, onnx.External{"data": make([]byte, 16)}, limits)
		if err != nil {
			if errs.CodeOf(err) == errs.Internal {
				t.Fatalf("no code: %v", err)
			}
			return
		}
		written := onnx.Marshal(m)
		again, err := onnx.Parse(written, nil, onnx.Limits{})
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if !bytes.Equal(onnx.Marshal(again), written) {
			t.Fatal("written differently the second time")
		}
	})
}
