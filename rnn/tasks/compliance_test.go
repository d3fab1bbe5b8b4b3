package tasks

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rnnrep/internal/half"
	"rnnrep/internal/rng"
)

// The suite runs over every registered family.

func eachFamily(t *testing.T, test func(t *testing.T, f Family)) {
	for _, name := range Names() {
		f, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { test(t, f) })
	}
}

func TestRegistry(t *testing.T) {
	want := []string{"adding", "copy", "formal_languages", "noisy_sine", "parity", "sequential_mnist"}
	if got := Names(); !slices.Equal(got, want) {
		t.Errorf("families %v, want %v", got, want)
	}
	if _, err := Lookup("chess"); err == nil {
		t.Error("found a family that is not there")
	}
}

// TestDrawAndParse: a task is known again by its parameters, and equal seeds
// draw equal tasks.
func TestDrawAndParse(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		names := map[string]string{} // by parameters
		for i := range uint64(200) {
			task := f.Draw(rng.Stream(1, "draw", i))
			parsed, err := f.Parse(task.Params())
			if err != nil {
				t.Fatal(err)
			}
			if again := f.Draw(rng.Stream(1, "draw", i)); !reflect.DeepEqual(task, parsed) || !reflect.DeepEqual(task, again) {
				t.Fatalf("task %v, parsed %v, drawn again %v", task, parsed, again)
			}
			if math.IsNaN(f.Holdout(task.Params())) {
				t.Errorf("task %v has no criterion", task)
			}
			names[string(appendParams(nil, task.Params()))] = task.String()
		}
		if len(names) < 20 {
			t.Errorf("200 draws gave %d tasks, too few to split", len(names))
		}
	})
}

func appendParams(b []byte, params []float32) []byte {
	for _, p := range params {
		bits := math.Float32bits(p)
		b = append(b, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
	}
	return b
}

// TestParseRefuses: parameters from outside that are no task.
func TestParseRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	bad := map[string][][]float32{
		"adding":           {{7, 1}, {25, 1}, {10.5, 1}, {10, 0}, {10, nan}, {nan, 1}},
		"copy":             {{1, 0, 0}, {9, 0, 0}, {3, 7, 0}, {3, -1, 0}, {3, 1, 2}, {3.5, 1, 0}, {nan, 0, 0}},
		"formal_languages": {{1, 0, 0, 0}, {0, 3, 0, 0}, {0, -4, 0, 0}, {0, 0.5, 0, 0}, {0, nan, 0, 0}},
		"noisy_sine":       {{4, 0}, {26, 0}, {10, -0.1}, {10, 0.6}, {nan, 0}, {10, nan}},
		"parity":           {{1, 0, 0, 0, 0}, {2, 0, 0, 0, 0}, {2, 2, 0, 0, 0}, {5, 1, 1, 1, 1}, {2, -1, 1, 0, 0}, {2, 0.5, 1, 0, 0}, {nan, 1, 0, 0, 0}},
		"sequential_mnist": {{-1}, {360}, {nan}},
	}
	eachFamily(t, func(t *testing.T, f Family) {
		valid := f.Draw(rng.Stream(1, "draw", 0)).Params()
		cases := append([][]float32{nil, {}, valid[1:], append(slices.Clone(valid), 0)}, bad[f.Name()]...)
		for i := range valid {
			for _, v := range []float32{inf, -inf, 1e30} {
				c := slices.Clone(valid)
				c[i] = v
				cases = append(cases, c)
			}
		}
		if len(bad[f.Name()]) == 0 {
			t.Error("no cases")
		}
		for _, params := range cases {
			if task, err := f.Parse(params); err == nil {
				t.Errorf("%v is taken for %v", params, task)
			}
		}
	})
}

// TestBatches: shapes are those of IO, values in range, equal seeds fill equally.
func TestBatches(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		io := f.IO()
		for i := range uint64(10) {
			task := f.Draw(rng.Stream(1, "draw", i))
			const size = 7
			a, b := task.Batch(size), task.Batch(size)
			task.Fill(rng.Stream(2, "fill", i), a)
			task.Fill(rng.Stream(3, "fill", i), b) // every value is overwritten
			task.Fill(rng.Stream(2, "fill", i), b)
			if !reflect.DeepEqual(a, b) {
				t.Fatal("two batches of one seed differ")
			}
			rows := a.Steps * size
			tokens, inputs, targets, values := rows, 0, rows, 0
			if io.RealInputs {
				tokens, inputs = 0, rows*io.Inputs
			}
			if io.RealOutputs {
				targets, values = 0, rows*io.Outputs
			}
			if a.Size != size || len(a.Tokens) != tokens || len(a.Inputs) != inputs || len(a.Targets) != targets || len(a.Values) != values {
				t.Fatalf("%d steps of %d: %d tokens, %d inputs, %d targets, %d values", a.Steps, a.Size, len(a.Tokens), len(a.Inputs), len(a.Targets), len(a.Values))
			}
			for _, token := range a.Tokens {
				if token < 0 || int(token) >= io.Inputs {
					t.Fatalf("token %d of %d", token, io.Inputs)
				}
			}
			wanted := len(a.Values)
			for _, target := range a.Targets {
				if int(target) >= io.Outputs {
					t.Fatalf("target %d of %d", target, io.Outputs)
				}
				if target >= 0 {
					wanted++
				}
			}
			if wanted == 0 {
				t.Fatal("a batch without targets")
			}
			for _, v := range slices.Concat(a.Inputs, a.Values) {
				if !(math.Abs(float64(v)) < 10) {
					t.Fatalf("value %v", v)
				}
			}
		}
	})
}

