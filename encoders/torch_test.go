package encoders

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
	"rnnrep/internal/rng"
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

func (p packed) MarshalJSON() ([]byte, error) {
	raw, err := binary.Append(nil, binary.LittleEndian, []float32(p))
	if err != nil {
		return nil, err
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(raw))
}

// outsideNumbers are what testdata/make_fixtures.py says of weights, output and
// gradients; the loss is the mean square of output - weigh.
type outsideNumbers struct {
	Params        map[string]packed
	Output, Weigh packed
	Gradients     map[string]packed
}

type encoderCase struct {
	Config   Config
	Models   []packed
	Prepared map[string]packed
	outsideNumbers
}

type emulatorCase struct {
	Config            EmulatorConfig
	Steps             int
	Tokens            []int32
	Inputs, Embedding packed
	EmbeddingGradient packed `json:"embedding_gradient"`
	outsideNumbers
}

func readFixture[T any](t *testing.T, name string) []T {
	t.Helper()
	var f struct {
		Torch, Numpy string
		Cases        []T
	}
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if f.Torch == "" || f.Numpy == "" || len(f.Cases) == 0 {
		t.Fatalf("fixture %s: PyTorch %q, NumPy %q, %d cases", name, f.Torch, f.Numpy, len(f.Cases))
	}
	return f.Cases
}

// set gives the parameters the fixture's values.
func (n *outsideNumbers) set(t *testing.T, params []*grad.Param) {
	t.Helper()
	if len(params) != len(n.Params) {
		t.Fatalf("%d parameters, PyTorch has %d", len(params), len(n.Params))
	}
	for _, p := range params {
		if len(n.Params[p.Name]) != len(p.Value) {
			t.Fatalf("%s has %d values, PyTorch's has %d", p.Name, len(p.Value), len(n.Params[p.Name]))
		}
		copy(p.Value, n.Params[p.Name])
	}
}

// compare backs the loss up from the output and compares all there is.
func (n *outsideNumbers) compare(t *testing.T, output grad.Var, params []*grad.Param) {
	t.Helper()
	output.Tape().Backward(grad.MeanSquare(output, n.Weigh))
	forward, worst := relativeError(t, output.Value(), n.Output), 0.0
	if forward > 2e-6 {
		t.Errorf("output: relative error %g", forward)
	}
	for _, p := range params {
		e := relativeError(t, p.Grad, n.Gradients[p.Name])
		worst = max(worst, e)
		if e > 1e-5 {
			t.Errorf("gradient of %s: relative error %g", p.Name, e)
		}
	}
	t.Logf("relative error: output %.2g, gradients %.2g", forward, worst)
}

// relativeError is the greatest difference as a share of the greatest wanted value.
func relativeError(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	var worst, scale float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			t.Fatalf("element %d is %v, want %v", i, got[i], w)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(float64(w)))
	}
	if scale == 0 {
		return worst
	}
	return worst / scale
}

// TestEncodersAgainstTorch: every kind has outside numbers.
func TestEncodersAgainstTorch(t *testing.T) {
	for _, kind := range Kinds() {
		for _, c := range readFixture[encoderCase](t, kind) {
			t.Run(kind+", "+c.Config.Spec.String(), func(t *testing.T) { checkEncoder(t, &c) })
		}
	}
}

func checkEncoder(t *testing.T, c *encoderCase) {
	e, err := New(c.Config, rng.Stream(1, "encoder", 0))
	if err != nil {
		t.Fatal(err)
	}
	models := make([]*rnn.Model, len(c.Models))
	for i, w := range c.Models {
		models[i] = &rnn.Model{Spec: c.Config.Spec, Weights: w}
		if err := models[i].Validate(); err != nil {
			t.Fatal(err)
		}
	}
	c.set(t, e.Params())
	tape := grad.NewTape()
	c.compare(t, Embeddings(tape, e, rnn.Bind(tape, models...)), e.Params())
	if p, ok := e.(Preparer); ok {
		p.Prepare(models)
		prepared := map[string]packed{}
		for _, p := range e.Params() {
			prepared[p.Name] = packed(p.Value)
		}
		for name := range c.Prepared {
			of, isScale := strings.CutSuffix(name, "scale")
			if !isScale {
				continue
			}
			gotMeans, gotSpreads := meansAndSpreads(prepared, of)
			wantMeans, wantSpreads := meansAndSpreads(c.Prepared, of)
			if e := relativeError(t, gotSpreads, wantSpreads); e > 1e-6 {
				t.Errorf("prepared %s: relative error of spreads %g", name, e)
			}
			if e := relativeError(t, gotMeans, wantMeans); e > 1e-5 {
				t.Errorf("prepared %sshift: relative error of means %g", of, e)
			}
		}
	}
	if _, ok := e.(Preparer); ok != (c.Prepared != nil) {
		t.Errorf("a Preparer: %v; outside numbers of it: %v", ok, c.Prepared != nil)
	}
}

// meansAndSpreads are what the scale and shift of that name are made of. Features are rounded to
// float32, and so are these; the inverse of a small spread magnifies that.
func meansAndSpreads(prepared map[string]packed, of string) (means, spreads packed) {
	shift := prepared[of+"shift"]
	for i, s := range prepared[of+"scale"] {
		means, spreads = append(means, -shift[i]/s), append(spreads, 1/s)
	}
	return means, spreads
}

func TestEmulatorAgainstTorch(t *testing.T) {
	for _, c := range readFixture[emulatorCase](t, "emulator") {
		e, err := NewEmulator(c.Config, rng.Stream(1, "emulator", 0))
		if err != nil {
			t.Fatal(err)
		}
		c.set(t, e.Params())
		tape := grad.NewTape()
		n := len(c.Embedding) / c.Config.Dim
		z := tape.Variable("z", n, c.Config.Dim, c.Embedding)
		in := grad.Steps{Tokens: c.Tokens, T: c.Steps}
		if c.Config.Real {
			in.X = tape.Input("x", n*c.Steps, c.Config.Inputs, c.Inputs)
		}
		c.compare(t, e.Emulate(z, in), e.Params())
		if e := relativeError(t, z.Grad(), c.EmbeddingGradient); e > 1e-5 {
			t.Errorf("gradient of the embedding: relative error %g", e)
		}
	}
}
