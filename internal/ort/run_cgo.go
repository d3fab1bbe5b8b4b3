//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"

	"rnnrep/internal/onnx"
)

// Locate returns the path of the library without loading it.
func Locate() (string, error) { return locate(os.Getenv(LibraryVariable), folders()) }

// Available loads the library, once, and returns why it cannot be used, or nil.
var Available = sync.OnceValue(func() error {
	path, err := Locate()
	if err != nil {
		return err
	}
	ortlib.SetSharedLibraryPath(path)
	return explain(path, ortlib.InitializeEnvironment(ortlib.WithLogLevelFatal()))
})

// explain says what an error of loading the library at path means.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "setting ORT API base"): // the library lacks the C API version that the binding asks for
		return fmt.Errorf("the ONNX Runtime at %s is too old: %w; 1.24 or newer is needed", path, err)
	}
	return fmt.Errorf("ONNX Runtime at %s: %w", path, err)
}

// Version is the loaded library's version, "" if none is available.
func Version() string {
	if Available() != nil {
		return ""
	}
	return ortlib.GetVersion()
}

// Run runs a model once, on one thread, and returns the outputs asked for.
// Inputs are float32 or int64; outputs too, and of one dimension at least. It
// stops when ctx ends.
func Run(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil, errors.New("a run needs an input and an output")
	}
	names := slices.Sorted(maps.Keys(inputs))
	s, err := newSession(model, names, outputs, true)
	if err != nil { // some graphs whose nodes share weights do not load with the option
		s, err = newSession(model, names, outputs, false)
	}
	if err != nil {
		return nil, err
	}
	defer s.Destroy()
	in, out := make([]ortlib.Value, len(names)), make([]ortlib.Value, len(outputs))
	defer destroy(in)
	defer destroy(out)
	for i, name := range names {
		if in[i], err = toValue(inputs[name]); err != nil {
			return nil, fmt.Errorf("input %q: %w", name, err)
		}
	}
	if err := run(ctx, s, in, out); err != nil {
		return nil, err
	}
	results := map[string]*onnx.Tensor{}
	for i, name := range outputs {
		if results[name], err = fromValue(name, out[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// exactProducts is the option by which products of 8-bit numbers do not overflow 16
// bits, as they otherwise do on CPUs without VNNI.
const exactProducts = "session.x64quantprecision"

// newSession loads a model for one thread, with exactProducts or without.
func newSession(model []byte, inputs, outputs []string, exact bool) (*ortlib.DynamicAdvancedSession, error) {
	options, err := ortlib.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := errors.Join(options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1)); err != nil {
		return nil, err
	}
	if exact {
		if err := options.AddSessionConfigEntry(exactProducts, "1"); err != nil {
			return nil, err
		}
	}
	return ortlib.NewDynamicAdvancedSessionWithONNXData(model, inputs, outputs, options)
}

func destroy(values []ortlib.Value) {
	for _, v := range values {
		if v != nil {
			v.Destroy()
		}
	}
}

// run is one run that the end of ctx terminates.
func run(ctx context.Context, s *ortlib.DynamicAdvancedSession, in, out []ortlib.Value) error {
	options, err := ortlib.NewRunOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
			_ = options.Terminate() // the run then fails, and says so
		case <-done:
		}
	})
	err = s.RunWithOptions(in, out, options)
	close(done)
	watch.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// toValue copies a tensor to ONNX Runtime.
func toValue(t *onnx.Tensor) (ortlib.Value, error) {
	switch t.Type {
	case onnx.Float32:
		return newValue(t.Dims, t.Float32s())
	case onnx.Int64:
		return newValue(t.Dims, t.Int64s())
	}
	return nil, fmt.Errorf("data type %d; float32 and int64 are accepted", t.Type)
}

func newValue[T float32 | int64](dims []int, data []T) (ortlib.Value, error) {
	if len(dims) == 0 {
		return ortlib.NewScalar(data[0])
	}
	shape := make(ortlib.Shape, len(dims))
	for i, d := range dims {
		shape[i] = int64(d)
	}
	return ortlib.NewTensor(shape, data)
}

// fromValue copies an output from ONNX Runtime.
func fromValue(name string, v ortlib.Value) (*onnx.Tensor, error) {
	dims := []int{}
	for _, d := range v.GetShape() {
		dims = append(dims, int(d))
	}
	switch v := v.(type) {
	case *ortlib.Tensor[float32]:
		return onnx.NewFloats(name, v.GetData(), dims...), nil
	case *ortlib.Tensor[int64]:
		return onnx.NewInts(name, v.GetData(), dims...), nil
	}
	return nil, fmt.Errorf("output %q is a %T; tensors of float32 and int64 are accepted", name, v)
}