// constant is a Runner that puts out zeros whatever it reads, and checks what it
// is fed.
type constant struct {
	t  *testing.T
	io IO
	n  int
}

func (c *constant) Reset(n int) { c.n = n }

func (c *constant) Step(tokens []int32, logits []float32) {
	if c.io.RealInputs || len(tokens) != c.n || len(logits) != c.n*c.io.Outputs {
		c.t.Fatalf("fed %d tokens for %d logits of %d sequences", len(tokens), len(logits), c.n)
	}
	for _, token := range tokens {
		if token < 0 || int(token) >= c.io.Inputs {
			c.t.Fatalf("token %d of %d", token, c.io.Inputs)
		}
	}
	clear(logits)
}

func (c *constant) StepInputs(inputs, logits []float32) {
	if !c.io.RealInputs || len(inputs) != c.n*c.io.Inputs || len(logits) != c.n*c.io.Outputs {
		c.t.Fatalf("fed %d inputs for %d logits of %d sequences", len(inputs), len(logits), c.n)
	}
	clear(logits)
}

// TestChance: an RNN that knows nothing has the loss of a blind guess, is rarely
// right and loses nothing on longer sequences; the scores are the recipe's.
func TestChance(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		io, recipe := f.IO(), f.Recipe()
		for i := range uint64(3) {
			task := f.Draw(rng.Stream(1, "draw", i))
			got := task.Score(rng.Stream(2, "score", i), &constant{t: t, io: io})
			for _, name := range recipe.Metrics {
				if _, ok := got[name]; !ok && name != WeightDecayMetric {
					t.Errorf("no %s", name)
				}
			}
			want, slack := math.Log(float64(io.Outputs)), 1e-6
			if io.RealOutputs { // the mean square of the targets
				b := task.Batch(2000)
				task.Fill(rng.Stream(3, "fill", i), b)
				want = 0
				for _, v := range b.Values {
					want += float64(v) * float64(v) / float64(len(b.Values))
				}
				slack = 0.15 * want
			}
			if math.Abs(got["train_loss"]-want) > slack {
				t.Errorf("%s: train_loss %v, of a blind guess %v", task, got["train_loss"], want)
			}
			if math.Abs(got["generalization_gap"]) > slack && !io.RealOutputs {
				t.Errorf("%s: generalization_gap %v", task, got["generalization_gap"])
			}
			if a := got["accuracy"]; a < 0 || a > 0.6 {
				t.Errorf("%s: accuracy %v of a blind guess", task, a)
			}
		}
	})
}

// echo is a Runner whose outputs are the batch's targets, and wrong by offset.
type echo struct {
	batch  *Batch
	io     IO
	at     int
	offset float32
}

func (e *echo) Reset(int)                             { e.at = 0 }
func (e *echo) Step(_ []int32, logits []float32)      { e.write(logits) }
func (e *echo) StepInputs(_ []float32, out []float32) { e.write(out) }
func (e *echo) write(out []float32) {
	n := e.batch.Size
	for s := range n {
		row := out[s*e.io.Outputs : (s+1)*e.io.Outputs]
		if e.io.RealOutputs {
			for i, v := range e.batch.Values[(e.at*n+s)*e.io.Outputs : (e.at*n+s+1)*e.io.Outputs] {
				row[i] = v + e.offset
			}
			continue
		}
		clear(row)
		if target := e.batch.Targets[e.at*n+s]; target >= 0 {
			row[(int(target)+int(e.offset))%e.io.Outputs] = 50
		}
	}
	e.at++
}

