package onnxref

import (
	"context"
	"path/filepath"
	"testing"

	"rnnrep/internal/onnx"
)

// FuzzRun evaluates whatever parses, without the net under operators: none may
// panic, or pass the limits by much.
func FuzzRun(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	for _, path := range paths {
		for _, c := range fixtures(f, path) {
			f.Add(c.Model)
		}
	}
	limits := Limits{Memory: 1 << 19, Nodes: 1000, Work: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Parse(data, nil, onnx.Limits{Bytes: 1 << 16, Nodes: 100, Values: 1000, Depth: 4})
		if err != nil {
			return
		}
		r := newRunner(context.Background(), m, limits)
		r.guard = false
		in := map[string]*onnx.Tensor{}
		for _, v := range m.Graph.Inputs {
			if v, ok := anyValue(v); ok {
				in[v.Name] = v
			}
		}
		_, _ = r.run(m.Graph, in) // refusing is fine
	})
}

// anyValue makes a small tensor that an input accepts: ones, of 2 where a
// dimension is free.
func anyValue(v onnx.Value) (*onnx.Tensor, bool) {
	t := &onnx.Tensor{Name: v.Name, Type: v.Type}
	if v.Type == 0 {
		t.Type = onnx.Float32
	}
	if v.Type == onnx.String || t.Type.Width() == 0 {
		return nil, false
	}
	n := 1
	for _, d := range v.Dims {
		if d < 0 {
			d = 2
		}
		if d > 1<<12 || n > 1<<12 {
			return nil, false
		}
		n *= int(d)
		t.Dims = append(t.Dims, int(d))
	}
	t.Raw = make([]byte, n*t.Type.Width())
	for i := range n {
		t.Raw[i*t.Type.Width()] = 1
	}
	return t, true
}
