package importer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/internal/onnx/onnxref"
	"rnnrep/internal/ort"
)

// elsewhere is a Verifier of a function.
type elsewhere func(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error)

func (elsewhere) Name() string { return "elsewhere" }

func (f elsewhere) Run(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
	return f(ctx, model, inputs, outputs)
}

// referenceElsewhere runs the model that it is given in the reference evaluator.
func referenceElsewhere(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
	m, err := onnx.Parse(model, nil, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	values, err := onnxref.Run(ctx, m, inputs, onnxref.Limits{})
	if err != nil {
		return nil, err
	}
	for _, name := range outputs {
		if values[name] == nil || values[name].Type != onnx.Float32 {
			return nil, errors.New("no float32 output " + name)
		}
	}
	for name, t := range inputs {
		if t.Type != onnx.Float32 && t.Type != onnx.Int64 {
			return nil, errors.New("input " + name)
		}
	}
	return values, nil
}

// TestCorpusElsewhere: what a Verifier is given is a model that runs and shows
// what was recovered.
func TestCorpusElsewhere(t *testing.T) {
	checkElsewhere(t, referenceElsewhere, "is not evaluated", "do not broadcast")
}

// TestCorpusInONNXRuntime verifies every file of the corpus by ONNX Runtime; in
// this process, as the files are our own.
func TestCorpusInONNXRuntime(t *testing.T) {
	if err := ort.Available(); err != nil {
		t.Skipf("ONNX Runtime is not available: %v", err)
	}
	checkElsewhere(t, ort.Run, "layout_ == 0", "hidden_size", "bfloat16", "does not support double", "Subgraph must have the shape set", "do not broadcast")
}

// checkElsewhere verifies every file of the corpus. What the implementation
// cannot run must have one of the reasons.
func checkElsewhere(t *testing.T, run elsewhere, reasons ...string) {
	for _, e := range corpus(t) {
		if e.Expect == "refuse" {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			o := e.options(t)
			o.Verifier = elsewhere(func(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
				values, err := run(ctx, model, inputs, outputs)
				if err != nil {
					return nil, errs.New(errs.VerificationIncomplete, "%w", err)
				}
				return values, nil
			})
			_, report, err := ReadBytes(e.read(t, e.File), o)
			switch {
			case errs.CodeOf(err) == errs.VerificationIncomplete && slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(err.Error(), r) }):
				t.Log(err)
			case err != nil:
				t.Error(err)
			case report.Verified.Method != "elsewhere":
				t.Errorf("verification %+v", report.Verified)
			}
		})
	}
}

func TestElsewhereRefuses(t *testing.T) {
	data := onnx.Marshal(lstmModel())
	wrong := func(ctx context.Context, model []byte, inputs map[string]*onnx.Tensor, outputs []string) (map[string]*onnx.Tensor, error) {
		values, err := referenceElsewhere(ctx, model, inputs, outputs)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(outputs, func(name string) bool { return strings.HasPrefix(name, "Y") })
		y := values[outputs[i]].Float32s()
		y[0] += 0.01
		values[outputs[i]] = onnx.NewFloats("", y, values[outputs[i]].Dims...)
		return values, nil
	}
	if _, _, err := ReadBytes(data, Options{Verifier: elsewhere(wrong)}); errs.CodeOf(err) != errs.VerificationFailed || !strings.Contains(err.Error(), "elsewhere by 0.01") {
		t.Errorf("other values were accepted: %v", err)
	}
	crash := errs.New(errs.VerificationIncomplete, "crashed")
	failing := func(context.Context, []byte, map[string]*onnx.Tensor, []string) (map[string]*onnx.Tensor, error) {
		return nil, crash
	}
	if _, _, err := ReadBytes(data, Options{Verifier: elsewhere(failing)}); !errors.Is(err, crash) {
		t.Errorf("a crash became %v", err)
	}
}
