//go:build cgo

package ort

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ortlib "github.com/yalue/onnxruntime_go"

	"rnnrep/internal/onnx"
)

// gather is y = x[:, i]: one input of each type that Run takes.
func gather() []byte {
	return onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name: "gather",
		Inputs: []onnx.Value{
			{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 3}, Params: []string{"n", ""}},
			{Name: "i", Type: onnx.Int64, Dims: []int64{}},
		},
		Nodes: []*onnx.Node{
			{OpType: "Gather", Inputs: []string{"x", "i"}, Outputs: []string{"y"},
				Attributes: map[string]*onnx.Attribute{"axis": {Type: onnx.AttributeInt, Int: 1}}},
			{OpType: "Shape", Inputs: []string{"x"}, Outputs: []string{"shape"}},
		},
		Outputs: []onnx.Value{
			{Name: "y", Type: onnx.Float32, Dims: []int64{-1}, Params: []string{"n"}},
			{Name: "shape", Type: onnx.Int64, Dims: []int64{2}},
		},
	}})
}

func needLibrary(t *testing.T) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skipf("ONNX Runtime is not available: %v", err)
	}
}

func TestRun(t *testing.T) {
	needLibrary(t)
	if Version() == "" {
		t.Error("the loaded library has no version")
	}
	got, err := Run(t.Context(), gather(), map[string]*onnx.Tensor{
		"x": onnx.NewFloats("x", []float32{1, 2, 3, 4, 5, 6}, 2, 3),
		"i": onnx.NewInts("i", []int64{2}, []int{}...),
	}, []string{"y", "shape"})
	if err != nil {
		t.Fatal(err)
	}
	if y := got["y"]; !slices.Equal(y.Dims, []int{2}) || !slices.Equal(y.Float32s(), []float32{3, 6}) {
		t.Errorf("y is %v %v", y.Dims, y.Float32s())
	}
	if s := got["shape"]; !slices.Equal(s.Int64s(), []int64{2, 3}) {
		t.Errorf("shape is %v", s.Int64s())
	}
}

func TestRunRefuses(t *testing.T) {
	needLibrary(t)
	x, i := onnx.NewFloats("x", []float32{1, 2, 3}, 1, 3), onnx.NewInts("i", []int64{0}, []int{}...)
	cases := map[string]struct {
		model   []byte
		inputs  map[string]*onnx.Tensor
		outputs []string
	}{
		"no model":          {[]byte("no model"), map[string]*onnx.Tensor{"x": x, "i": i}, []string{"y"}},
		"no output":         {gather(), map[string]*onnx.Tensor{"x": x, "i": i}, nil},
		"missing input":     {gather(), map[string]*onnx.Tensor{"x": x}, []string{"y"}},
		"unknown output":    {gather(), map[string]*onnx.Tensor{"x": x, "i": i}, []string{"z"}},
		"unknown data type": {gather(), map[string]*onnx.Tensor{"x": x, "i": onnx.NewBools("i", []bool{true})}, []string{"y"}},
		"wrong width":       {gather(), map[string]*onnx.Tensor{"x": onnx.NewFloats("x", []float32{1, 2}, 1, 2), "i": i}, []string{"y"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Run(t.Context(), c.model, c.inputs, c.outputs); err == nil {
				t.Error("no error")
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, gather(), map[string]*onnx.Tensor{"x": x, "i": i}, []string{"y"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended a run gave %v", err)
	}
}

// TestExplain: what the binding says of a library that is too old, and of one
// that is none, becomes something to act on.
func TestExplain(t *testing.T) {
	old := errors.New("Platform-specific initialization failed: Error setting ORT API base: 2")
	if err := explain("/lib/old.so", old); !errors.Is(err, old) || !strings.Contains(err.Error(), "/lib/old.so") || !strings.Contains(err.Error(), "1.24") {
		t.Errorf("an old library is explained as %v", err)
	}
	file := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(file, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ortlib.IsInitialized() {
		return // the binding loads one library per process
	}
	ortlib.SetSharedLibraryPath(file)
	if err := explain(file, ortlib.InitializeEnvironment()); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is no library gave %v", err)
	}
}
