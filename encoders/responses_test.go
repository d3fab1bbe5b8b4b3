package encoders

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
)

var update = flag.Bool("update", false, "write the sequences in testdata anew")

// TestResponseSequences: the sequences and the noise that testdata/make_fixtures.py
// reads are the encoder's, bit for bit. Bundles depend on them: they must never
// change.
func TestResponseSequences(t *testing.T) {
	type array struct {
		Rows   int    `json:"rows"`
		Values packed `json:"values"` // [steps, rows, inputs]
	}
	given := map[int]map[string]array{}
	for _, inputs := range []int{1, 2, 3} {
		s := sequencesOf(inputs)
		of := func(s sequences) array { return array{s.rows, slices.Concat(s.steps...)} }
		given[inputs] = map[string]array{"altered": of(s.altered), "marked": of(s.marked), "strokes": of(s.strokes),
			"noise": of(sampleNoise(inputs))}
	}
	checkGiven(t, "testdata/response_sequences.json", given)
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

// TestSequencesAreWhatTheySay, for few and many inputs.
func TestSequencesAreWhatTheySay(t *testing.T) {
	for _, inputs := range []int{1, 2, 3, 16, responseWidth} {
		s := sequencesOf(inputs)
		for step := range s.altered.steps {
			for row := 0; row < s.altered.rows; row += 2 {
				x, y := s.altered.at(step, row), s.altered.at(step, row+1)
				if step != alteredStep && !slices.Equal(x, y) {
					t.Errorf("%d inputs: sequences %d and %d differ in step %d", inputs, row, row+1, step)
				}
				if row < 2*alteredPairs && !isToken(x) {
					t.Errorf("%d inputs, step %d: sequence %d is not of tokens", inputs, step, row)
				}
			}
		}
		for row := range markedRows {
			second := secondMarks[row*len(secondMarks)/markedRows]
			for step := range s.marked.steps {
				for _, mark := range s.marked.at(step, row)[1:] {
					if marked := step == firstMark || step == second; (mark == 1) != marked || mark != 0 && !marked {
						t.Errorf("%d inputs, step %d: the mark of sequence %d is %v", inputs, step, row, mark)
					}
				}
			}
		}
		ink := 0
		for _, v := range slices.Concat(s.strokes.steps...) {
			if v < 0 || v > 1 {
				t.Fatalf("%d inputs: a pixel of %v", inputs, v)
			}
			if v > 0 {
				ink++
			}
		}
		if share := float64(ink) / float64(strokeRows*strokeSteps*inputs); share < 0.02 || share > 0.3 {
			t.Errorf("%d inputs: %.0f %% of the pictures are strokes", inputs, 100*share)
		}
		for i, part := range []sequences{s.altered, s.marked, s.strokes} {
			for step := range part.steps {
				if !slices.Equal(s.all.steps[step][part.first*inputs:(part.first+part.rows)*inputs], part.steps[step]) {
					t.Fatalf("%d inputs: sequences %d are not among all", inputs, i)
				}
			}
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

// responsesTo are the features of one RNN.
func responsesTo(m *rnn.Model) []float32 {
	t := grad.NewTape().Inference()
	return slices.Clone(responsesOf(t, rnn.Bind(t, m)).Value())
}

// TestResponsesOfWide: inputs and outputs beyond the first do not count.
func TestResponsesOfWide(t *testing.T) {
	without := func(m *rnn.Model) []float32 { return responsesTo(m)[:responseFeatures-shapeFeatures] }
	if !slices.Equal(without(wide(2*responseWidth)), without(wide(3*responseWidth))) {
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

// TestResponsesAreOfOutputs: RNNs that compute the same have the same features,
// whatever their weights are.
func TestResponsesAreOfOutputs(t *testing.T) {
	m := usual(rnn.Uniform("rnn_relu", 2, 6, 1, 2), 1)[0]
	scaled := &rnn.Model{Spec: m.Spec, Weights: slices.Clone(m.Weights)}
	for _, s := range m.Spec.Layout() {
		w := scaled.Tensor(s)
		for i := range w {
			switch s.Name {
			case "weight_ih_l0", "bias_ih_l0", "bias_hh_l0":
				w[i] *= 4
			case "linear.weight":
				w[i] /= 4
			}
		}
	}
	if a, b := responsesTo(m), responsesTo(scaled); !slices.Equal(a, b) {
		t.Errorf("the responses differ by %v", relativeError(t, a, b))
	}
}

// TestBlur: each feature gets noise in proportion to its spread; the weights'
// statistics of about half of the RNNs are hidden.
func TestBlur(t *testing.T) {
	encoder, err := New(Config{Kind: "responses", Dim: 2, Spec: rnn.Uniform("gru", 2, 3, 1, 2)}, rng.Stream(1, "encoder", 0))
	if err != nil {
		t.Fatal(err)
	}
	e := encoder.(*responses)
	first := statisticsFeatures // of the responses
	e.scale.Value[first], e.scale.Value[first+1] = 10, 0.1
	e.scale.Value[0], e.shift.Value[0] = 4, 3
	var squares [2]float64
	const n = 4000
	hidden := 0
	for i := range n {
		row := make([]float32, statisticsFeatures+responseFeatures)
		e.Blur(rng.Stream(2, "noise", uint64(i)), row)
		for j := range squares {
			v := float64(row[first+j] * e.scale.Value[first+j])
			squares[j] += v * v / n
		}
		if row[0]*4+3 == 0 && row[1] == 0 && row[2] == 0 {
			hidden++
		}
	}
	for j, s := range squares {
		if want := responseNoise * responseNoise; s < 0.9*want || s > 1.1*want {
			t.Errorf("feature %d: noise of variance %v of the spread's, want %v", j, s, want)
		}
	}
	if hidden < 0.45*n || hidden > 0.55*n {
		t.Errorf("the weights of %d of %d RNNs were hidden", hidden, n)
	}
}
