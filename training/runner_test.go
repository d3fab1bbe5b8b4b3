package training

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"rnnrep/internal/kernel"
	"rnnrep/internal/npy"
	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
)

// published returns an array of the fixtures that the paper's generator made.
func published(t *testing.T, name string) (values []float64, shape []int) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "published", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := npy.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	values = make([]float64, a.Len())
	if err := npy.Read(a, values); err != nil {
		t.Fatal(err)
	}
	return values, a.Shape
}

// publishedModels returns the RNNs of a fixture.
func publishedModels(t *testing.T, name string, spec rnn.Spec) []*rnn.Model {
	t.Helper()
	values, shape := published(t, name+"/parameters.npy")
	if shape[1] != spec.Parameters() {
		t.Fatalf("%d parameters, %s has %d", shape[1], spec, spec.Parameters())
	}
	var models []*rnn.Model
	for i := range shape[0] {
		m := rnn.NewModel(spec)
		for j := range m.Weights {
			m.Weights[j] = float32(values[i*shape[1]+j])
		}
		models = append(models, m)
	}
	return models
}

// halfTolerance is how far a float16 near v may be off, and a little for float32 sums.
func halfTolerance(v float64) float64 { return math.Abs(v)/2048 + 2e-5 }

// TestPublishedLogits: RNNs that PyTorch trained put out the stored logits.
func TestPublishedLogits(t *testing.T) {
	models := publishedModels(t, "formal_languages", rnn.Uniform("lstm", 6, 32, 2, 6))
	sequences, shape := published(t, "formal_languages/sequences.npy")
	logits, _ := published(t, "formal_languages/logits.npy")
	count, length := shape[1], shape[2]
	const vocabulary, begin = 6, 4
	worst := 0.0
	for i, m := range models {
		r := newRunner(rnn.NewTrainee(m))
		r.Reset(count)
		tokens, out := make([]int32, count), make([]float32, count*vocabulary)
		for step := range length - 1 { // no logits are stored after the last token
			for s := range tokens {
				tokens[s] = int32(sequences[(i*count+s)*length+step])
				if step == 0 {
					tokens[s] = begin // unfinished strings are stored with an end marker in its place
				}
			}
			r.Step(tokens, out)
			for s := range tokens {
				row := out[s*vocabulary : (s+1)*vocabulary]
				total := 0.0
				for _, v := range row {
					total += math.Exp(float64(v))
				}
				for k, v := range row {
					want := logits[((i*count+s)*(length-1)+step)*vocabulary+k]
					e := math.Abs(float64(v)-math.Log(total)-want) / halfTolerance(want)
					worst = max(worst, e)
				}
			}
		}
	}
	t.Logf("greatest error: %.2f of the tolerance", worst)
	if !(worst <= 1) {
		t.Errorf("logits are off by %.2f times the tolerance", worst)
	}
}

// TestPublishedAccuracies: Score's accuracy_counts is the published number, up to
// the chance of two samples of 1000 strings.
func TestPublishedAccuracies(t *testing.T) {
	family, err := tasks.Lookup("formal_languages")
	if err != nil {
		t.Fatal(err)
	}
	models := publishedModels(t, "formal_languages", rnn.Uniform("lstm", 6, 32, 2, 6))
	params, shape := published(t, "formal_languages/tasks.npy")
	labels, _ := published(t, "formal_languages/num_step_correct.npy")
	strings := 1000.0
	for i, m := range models {
		var p []float32
		for _, v := range params[i*shape[1] : (i+1)*shape[1]] {
			p = append(p, float32(v))
		}
		task, err := family.Parse(p)
		if err != nil {
			t.Fatal(err)
		}
		run, step, want := labels[3*i], labels[3*i+1], labels[3*i+2]/strings
		got := task.Score(rng.Stream(1, "test", uint64(i)), newRunner(rnn.NewTrainee(m)))
		pooled := (got["accuracy_counts"] + want) / 2
		spread := math.Sqrt(2 * pooled * (1 - pooled) / strings)
		t.Logf("run %v, step %v, %s: %.3f by counts, stored %.3f; in order %.3f", run, step, task, got["accuracy_counts"], want, got["accuracy"])
		if math.Abs(got["accuracy_counts"]-want) > 4*spread+0.001 {
			t.Errorf("run %v, step %v: accuracy_counts is %v, the published generator measured %v", run, step, got["accuracy_counts"], want)
		}
		if got["accuracy"] > got["accuracy_counts"] {
			t.Errorf("run %v, step %v: more strings in order (%v) than by counts (%v)", run, step, got["accuracy"], got["accuracy_counts"])
		}
	}
}

