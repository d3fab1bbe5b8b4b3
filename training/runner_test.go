package training

import (
	"math"
	"os"
	"path/filepath"
	"testing"

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
