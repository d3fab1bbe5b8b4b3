package encoders

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/rnn"
)

var update = flag.Bool("update", false, "write the sequences in testdata anew")

// drivingOf are the sequences that an RNN of so many inputs reads, [steps, rows, inputs].
func drivingOf(inputs int) (values packed) {
	t := grad.NewTape().Inference()
	for _, x := range drivingInputs(t, rnn.Bind(t, rnn.NewModel(rnn.Uniform("rnn_tanh", inputs, 1, 1, 0)))) {
		values = append(values, x.Value()...)
	}
	return values
}

// TestDrivingInputs: the sequences that testdata/make_fixtures.py reads are the
// encoder's, bit for bit. Bundles depend on them: they must never change.
func TestDrivingInputs(t *testing.T) {
	given := struct {
		Steps  int            `json:"steps"`
		Rows   int            `json:"rows"`
		Apart  int            `json:"apart"`
		Values map[int]packed `json:"values"` // by the number of inputs
	}{drivenSteps, drivenRows, drivenApart, map[int]packed{}}
	for _, inputs := range []int{1, 2, 3} {
		given.Values[inputs] = drivingOf(inputs)
	}
	checkGiven(t, "testdata/driving_inputs.json", given)
}

// checkGiven compares a file of sequences with the encoder's, or writes it.
func checkGiven(t *testing.T, path string, given any) {
	t.Helper()
	b, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("%s has other sequences than the encoder", path)
	}
}

// TestDrivingPairs: pairs of sequences differ in every step up to drivenApart and
// in none after it; tokens are one-hot; so also where few steps are distinct.
func TestDrivingPairs(t *testing.T) {
	for _, inputs := range []int{1, 2, 3, 1092, drivenWidth} {
		values, tokensApart := drivingOf(inputs), 0
		if len(values) != drivenSteps*drivenRows*inputs {
			t.Fatalf("%d inputs: %d values", inputs, len(values))
		}
		for i := 0; i < drivenSteps*drivenRows; i += 2 {
			step, row := i/drivenRows, i%drivenRows
			a, b := values[i*inputs:(i+1)*inputs], values[(i+1)*inputs:(i+2)*inputs]
			tokens, equal := row < drivenRows/2, slices.Equal(a, b)
			if equal && step < drivenApart && !tokens || !equal && step >= drivenApart {
				t.Errorf("%d inputs, step %d: sequences %d and %d are equal: %v", inputs, step, row, row+1, equal)
			}
			if tokens && !equal {
				tokensApart++
			}
			if tokens && (!isToken(a) || !isToken(b)) {
				t.Errorf("%d inputs, step %d: sequences %d and %d are not of tokens", inputs, step, row, row+1)
			}
		}
		if tokensApart < drivenApart/2 {
			t.Errorf("%d inputs: sequences of tokens differ in %d places", inputs, tokensApart)
		}
	}
}

// isToken reports whether x is a one-hot row; a single input is 0 or 1.
func isToken(x []float32) bool {
	var ones, others int
	for _, v := range x {
		switch v {
		case 1:
			ones++
		case 0:
		default:
			others++
		}
	}
	return others == 0 && (ones == 1 || len(x) == 1)
}

// TestVeryWide: the first inputs and outputs alone are used, so that an RNN of very
// many does not take many times its own memory.
func TestVeryWide(t *testing.T) {
	features := func(m *rnn.Model) []float32 {
		t := grad.NewTape().Inference()
		return slices.Clone(dynamicsOf(t, rnn.Bind(t, m)).Value()[statisticsFeatures+pooledFeatures : dynamicsFeatures-shapeFeatures])
	}
	if !slices.Equal(features(wide(drivenWidth)), features(wide(2*drivenWidth))) {
		t.Error("inputs or outputs beyond the first are used")
	}
}

// wide is an RNN of one unit and many inputs and outputs.
func wide(width int) *rnn.Model {
	m := rnn.NewModel(rnn.Uniform("rnn_tanh", width, 1, 1, width))
	for i, s := range m.Spec.Layout() {
		w := m.Tensor(s)
		for j := range w {
			w[j] = float32(j%7-3) / float32(i+2)
		}
	}
	return m
}
