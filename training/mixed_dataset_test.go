package training

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// tinyMixedZoo is a mixed zoo of many runs that were hardly trained.
func tinyMixedZoo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := TrainMixedZoo(context.Background(), ZooConfig{Runs: 60, Seed: 4, Dir: dir, Steps: 1}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMixedDataset(t *testing.T) {
	dir := tinyMixedZoo(t)
	t.Run("left out", func(t *testing.T) { checkLeftOut(t, dir) })
	t.Run("fill", func(t *testing.T) { checkMixedFill(t, dir) })
	t.Run("bundle", func(t *testing.T) { checkUniversalBundle(t, dir) })
	t.Run("unseen", func(t *testing.T) { checkCalibrateUnseen(t, dir) })
}

// checkLeftOut: RNNs that are left out are all that is out of distribution.
func checkLeftOut(t *testing.T, dir string) {
	d, err := loadZoo(dir, "cell=gru", "hidden=64")
	if err != nil {
		t.Fatal(err)
	}
	for part, examples := range d.parts {
		for _, e := range examples {
			l := e.model.Spec.Layers[0]
			if left := l.Cell == "gru" || l.Hidden == 64; left != (part == zoo.OOD) {
				t.Fatalf("%s is in the part %q", e.model.Spec, part)
			}
		}
	}
	if cells := d.shapes.Cells; slices.Contains(cells, "gru") || d.shapes.Hidden[1] != 48 {
		t.Errorf("the shapes that training knows are %v", d.shapes)
	}
	for _, bad := range []string{"gru", "cell=", "colour=red", "cell=quantum"} {
		if _, err := loadZoo(dir, bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// checkMixedFill: sequences of every format are as wide as the emulator's, and
// hold what the RNNs read and put out.
func checkMixedFill(t *testing.T, dir string) {
	d, err := loadZoo(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s sequences
	seen := map[string]bool{}
	for _, batch := range evaluationBatches(d.parts[zoo.Train], d.header.RolloutCount) {
		examples := d.parts[zoo.Train]
		e := &examples[batch[0].example]
		s.fill(*e.format, examples, batch)
		in, out, io := e.format.inputs, e.format.outputs, e.format.io
		seen[d.nameOf(e.truth.Task)] = true
		if len(s.inputs) != len(batch)*e.format.length*in || len(s.targets) != len(batch)*e.format.length*out {
			t.Fatalf("%d inputs and %d targets of %d sequences", len(s.inputs), len(s.targets), len(batch))
		}
		for row := range len(batch) * e.format.length {
			x, y := s.inputs[row*in:(row+1)*in], s.targets[row*out:(row+1)*out]
			zero := func(v float32) bool { return v == 0 }
			if !all(x[io.Inputs:], zero) || !all(y[io.Outputs:], zero) {
				t.Fatalf("%s: inputs %v, targets %v", e.model.Spec, x, y)
			}
			if !io.RealInputs && sum(x) != 1 || !io.RealOutputs && math.Abs(sum(y)-1) > 0.01 {
				t.Fatalf("%s: inputs %v add up to %v, targets %v to %v", e.model.Spec, x, sum(x), y, sum(y))
			}
		}
	}
	if len(seen) != len(d.families) {
		t.Errorf("families seen: %v of %v", seen, d.families)
	}
}

func all(values []float32, ok func(float32) bool) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return !ok(v) })
}

func sum(values []float32) (s float64) {
	for _, v := range values {
		s += float64(v)
	}
	return s
}

// checkUniversalBundle: a bundle of a mixed zoo answers for RNNs of any shape and
// says which it knows; encoders of one architecture refuse such a zoo.
func checkUniversalBundle(t *testing.T, dir string) {
	for kind, options := range map[string]string{"layerwise_statistics": `{"hidden":[8]}`, "responses": `{"hidden":[8]}`} {
		c := EncoderConfig{Zoo: dir, Kind: kind, Options: []byte(options), Dir: t.TempDir(), Dim: 4, Seed: 1, Steps: 6, Hidden: 8, Supervision: 0.1, predictorSteps: 20}
		b, err := TrainEncoder(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, probe := range []struct {
			spec  rnn.Spec
			known bool
		}{
			{rnn.Uniform("gru", 3, 20, 2, 4), true},
			{rnn.Uniform("lstm", 300, 100, 2, 50), false},
			{rnn.Uniform("rnn_tanh", 3, 20, 4, 0), false},
		} {
			m := rnn.NewModel(probe.spec)
			for i := range m.Weights {
				m.Weights[i] = float32(i%7-3) / 20
			}
			results, err := b.Embed(context.Background(), []*rnn.Model{m})
			if err != nil {
				t.Fatalf("%s of %s: %v", kind, probe.spec, err)
			}
			if b.Encoder.Accepts().Knows(probe.spec) != probe.known || !probe.known && !strings.Contains(results[0].Trust.Note, "12 to 64 units") && !strings.Contains(results[0].Trust.Note, "8 to 64 units") {
				t.Errorf("%s: known %v; %q", probe.spec, !probe.known, results[0].Trust.Note)
			}
			if p := results[0].Predictions.Task; !slices.Contains([]string{"adding", "copy", "formal_languages", "noisy_sine", "parity", "sequential_mnist"}, p.Value) {
				t.Errorf("the task is %+v", p)
			}
		}
	}
	c := EncoderConfig{Zoo: dir, Kind: "flattened", Dir: t.TempDir(), Dim: 4, Seed: 1, Steps: 1}
	if _, err := TrainEncoder(context.Background(), c); err == nil || !strings.Contains(err.Error(), "one shape") {
		t.Errorf("an encoder of one architecture: %v", err)
	}
}

// TestOverflowingOutputs: what a zoo stores of an RNN that overflowed becomes
// targets that are probabilities.
func TestOverflowingOutputs(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	logits := []float32{1, inf, nan, -inf, 2, 70000}
	r := newRollouts(&zoo.Snapshot{Tokens: []int32{0, 0}, Logits: logits})
	f := format{length: 2, outputs: 3, io: tasks.IO{Inputs: 1, Outputs: 3}}
	var s sequences
	s.fill(f, []example{{rollouts: r}}, []choice{{0, 0}})
	if want := []float32{0, 1, 0, 0, 0, 1}; !slices.Equal(s.targets, want) {
		t.Errorf("targets %v, want %v", s.targets, want)
	}
	if usual := []float32{1, -2}; &finite(usual)[0] != &usual[0] {
		t.Error("finite outputs were copied")
	}
}