// TestTally: right answers have no loss and full accuracy, wrong ones their own.
func TestTally(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		io := f.IO()
		task := f.Draw(rng.Stream(1, "draw", 5))
		b := task.Batch(20)
		task.Fill(rng.Stream(2, "fill", 5), b)
		tally := func(offset float32) (loss, accuracy float64) {
			x := newTally(b.Steps)
			x.add(&echo{batch: b, io: io, offset: offset}, b, io)
			return x.mean(0, b.Steps), x.accuracy(0, b.Steps)
		}
		if loss, accuracy := tally(0); loss > 1e-12 || accuracy != 1 {
			t.Errorf("right answers: loss %v, accuracy %v", loss, accuracy)
		}
		want := 50.0
		if io.RealOutputs {
			want = 1
		}
		if loss, accuracy := tally(1); math.Abs(loss-want) > 1e-5 || accuracy != 0 {
			t.Errorf("wrong answers: loss %v, want %v, accuracy %v", loss, want, accuracy)
		}
	})
}

// TestRollouts: shapes are those of IO, inputs those that a zoo can hold exactly.
func TestRollouts(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		io := f.IO()
		task := f.Draw(rng.Stream(1, "draw", 0))
		const count = 5
		roll := func() Rollouts { return task.Rollouts(rng.Stream(4, "roll", 0), &constant{t: t, io: io}, count) }
		out := roll()
		if !reflect.DeepEqual(out, roll()) {
			t.Error("two rollouts of one seed differ")
		}
		tokens, inputs := count*io.Length, 0
		if io.RealInputs {
			tokens, inputs = 0, count*io.Length*io.Inputs
		}
		if len(out.Tokens) != tokens || len(out.Inputs) != inputs || len(out.Logits) != count*io.Length*io.Outputs {
			t.Fatalf("%d tokens, %d inputs, %d logits", len(out.Tokens), len(out.Inputs), len(out.Logits))
		}
		for _, v := range out.Inputs {
			if half.To(half.From(v)) != v {
				t.Fatalf("input %v is not in half precision", v)
			}
		}
	})
}

// TestRecipes: every snapshot is within the training, and the last is its end.
func TestRecipes(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		r := f.Recipe()
		if r.Snapshots[0] != 0 || r.Snapshots[len(r.Snapshots)-1] != r.Steps || !slices.IsSorted(r.Snapshots) || len(r.WeightDecay) == 0 ||
			r.Rates[0].Step != 0 || r.Rates[len(r.Rates)-1].Step != r.Steps || !slices.Contains(r.Metrics, "accuracy") || !slices.Contains(r.Metrics, "generalization_gap") {
			t.Errorf("recipe %+v", r)
		}
	})
}

// TestRanges: parameters that are real numbers lie within their ranges, and the
// tasks' names say them with their units.
func TestRanges(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		ranged, ok := f.(Ranged)
		if !ok {
			return
		}
		for i := range uint64(100) {
			task := f.Draw(rng.Stream(1, "draw", i))
			if len(task.Params()) != len(ranged.Ranges()) {
				t.Fatalf("%d ranges for %v", len(ranged.Ranges()), task)
			}
			for j, r := range ranged.Ranges() {
				if v := float64(task.Params()[j]); !(r.Low <= v && v <= r.High) || r.Circular && v == r.High {
					t.Errorf("%v is outside of %+v", task, r)
				}
				if !strings.Contains(task.String(), r.Name) || !strings.Contains(task.String(), r.Unit) {
					t.Errorf("%q does not name %q in %q", task, r.Name, r.Unit)
				}
			}
		}
	})
}

// noise is an RNN of random outputs.
type noise struct {
	r *rand.Rand
	n int
}

func (x *noise) Reset(n int)                      { x.n = n }
func (x *noise) Step(_ []int32, logits []float32) { x.StepInputs(nil, logits) }
func (x *noise) StepInputs(_, logits []float32) {
	for i := range logits {
		logits[i] = float32(x.r.NormFloat64())
	}
}

// TestSampledAccuracy: an accuracy of few samples is that of Score, to within
// chance.
func TestSampledAccuracy(t *testing.T) {
	eachFamily(t, func(t *testing.T, f Family) {
		task, ok := f.Draw(rng.Stream(1, "draw", 0)).(Sampled)
		if !ok {
			return
		}
		const samples = 300
		few := task.Accuracy(rng.Stream(1, "few", 0), &noise{r: rng.Stream(1, "noise", 0)}, samples)
		all := task.Score(rng.Stream(1, "all", 0), &noise{r: rng.Stream(1, "noise", 1)})["accuracy"]
		if math.Abs(few-all) > 4*math.Sqrt(max(all*(1-all), 1e-3)/samples) {
			t.Errorf("accuracy is %v of %d samples, %v of all", few, samples, all)
		}
		if f.Name() == "sequential_mnist" && few < 0.02 {
			t.Errorf("random outputs are right in %v of ten digits", few)
		}
	})
}