// TestPublishedDigitLogits: as TestPublishedLogits, for real inputs.
func TestPublishedDigitLogits(t *testing.T) {
	models := publishedModels(t, "sequential_mnist", rnn.Uniform("lstm", 16, 32, 2, 10))
	inputs, shape := published(t, "sequential_mnist/sequences.npy")
	logits, _ := published(t, "sequential_mnist/logits.npy")
	count, length := shape[1], shape[2]
	worst := 0.0
	for i, m := range models {
		r := newRunner(rnn.NewTrainee(m))
		r.Reset(count)
		in, out := make([]float32, count*16), make([]float32, count*10)
		for step := range length {
			for s := range count {
				for j := range 16 {
					in[s*16+j] = greyLevel(step, inputs[((i*count+s)*length+step)*16+j])
				}
			}
			r.StepInputs(in, out)
			for s := range count {
				for k, v := range out[s*10 : (s+1)*10] {
					want := logits[((i*count+s)*length+step)*10+k]
					worst = max(worst, math.Abs(float64(v)-want)/halfTolerance(want))
				}
			}
		}
	}
	t.Logf("greatest error: %.2f of the tolerance", worst)
	if !(worst <= 1) {
		t.Errorf("logits are off by %.2f times the tolerance", worst)
	}
}

// greyLevel undoes the rounding of a normalised pixel to float16. The first
// step's zeros are none.
func greyLevel(step int, v float64) float32 {
	if step == 0 {
		return float32(v)
	}
	level := float32(math.Round((v*0.3081 + 0.1307) * 255))
	return (level/255 - 0.1307) / 0.3081
}

// TestPublishedDigitScores: accuracies of RNNs that PyTorch trained are the
// stored ones, up to ties; losses up to the published sampling: 13 batches of
// 1000 images, of which the last validation batch has two.
func TestPublishedDigitScores(t *testing.T) {
	if kernel.Name() == "generic" {
		t.Skip("reading 24,000 images takes minutes without vector kernels")
	}
	models := publishedModels(t, "sequential_mnist", rnn.Uniform("lstm", 16, 32, 2, 10))
	angles, _ := published(t, "sequential_mnist/tasks.npy")
	scores, _ := published(t, "sequential_mnist/accuracy_losses.npy")
	family, err := tasks.Lookup("sequential_mnist")
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range models {
		task, err := family.Parse([]float32{float32(angles[i])})
		if err != nil {
			t.Fatal(err)
		}
		got := task.Score(nil, newRunner(rnn.NewTrainee(m)))
		accuracy, train, validation := scores[4*i], scores[4*i+1], scores[4*i+2]
		t.Logf("accuracy %.5f, stored %.5f; train_loss %.3f, %.3f; validation_loss %.3f, %.3f", got["accuracy"], accuracy, got["train_loss"], train, got["validation_loss"], validation)
		if math.Abs(got["accuracy"]-accuracy) > 2.0/12002 {
			t.Errorf("accuracy %v, stored %v", got["accuracy"], accuracy)
		}
		if math.Abs(got["train_loss"]-train) > 0.02 || math.Abs(got["validation_loss"]-validation) > 0.08 {
			t.Errorf("losses %v and %v, stored %v and %v", got["train_loss"], got["validation_loss"], train, validation)
		}
	}
}
