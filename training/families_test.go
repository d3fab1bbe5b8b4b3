package training

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/half"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// drawnZoo makes a zoo of RNNs of random weights, larger ones at the second
// snapshot. Its metrics are made up. mark, unless nil, writes the task into the
// weights.
func drawnZoo(t *testing.T, family tasks.Family, runs int, mark func(m *rnn.Model, task []float32)) string {
	t.Helper()
	dir, recipe := t.TempDir(), family.Recipe()
	recipe.Snapshots, recipe.Rollouts, recipe.Metrics = []int{0, 100}, 4, []string{"accuracy", "generalization_gap"}
	config := ZooConfig{Hidden: 6, Layers: 1}
	spec := config.spec(family.IO())
	w, err := zoo.Create(dir, zooHeader(family, recipe, spec, 1))
	if err != nil {
		t.Fatal(err)
	}
	for i := range runs {
		r := rng.Stream(1, "drawn zoo", uint64(i))
		task := family.Draw(r)
		run := &zoo.Run{Index: i, Task: task.Params()}
		for stage, step := range recipe.Snapshots {
			m := initialModel(spec, r)
			for j := range m.Weights {
				m.Weights[j] *= float32(1 + 4*stage)
			}
			if mark != nil {
				mark(m, task.Params())
			}
			out := task.Rollouts(r, newRunner(rnn.NewTrainee(m)), recipe.Rollouts)
			run.Snapshots = append(run.Snapshots, zoo.Snapshot{Step: step, Weights: m.Weights, Metrics: []float64{r.Float64(), r.NormFloat64()},
				Tokens: out.Tokens, Inputs: out.Inputs, Logits: out.Logits})
		}
		if err := w.Commit(run); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEncodersOfEveryFamily: zoos of tokens and of real inputs, of distributions
// and of real outputs, train encoders; the emulation learns.
func TestEncodersOfEveryFamily(t *testing.T) {
	for i, name := range tasks.Names() {
		t.Run(name, func(t *testing.T) {
			family, err := tasks.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			kind := []string{"interactive_probing", "noninteractive_probing"}[i%2]
			c := tinyConfig(drawnZoo(t, family, 12, nil), kind, t.TempDir(), 150)
			c.Options = json.RawMessage(`{"steps":4,"hidden":8,"layers":1}`)
			trainer := newTinyTrainer(t, c)
			measure := func() float64 {
				l, err := lossOn(trainer.bundle, trainer.data, trainer.data.parts[zoo.Train], 2, trainer.loss)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			first := measure()
			for range c.Steps {
				trainer.takeStep()
			}
			if last := measure(); !(last < 0.96*first) {
				t.Errorf("the emulation loss goes from %.3f to %.3f", first, last)
			}
			checkRange(t, trainer.data, trainer.bundle.Manifest)
			checkSequences(t, trainer.data)
			checkDivergence(t, c, trainer.data)
		})
	}
}

// checkDivergence: it is beside the loss at first and not at the end, leaves the
// loss that is told alone, and is refused where outputs are no distributions.
func checkDivergence(t *testing.T, c EncoderConfig, d *dataset) {
	plain, err := newEncoderTrainer(c, d)
	if err != nil {
		t.Fatal(err)
	}
	c.Divergence = 0.5
	trainer, err := newEncoderTrainer(c, d)
	if real := d.family.IO().RealOutputs; real || err != nil {
		if real != (err != nil) {
			t.Errorf("real outputs: %v; a divergence: %v", real, err)
		}
		return
	}
	if want, got := plain.takeStep(), trainer.takeStep(); got != want {
		t.Errorf("the loss is %v with the divergence, %v without", got, want)
	}
	if slices.Equal(plain.groups[0][0].Value, trainer.groups[0][0].Value) {
		t.Error("the divergence changes nothing")
	}
	trainer.step = c.Steps - 1
	trainer.takeStep()
	if w := trainer.shards[0].divergence; !(w > 0 && w <= 0.5/float32(c.Steps)) {
		t.Errorf("the divergence's weight is %v at the last step", w)
	}
}

// checkRange: a bundle of real inputs knows the range that the RNNs read.
func checkRange(t *testing.T, d *dataset, m encoders.Manifest) {
	io, limits := d.family.IO(), m.Encoder.InputRange
	if m.Emulator.Real != io.RealInputs || (limits != nil) != io.RealInputs {
		t.Fatalf("real inputs: %v; the emulator reads them: %v; their range: %v", io.RealInputs, m.Emulator.Real, limits)
	}
	if limits == nil {
		return
	}
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, e := range d.parts[zoo.Train] {
		for _, x := range e.rollouts.inputs {
			low, high = min(low, half.To(x)), max(high, half.To(x))
		}
	}
	if limits[0] != low || limits[1] != high {
		t.Errorf("inputs range from %v to %v, the manifest says %v", low, high, limits)
	}
}

// checkSequences: what the emulator is to imitate at each step is what the RNN
// itself puts out for the inputs there.
func checkSequences(t *testing.T, d *dataset) {
	f, examples := d.format(), d.parts[zoo.Validation]
	batch := []choice{{1, 3}, {0, 0}, {1, 2}}
	var s sequences
	s.fill(f, examples, []choice{{0, 1}}) // buffers grow
	s.fill(f, examples, batch)
	for i, c := range batch {
		m := examples[c.example].model
		var x []float32
		for step := range f.length {
			row := step*len(batch) + i
			if f.inputs > 0 {
				x = append(x, s.inputs[row*f.inputs:(row+1)*f.inputs]...)
				continue
			}
			x = append(x, make([]float32, m.Spec.Inputs())...)
			x[len(x)-m.Spec.Inputs()+int(s.tokens[row])] = 1
		}
		want, err := m.Run(x, f.length, 1)
		if err != nil {
			t.Fatal(err)
		}
		for step := range f.length {
			out := want[step*f.outputs : (step+1)*f.outputs]
			if !f.io.RealOutputs {
				tasks.LogSoftmax(out)
			}
			for k, v := range out {
				v := float64(v)
				if !f.io.RealOutputs {
					v = math.Exp(v)
				}
				if got := s.targets[(step*len(batch)+i)*f.outputs+k]; math.Abs(float64(got)-v) > 3e-3*(1+math.Abs(v)) { // stored in half precision
					t.Fatalf("row %d, step %d, output %d: target %v, the RNN's is %v", i, step, k, got, v)
				}
			}
		}
	}
}

// TestLosses: each option is trained with and named; others are refused.
func TestLosses(t *testing.T) {
	dir := drawnZoo(t, languages(t), 12, nil)
	seen := map[float64]string{}
	for _, name := range LossNames() {
		c := tinyConfig(dir, "layerwise_statistics", t.TempDir(), 3)
		c.Loss = name
		c.setDefaults()
		trainer := newTinyTrainer(t, c)
		loss := trainer.takeStep()
		if other, ok := seen[loss]; ok {
			t.Errorf("%s and %s both start from %v", name, other, loss)
		}
		seen[loss] = name
		if got, want := trainer.bundle.Manifest.Provenance["loss"], (emulationLoss{name: name}).String(); got != want {
			t.Errorf("the bundle says it was trained with %q, not %q", got, want)
		}
	}
	real, err := tasks.Lookup("adding")
	if err != nil {
		t.Fatal(err)
	}
	for zooDir, loss := range map[string]string{dir: "cosine", drawnZoo(t, real, 12, nil): "kl"} {
		c := tinyConfig(zooDir, "layerwise_statistics", t.TempDir(), 3)
		c.Loss = loss
		if _, err := TrainEncoder(context.Background(), c); err == nil {
			t.Errorf("trained with the loss %q", loss)
		}
	}
}

// TestAngles: where the weights tell the angle, predictors on embeddings find it,
// on tasks that they did not see, with intervals that cover it.
func TestAngles(t *testing.T) {
	family, err := tasks.Lookup("sequential_mnist")
	if err != nil {
		t.Fatal(err)
	}
	dir := drawnZoo(t, family, 60, func(m *rnn.Model, task []float32) {
		sin, cos := math.Sincos(float64(task[0]) / 180 * math.Pi)
		for name, v := range map[string]float64{"linear.weight": sin, "linear.bias": cos} {
			for i := range m.Named(name) {
				m.Named(name)[i] += float32(4 * v)
			}
		}
	})
	c := tinyConfig(dir, "layerwise_statistics", t.TempDir(), 1)
	c.Options, c.Dim, c.predictorSteps = nil, 16, 400
	b, err := TrainEncoder(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), EvaluationConfig{Zoo: dir, Bundles: []*encoders.Bundle{b}})
	if err != nil {
		t.Fatal(err)
	}
	if note := e.Reports[0].Note; note != "" {
		t.Errorf("of the zoo that the bundle was trained on: %q", note)
	}
	for _, r := range e.Reports { // the ridge regression's too
		for _, p := range r.Parts {
			// The tasks held out are an arc that the predictor was not shown.
			most := map[zoo.Part]Score{zoo.Train: 20, zoo.Validation: 25, zoo.OOD: 60}[p.Part]
			if e := p.Scores["rotation_median_error"]; !(e < most) || !(p.Scores["rotation_last_median_error"] < 90) {
				t.Errorf("%s, %s: %v", r.Name, p.Part, p.Scores)
			}
		}
	}
	if c := e.Reports[0].Part(zoo.Validation).Scores["rotation_interval_coverage"]; c < 0.9 { // the residuals are these
		t.Errorf("intervals cover %v", c)
	}
	if e := b.Manifest.Scores["validation_rotation_median_error"]; e <= 0 || e > 25 {
		t.Errorf("the manifest has %v", b.Manifest.Scores)
	}
	if _, ok := b.Manifest.Scores["validation_task_accuracy"]; ok {
		t.Error("the manifest has a task accuracy for angles")
	}
}

// TestTaskTexts: a bundle names tasks as their family does.
func TestTaskTexts(t *testing.T) {
	for _, name := range tasks.Names() {
		family, err := tasks.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		task, d := family.Draw(rng.Stream(1, "text", 0)), dataset{family: family}
		if ranges := d.ranges(); ranges != nil {
			c := encoders.PredictorConfig{Ranges: ranges}
			if got := c.TaskText(task.Params()); got != task.String() {
				t.Errorf("%s: a bundle says %q, the family %q", name, got, task)
			}
		}
	}
}

// TestCachedFeatures: an encoder that reads features gives the same embeddings by
// those computed beforehand.
func TestCachedFeatures(t *testing.T) {
	trainer := newTinyTrainer(t, tinyConfig(drawnZoo(t, languages(t), 12, nil), "layerwise_statistics", t.TempDir(), 1))
	s, examples := trainer.shards[0], trainer.data.parts[zoo.Train]
	s.fill(examples, []choice{{0, 0}, {3, 1}, {2, 0}})
	if len(s.features) != 3*len(encoders.StatisticsNames()) {
		t.Fatalf("%d features of 3 RNNs", len(s.features))
	}
	s.tape.Reset()
	cached := slices.Clone(s.embeddings().Value())
	s.features = nil
	s.tape.Reset()
	if fresh := s.embeddings().Value(); !slices.Equal(fresh, cached) {
		t.Errorf("embeddings %v, by features computed beforehand %v", fresh, cached)
	}
}
