package rnn_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

// packed is a float32 array, little-endian in base64.
type packed []float32

func (p *packed) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return err
	}
	*p = make(packed, len(raw)/4)
	for i := range *p {
		(*p)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// fixture is what testdata/torch/make_fixtures.py writes for one spec.
type fixture struct {
	Torch        string
	Spec         rnn.Spec
	Steps, Batch int
	Weights      packed
	Batches      []fixtureBatch
	Logits       packed
	Loss         float64
	Gradients    packed
	Training     *fixtureTraining
}

type fixtureBatch struct {
	Tokens  []int32
	Inputs  packed
	Targets []int32
}

type fixtureTraining struct {
	Rate          float64
	WeightDecay   float64 `json:"weight_decay"`
	Clip          float64
	Losses, Norms []float64
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// eachFixture runs test on every fixture; trained ones only if asked.
func eachFixture(t *testing.T, trained bool, test func(t *testing.T, f *fixture)) {
	paths, err := filepath.Glob("testdata/torch/*.json")
	if err != nil || len(paths) < 2 {
		t.Fatalf("fixtures: %v %v", paths, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if name == "names" {
			continue
		}
		var f fixture
		readJSON(t, "torch/"+name+".json", &f)
		if f.Torch == "" {
			t.Errorf("%s does not say which PyTorch made it", name)
		}
		if !trained || f.Training != nil {
			t.Run(name, func(t *testing.T) { test(t, &f) })
		}
	}
}

func (f *fixture) model() *rnn.Model { return &rnn.Model{Spec: f.Spec, Weights: f.Weights} }

// inputs is the batch as real inputs, [steps, batch, Inputs]: tokens as one-hot rows.
func (f *fixture) inputs(b fixtureBatch) []float32 {
	if b.Inputs != nil {
		return b.Inputs
	}
	n := f.Spec.Inputs()
	x := make([]float32, len(b.Tokens)*n)
	for i, token := range b.Tokens {
		x[i*n+int(token)] = 1
	}
	return x
}

// steps is the batch as Trainee.Sequence takes it.
func (f *fixture) steps(t *grad.Tape, b fixtureBatch) grad.Steps {
	if b.Tokens != nil {
		return grad.Steps{Tokens: b.Tokens, T: f.Steps}
	}
	return grad.Steps{X: t.Input("", f.Steps*f.Batch, f.Spec.Inputs(), b.Inputs), T: f.Steps}
}

// maxError is the greatest difference.
func maxError(t *testing.T, got, want []float32) (worst float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			t.Fatalf("element %d is %v, want %v", i, got[i], w)
		}
		worst = max(worst, d)
	}
	return worst
}

// relativeError is maxError as a share of the greatest wanted value.
func relativeError(t *testing.T, got, want []float32) float64 {
	t.Helper()
	scale := maxError(t, make([]float32, len(want)), want)
	if scale == 0 {
		scale = 1
	}
	return maxError(t, got, want) / scale
}
