package onnxref

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/onnx"
)

// fixture is a case of testdata/*.json, written by make_fixtures.py.
type fixture struct {
	Name   string `json:"name"`
	Oracle string `json:"oracle"`
	Model  []byte `json:"model"`
	Data   []byte `json:"data"`
}

func fixtures(t testing.TB, path string) []fixture {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []fixture
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// read returns the model, its inputs and the outputs expected.
func (f fixture) read(t testing.TB) (m *onnx.Model, in, out map[string]*onnx.Tensor) {
	t.Helper()
	m, err := onnx.Parse(f.Model, nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Parse(f.Data, nil, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	in, out = map[string]*onnx.Tensor{}, map[string]*onnx.Tensor{}
	for _, v := range data.Graph.Initializers {
		if name, ok := strings.CutPrefix(v.Name, "in:"); ok {
			in[name] = v
		} else {
			out[strings.TrimPrefix(v.Name, "out:")] = v
		}
	}
	return m, in, out
}

// TestOperators compares every operator with ONNX Runtime, the onnx package's
// evaluator or its test vectors.
func TestOperators(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) < 10 {
		t.Fatal(paths, err)
	}
	tested := map[opKey]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			for _, f := range fixtures(t, path) {
				t.Run(f.Name, func(t *testing.T) {
					m, in, want := f.read(t)
					r := newRunner(context.Background(), m, Limits{})
					r.guard = false
					got, err := r.run(m.Graph, in)
					if err != nil {
						t.Fatal(err)
					}
					for name, w := range want {
						compare(t, name, got[name], w)
					}
					mark(m.Graph, tested)
				})
			}
		})
	}
	for key := range operators {
		if !tested[key] {
			t.Errorf("no case for the operator %v", key)
		}
	}
}

func mark(g *onnx.Graph, tested map[opKey]bool) {
	for _, n := range g.Nodes {
		tested[opKey{n.Domain, n.OpType}] = true
		for _, a := range n.Attributes {
			if a.Graph != nil {
				mark(a.Graph, tested)
			}
		}
	}
}

// compare allows the rounding of the type, a few times over.
func compare(t *testing.T, name string, got, want *onnx.Tensor) {
	t.Helper()
	if got == nil || got.Type != want.Type || !slices.Equal(got.Dims, want.Dims) {
		t.Errorf("%s: %v, want type %d and dimensions %v", name, got, want.Type, want.Dims)
		return
	}
	tolerance := map[onnx.DType]float64{onnx.Float32: 2e-6, onnx.Float64: 1e-12, onnx.Float16: 2e-3, onnx.BFloat16: 1e-2}[want.Type]
	g, w := got.Float64s(), want.Float64s()
	for i := range w {
		if !near(g[i], w[i], tolerance) {
			t.Errorf("%s[%d] = %v, want %v\ngot  %v\nwant %v", name, i, g[i], w[i], g, w)
			return
		}
	}
}

func near(x, y, tolerance float64) bool {
	return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= tolerance*(1+math.Abs(y))
}
