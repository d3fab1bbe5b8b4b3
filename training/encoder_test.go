package training

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/internal/half"
	"rnnrep/internal/rng"
	"rnnrep/internal/safetensors"
	"rnnrep/rnn/zoo"
)

// tinyZoo trains a zoo of small RNNs, snapshots at steps 0, 100 and 200.
func tinyZoo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := TrainZoo(context.Background(), ZooConfig{Family: "formal_languages", Runs: 10, Seed: 3, Dir: dir, Steps: 200, Hidden: 8, Layers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// smallOptions keep encoders small.
var smallOptions = map[string]string{
	"layerwise_statistics": `{"hidden":[16]}`,
	"flattened":            `{"hidden":[16]}`,
	"interactive_probing":  `{"steps":6,"hidden":16,"layers":1}`,
}

func tinyConfig(zooDir, kind, dir string, steps int) EncoderConfig {
	c := EncoderConfig{Zoo: zooDir, Kind: kind, Options: json.RawMessage(smallOptions[kind]), Dir: dir, Dim: 4, Seed: 1, Steps: steps, Hidden: 16, Rate: 0.03, predictorSteps: 100}
	c.setDefaults()
	return c
}

func newTinyTrainer(t *testing.T, c EncoderConfig) *encoderTrainer {
	t.Helper()
	data, err := loadZoo(c.Zoo)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := newEncoderTrainer(c, data)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// expiring is cancelled once it was asked a number of times: once a step.
type expiring struct {
	context.Context
	left int
}

func (c *expiring) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func after(steps int) context.Context { return &expiring{context.Background(), steps} }

func TestEncoderTraining(t *testing.T) {
	dir := tinyZoo(t)
	for kind := range smallOptions {
		t.Run("learns/"+kind, func(t *testing.T) { checkLearns(t, tinyConfig(dir, kind, t.TempDir(), 150)) })
		t.Run("workers/"+kind, func(t *testing.T) { checkWorkers(t, tinyConfig(dir, kind, t.TempDir(), 4)) })
	}
	t.Run("shards", func(t *testing.T) { checkShards(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 1)) })
	t.Run("fill", func(t *testing.T) {
		checkFill(t, newTinyTrainer(t, tinyConfig(dir, "layerwise_statistics", t.TempDir(), 1)))
	})
	t.Run("sequences", func(t *testing.T) { checkRepeated(t, dir) })
	for kind, wanted := range map[string]bool{"flattened": true, "layerwise_statistics": false} {
		t.Run("augment/"+kind, func(t *testing.T) { checkAugment(t, newTinyTrainer(t, tinyConfig(dir, kind, t.TempDir(), 1)), wanted) })
	}
	t.Run("resume", func(t *testing.T) { checkResume(t, dir) })
	t.Run("checkpoints", func(t *testing.T) { checkCheckpoints(t, dir) })
}

// checkLearns: the loss falls, and what the encoder says of an RNN helps to
// imitate it: embeddings of other RNNs do worse.
func checkLearns(t *testing.T, c EncoderConfig) {
	trainer := newTinyTrainer(t, c)
	var losses []float64
	for range c.Steps {
		losses = append(losses, trainer.takeStep())
	}
	mean := func(l []float64) (m float64) {
		for _, x := range l {
			m += x / float64(len(l))
		}
		return m
	}
	first, last := mean(losses[:10]), mean(losses[len(losses)-10:])
	if !(last < 0.7*first) {
		t.Errorf("the loss goes from %.3f to %.3f", first, last)
	}
	s, examples := trainer.shards[0], trainer.data.parts[zoo.Validation]
	var batch []choice
	for i := range shardSize {
		batch = append(batch, choice{i % len(examples), i})
	}
	s.fill(examples, batch)
	s.run(false)
	own := s.loss
	s.features = s.features[:0]
	s.models = append(s.models[1:], s.models[0]) // each the next snapshot's, of another stage
	s.run(false)
	if !(own < 0.8*s.loss) {
		t.Errorf("on unseen tasks the loss is %.3f with an RNN's own embedding, %.3f with another's", own, s.loss)
	}
}

// checkWorkers: how many shards run at a time changes no bit.
func checkWorkers(t *testing.T, c EncoderConfig) {
	var want *encoderTrainer
	for _, workers := range []int{1, 2, 3, 8} {
		c.Workers = workers
		trainer := newTinyTrainer(t, c)
		for range c.Steps {
			trainer.takeStep()
		}
		if want == nil {
			want = trainer
		}
		for i, s := range trainer.state() {
			if !slices.Equal(s.Data, want.state()[i].Data) {
				t.Errorf("%d workers: %s differs", workers, s.Name)
			}
		}
	}
}

// checkShards: the shards' gradients add up to those of the batch as a whole.
func checkShards(t *testing.T, c EncoderConfig) {
	trainer := newTinyTrainer(t, c)
	examples := trainer.data.parts[zoo.Train]
	var batch []choice
	for i := range batchSize {
		batch = append(batch, choice{i % len(examples), i})
	}
	for i, s := range trainer.shards {
		s.fill(examples, batch[i*shardSize:(i+1)*shardSize])
		s.run(true)
	}
	all := trainer.bundle.Params()
	loss := collect(all, trainer.shards, 2)
	whole, err := newShard(trainer.bundle, distributionLosses[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	whole.fill(examples, batch)
	whole.run(true)
	if math.Abs(loss-whole.loss) > 1e-6 {
		t.Errorf("loss %v by shards, %v as a whole", loss, whole.loss)
	}
	for i, p := range whole.params {
		for j, g := range p.Grad {
			if d := math.Abs(float64(g - all[i].Grad[j])); d > 1e-7+1e-4*math.Abs(float64(g)) {
				t.Fatalf("%s, element %d: gradient %v by shards, %v as a whole", p.Name, j, all[i].Grad[j], g)
			}
		}
		if slices.ContainsFunc(trainer.shards[0].params[i].Grad, func(g float32) bool { return g != 0 }) {
			t.Errorf("%s: a shard keeps its gradient", p.Name)
		}
	}
}

// checkAugment: only an encoder that wants them is trained on altered RNNs, each
// altered by the number of its row.
func checkAugment(t *testing.T, trainer *encoderTrainer, wanted bool) {
	examples := trainer.data.parts[zoo.Train]
	s, batch := trainer.shards[0], []choice{{0, 0}, {0, 1}, {1, 0}}
	at := func(row uint64) (weights [][]float32) {
		s.fill(examples, batch)
		s.augment(5, row)
		for _, m := range s.models {
			weights = append(weights, m.Weights)
		}
		return weights
	}
	first, next := at(64), at(65)
	if changed := !slices.Equal(first[0], examples[0].model.Weights); changed != wanted {
		t.Errorf("altered: %v, wanted: %v", changed, wanted)
	}
	if !slices.Equal(first[1], next[0]) || slices.Equal(first[0], first[1]) == wanted {
		t.Error("the change does not depend on the row alone")
	}
}

// checkFill: token and target of step s of row i stand where the emulator wants
// them.
func checkFill(t *testing.T, trainer *encoderTrainer) {
	examples, h := trainer.data.parts[zoo.Train], trainer.data.header
	batch := []choice{{0, 3}, {len(examples) - 1, h.RolloutCount - 1}, {1, 0}}
	s, err := newShard(trainer.bundle, distributionLosses[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	s.fill(examples, batch)
	for i, c := range batch {
		e := examples[c.example]
		if s.models[i] != e.model {
			t.Errorf("row %d has another model", i)
		}
		for step := range h.RolloutLength {
			from := c.rollout*h.RolloutLength + step
			if s.tokens[step*len(batch)+i] != int32(e.rollouts.tokens[from]) {
				t.Fatalf("row %d, step %d: token %d, want %d", i, step, s.tokens[step*len(batch)+i], e.rollouts.tokens[from])
			}
			var sum float64
			for j := range h.Outputs {
				got, want := float64(s.targets[(step*len(batch)+i)*h.Outputs+j]), math.Exp(float64(half.To(e.rollouts.logits[from*h.Outputs+j])))
				if math.Abs(got-want) > 1e-6 {
					t.Fatalf("row %d, step %d, output %d: probability %v, want %v", i, step, j, got, want)
				}
				sum += got
			}
			if math.Abs(sum-1) > 2e-3 { // stored in half precision
				t.Fatalf("row %d, step %d: probabilities sum to %v", i, step, sum)
			}
		}
	}
}

// checkRepeated: sequences of one RNN are embedded once, and train as they would
// apart.
func checkRepeated(t *testing.T, zooDir string) {
	c := tinyConfig(zooDir, "layerwise_statistics", t.TempDir(), 1)
	c.Sequences, c.Supervision, c.TaskSupervision = 4, 0.1, 0.2
	trainer := newTinyTrainer(t, c)
	batch := trainer.data.draw(rng.Stream(1, "batch", 0), c.Sequences)[0]
	for i := range batch {
		if batch[i].example != batch[i-i%4].example {
			t.Fatalf("a batch of 4 sequences each is %v", batch)
		}
	}
	examples := trainer.data.parts[zoo.Train]
	apart, err := newShard(trainer.bundle, distributionLosses[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	together := trainer.shards[0]
	apart.supervision = together.supervision
	for _, s := range []*shard{apart, together} {
		s.fill(examples, batch)
		s.run(true)
	}
	if len(together.models) != len(batch)/4 || math.Abs(together.loss-apart.loss) > 1e-6 {
		t.Errorf("%d RNNs with loss %v, apart %d with %v", len(together.models), together.loss, len(apart.models), apart.loss)
	}
	for i, p := range together.params {
		for j, g := range p.Grad {
			if w := apart.params[i].Grad[j]; math.Abs(float64(g-w)) > 1e-6+1e-4*math.Abs(float64(w)) {
				t.Fatalf("%s, element %d: gradient %v together, %v apart", p.Name, j, g, w)
			}
		}
	}
	c.Sequences = 3
	if _, err := newEncoderTrainer(c, trainer.data); err == nil || !strings.Contains(err.Error(), "3 sequences") {
		t.Errorf("3 sequences of each RNN: %v", err)
	}
}

// checkResume: a training that was interrupted three times, on other numbers of
// workers, ends with the bits of one in one go, and leaves no checkpoint.
func checkResume(t *testing.T, zooDir string) {
	c := tinyConfig(zooDir, "interactive_probing", t.TempDir(), 12)
	c.EveryStep, c.Sequences, c.Divergence = true, 2, 1
	for i, limit := range []int{0, 5, 3} {
		c.Workers = i + 1
		if _, err := TrainEncoder(after(limit), c); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled after %d steps: %v", limit, err)
		}
		if _, err := encoders.OpenBundle(os.DirFS(c.Dir)); err == nil {
			t.Fatal("a cancelled training left a bundle")
		}
	}
	b, err := TrainEncoder(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	whole := newTinyTrainer(t, c)
	for range c.Steps {
		whole.takeStep()
	}
	for i, p := range append(whole.groups[0], whole.groups[1]...) {
		if got := append(b.Encoder.Params(), b.Emulator.Params()...)[i]; !slices.Equal(got.Value, p.Value) {
			t.Errorf("%s differs", p.Name)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Dir, checkpointFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the checkpoint is left behind: %v", err)
	}
	checkFinished(t, zooDir, c, b)
}

// checkFinished: a finished bundle is complete, is not trained again, and is not
// overwritten by a training with other settings.
func checkFinished(t *testing.T, zooDir string, c EncoderConfig, b *encoders.Bundle) {
	d, err := loadZoo(zooDir)
	if err != nil {
		t.Fatal(err)
	}
	if n, want := len(b.Reference.Members), len(d.parts[zoo.Train]); n != want || len(b.Reference.Embeddings) != n*c.Dim {
		t.Errorf("the reference has %d members and %d values, want %d members", n, len(b.Reference.Embeddings), want)
	}
	calibration := b.Manifest.Calibration
	for _, r := range []encoders.Residuals{calibration.Accuracy, calibration.Gap} {
		if len(r.Widths) != 1 || math.IsInf(r.Widths[0], 0) { // too few snapshots for more
			t.Errorf("residuals are %+v", r)
		}
	}
	e, err := Evaluate(context.Background(), EvaluationConfig{Zoo: zooDir, Bundles: []*encoders.Bundle{b}})
	if err != nil {
		t.Fatal(err)
	}
	report := e.Reports[0]
	for name, score := range b.Manifest.Scores {
		part, metric, _ := strings.Cut(name, "_")
		if got := float64(report.Part(zoo.Part(part)).Scores[metric]); math.Abs(got-score) > 1e-4 {
			t.Errorf("%s is %v, the manifest says %v", name, got, score)
		}
	}
	if len(b.Manifest.Scores) < 10 {
		t.Errorf("scores are %v", b.Manifest.Scores)
	}
	checkScores(t, report, b, d)
	if again, err := TrainEncoder(after(0), c); err != nil || again.Name() != b.Name() {
		t.Errorf("trained again: %v", err)
	}
	c.Seed++
	if _, err := TrainEncoder(after(0), c); err == nil || !strings.Contains(err.Error(), c.Dir) {
		t.Errorf("with another seed in the same folder: %v", err)
	}
}

// checkScores computes a part's scores from the answers a second time.
func checkScores(t *testing.T, report *Report, b *encoders.Bundle, d *dataset) {
	for _, s := range report.Parts {
		examples := d.parts[s.Part]
		results, err := b.Embed(context.Background(), models(examples))
		if err != nil {
			t.Fatal(err)
		}
		var residual, total, mean, stages, covered float64
		n := float64(len(examples))
		for _, e := range examples {
			mean += e.truth.Accuracy / n
		}
		for i, e := range examples {
			p := results[i].Predictions
			residual += math.Pow(p.Accuracy.Value-e.truth.Accuracy, 2)
			total += math.Pow(e.truth.Accuracy-mean, 2)
			if p.TrainingStage.Value == float64(e.step) {
				stages += 1 / n
			}
			if in := p.GeneralizationGap.Interval; in[0] <= e.truth.Gap && e.truth.Gap <= in[1] {
				covered += 1 / n
			}
		}
		for name, want := range map[string]float64{"accuracy_r2": 1 - residual/total, "stage_accuracy": stages, "generalization_gap_interval_coverage": covered} {
			if got := float64(s.Scores[name]); math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("%s: %s is %v, want %v", s.Part, name, got, want)
			}
		}
		if s.Snapshots != len(examples) {
			t.Errorf("%s: %d snapshots, want %d", s.Part, s.Snapshots, len(examples))
		}
		if l := s.Scores["emulation_loss"]; l <= 0 || l >= 1 {
			t.Errorf("%s: emulation loss %v", s.Part, l)
		}
	}
}

// checkCheckpoints: a checkpoint of another training, or a damaged one, is
// refused by name, and is left where it is.
func checkCheckpoints(t *testing.T, zooDir string) {
	c := tinyConfig(zooDir, "layerwise_statistics", t.TempDir(), 12)
	if _, err := TrainEncoder(after(2), c); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	file := filepath.Join(c.Dir, checkpointFile)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, c EncoderConfig, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := TrainEncoder(after(0), c)
		if errs.CodeOf(err) != errs.Damaged || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v; want an error that names %s", name, err, file)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%s: the checkpoint is gone or changed (%v)", name, err)
		}
	}
	for name, change := range map[string]func(*EncoderConfig){
		"seed":    func(c *EncoderConfig) { c.Seed = 9 },
		"steps":   func(c *EncoderConfig) { c.Steps = 13 },
		"rate":    func(c *EncoderConfig) { c.Rate = 0.1 },
		"options": func(c *EncoderConfig) { c.Options = json.RawMessage(`{"hidden":[8]}`) },
		"kind":    func(c *EncoderConfig) { c.Kind, c.Options = "interactive_probing", nil },
		"hidden":  func(c *EncoderConfig) { c.Hidden = 8 },
	} {
		other := c
		change(&other)
		refused("another "+name, other, good)
	}
	rewritten := func(edit func(tensors []safetensors.Tensor, metadata map[string]string)) []byte {
		tensors, metadata, err := safetensors.Read(good)
		if err != nil {
			t.Fatal(err)
		}
		edit(tensors, metadata)
		if metadata[digestKey], err = digest(tensors, metadata); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"empty": {}, "truncated": good[:len(good)-1], "cut in the header": good[:100], "junk": bytes.Repeat([]byte{0xff}, 500),
		"a changed bit":    append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1),
		"a tensor missing": rewritten(func(s []safetensors.Tensor, _ map[string]string) { s[0].Name = "other" }),
		"a tensor shorter": rewritten(func(s []safetensors.Tensor, _ map[string]string) { s[0].Shape, s[0].Data = []int{1}, s[0].Data[:1] }),
		"no step":          rewritten(func(_ []safetensors.Tensor, m map[string]string) { m["step"] = "" }),
		"no loss":          rewritten(func(_ []safetensors.Tensor, m map[string]string) { m["loss"] = "?" }),
	} {
		refused(name, c, data)
	}
}
