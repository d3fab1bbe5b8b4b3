package encoders_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// mixture is RNNs of several specs, taking turns.
func mixture(perSpec int) (models []*rnn.Model) {
	specs := []rnn.Spec{rnn.Uniform("lstm", 3, 4, 2, 5), rnn.Uniform("gru", 2, 3, 1, 4), rnn.Uniform("rnn_tanh", 3, 4, 3, 0)}
	var bySpec [][]*rnn.Model
	for _, s := range specs {
		bySpec = append(bySpec, enctest.Models(s, perSpec))
	}
	for i := range perSpec {
		for _, ms := range bySpec {
			models = append(models, ms[i])
		}
	}
	return models
}

func mustEmbed(t *testing.T, b *encoders.Bundle, models ...*rnn.Model) []encoders.Result {
	t.Helper()
	results, err := b.Embed(context.Background(), models)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// near compares all that an answer says of an RNN with another's numbers.
func near(a, b encoders.Result) bool {
	close := func(x, y float64) bool { return math.Abs(x-y) < 1e-4 }
	for i, x := range a.Embedding {
		if !close(float64(x), float64(b.Embedding[i])) {
			return false
		}
	}
	p, q := a.Predictions, b.Predictions
	return close(p.Accuracy.Value, q.Accuracy.Value) && close(p.GeneralizationGap.Interval[0], q.GeneralizationGap.Interval[0]) &&
		p.TrainingStage.Value == q.TrainingStage.Value && p.Task.Value == q.Task.Value && len(a.Neighbours) == len(b.Neighbours)
}

// TestEmbedKeepsOrder: answers come in the order of the RNNs, whatever their
// specs and however many go through the encoder together.
func TestEmbedKeepsOrder(t *testing.T) {
	b := enctest.Bundle(t, statisticsConfig())
	models := append(mixture(4), enctest.Models(b.Manifest.Encoder.Spec, 70)...)
	results := mustEmbed(t, b, models...)
	if len(results) != len(models) {
		t.Fatalf("%d answers to %d RNNs", len(results), len(models))
	}
	for i, m := range models {
		if alone := mustEmbed(t, b, m)[0]; !near(results[i], alone) {
			t.Errorf("RNN %d: %+v, alone %+v", i, results[i], alone)
		}
		if same := m.Spec.Equal(b.Manifest.Encoder.Spec); same == strings.Contains(results[i].Trust.Note, m.Spec.String()) {
			t.Errorf("RNN %d is %s; the note is %q", i, m.Spec, results[i].Trust.Note)
		}
	}
	if got := mustEmbed(t, b); len(got) != 0 {
		t.Errorf("%d answers to no RNN", len(got))
	}
}

// TestResult: an answer is complete and consistent in itself.
func TestResult(t *testing.T) {
	b := enctest.Bundle(t, statisticsConfig())
	for _, r := range mustEmbed(t, b, enctest.Models(b.Manifest.Encoder.Spec, 12)...) {
		p := r.Predictions
		var sum, square, greatest float64
		for _, q := range p.TrainingStage.Distribution {
			sum, greatest = sum+q, max(greatest, q)
		}
		if q := p.TrainingStage.Distribution[fmt.Sprint(p.TrainingStage.Value)]; q != greatest {
			t.Errorf("stage %v is given with probability %v of %v", p.TrainingStage.Value, q, p.TrainingStage.Distribution)
		}
		for _, x := range r.Embedding {
			square += float64(x) * float64(x)
		}
		if len(p.TrainingStage.Distribution) != 3 || math.Abs(sum-1) > 1e-9 || math.Abs(square-1) > 1e-5 {
			t.Errorf("the distribution %v sums to %v, the embedding's square is %v", p.TrainingStage.Distribution, sum, square)
		}
		for name, e := range map[string]encoders.Estimate{"accuracy": p.Accuracy, "gap": p.GeneralizationGap, "stage": p.TrainingStage.Estimate} {
			if !(e.Interval[0] <= e.Value && e.Value <= e.Interval[1]) || e.Level != .9 {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if p.Accuracy.Interval[0] < 0 || p.Accuracy.Interval[1] > 1 {
			t.Errorf("accuracy within %v", p.Accuracy.Interval)
		}
		want := map[float32]string{-1: "less", 2: "more"}[p.Task.Parameters[1]]
		if p.Task.Parameters[0] != 0 || p.Task.Value != want || !(p.Task.Probability > 0 && p.Task.Probability <= 1) {
			t.Errorf("task %+v", p.Task)
		}
		if r.Bundle != "test/layerwise_statistics" || !r.Trust.InPopulation || r.Trust.Note != "" || len(r.Neighbours) != 5 {
			t.Errorf("%+v", r)
		}
		if n := r.Neighbours[0]; n.Distance > 1e-6 || !strings.HasPrefix(n.ID, "test/run-000") || !strings.Contains(n.ID, "/step-") {
			t.Errorf("of a member of the population itself, the nearest is %+v", n)
		}
	}
}

// TestEmbedConcurrently: many callers get the answers of one.
func TestEmbedConcurrently(t *testing.T) {
	for _, c := range []encoders.Config{statisticsConfig(), probingConfig()} {
		b := enctest.Bundle(t, c)
		models := mixture(3)
		if c.Kind == "interactive_probing" {
			models = enctest.Models(c.Spec, 40)
		}
		want := mustEmbed(t, b, models...)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 3 {
					got, err := b.Embed(context.Background(), models)
					if err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: another answer beside others: %v", c.Kind, err)
					}
				}
			})
		}
		wg.Wait()
	}
}

// expiring is cancelled once it was asked a number of times.
type expiring struct {
	context.Context
	asked, limit int
}

func (c *expiring) Err() error {
	if c.asked++; c.asked > c.limit {
		return context.Canceled
	}
	return nil
}

func TestEmbedIsCancelled(t *testing.T) {
	b := enctest.Bundle(t, statisticsConfig())
	models := enctest.Models(b.Manifest.Encoder.Spec, 100)
	for limit := range 3 {
		ctx := &expiring{Context: context.Background(), limit: limit}
		if results, err := b.Embed(ctx, models); !errors.Is(err, context.Canceled) || results != nil {
			t.Errorf("cancelled after %d looks: %d answers, %v", limit, len(results), err)
		}
		if ctx.asked != limit+1 {
			t.Errorf("cancelled after %d looks, it went on for %d", limit, ctx.asked)
		}
	}
}

// TestEmbedRefuses: an RNN of a spec that is not accepted fails the call before
// any is embedded; one whose numbers overflow has a code of its own.
func TestEmbedRefuses(t *testing.T) {
	b := enctest.Bundle(t, probingConfig())
	own := enctest.Models(b.Manifest.Encoder.Spec, 2)
	for _, s := range []rnn.Spec{rnn.Uniform("lstm", 4, 4, 2, 5), rnn.Uniform("lstm", 3, 4, 2, 6)} {
		_, err := b.Embed(context.Background(), append(own, enctest.Models(s, 1)...))
		if errs.CodeOf(err) != errs.SpecNotAccepted || !strings.Contains(err.Error(), s.String()) {
			t.Errorf("%s: %v", s, err)
		}
	}
	huge := rnn.NewModel(b.Manifest.Encoder.Spec)
	for i := range huge.Weights {
		huge.Weights[i] = 3e38 * float32(1-2*(i%2))
	}
	if err := huge.Validate(); err != nil {
		t.Fatal(err)
	}
	if r, err := b.Embed(context.Background(), append(own, huge)); errs.CodeOf(err) != errs.NonFiniteWeights {
		t.Errorf("overflowing weights: %v, %+v", err, r)
	}
}

// TestFor: a bundle for another spec differs in the manifest alone, and only for
// specs that it accepts.
func TestFor(t *testing.T) {
	b := enctest.Bundle(t, statisticsConfig())
	was, other := b.Manifest.Encoder.Spec, rnn.Uniform("gru", 2, 3, 1, 4)
	f, err := b.For(other)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Manifest.Encoder.Spec.Equal(other) || !b.Manifest.Encoder.Spec.Equal(was) {
		t.Errorf("specs %s and, of the original, %s", f.Manifest.Encoder.Spec, b.Manifest.Encoder.Spec)
	}
	for _, s := range []rnn.Spec{was, other} {
		m := enctest.Models(s, 1)[0]
		if got, want := mustEmbed(t, f, m), mustEmbed(t, b, m); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, the original says %+v", s, got, want)
		}
	}
	p := enctest.Bundle(t, probingConfig())
	if f, err := p.For(other); errs.CodeOf(err) != errs.SpecNotAccepted || f != nil {
		t.Errorf("a prober of other inputs: %v", err)
	}
}

// TestCalibrate: intervals are as wide as the errors on what they are set from.
func TestCalibrate(t *testing.T) {
	b := enctest.Bundle(t, statisticsConfig())
	models := enctest.Models(b.Manifest.Encoder.Spec, 40)
	truths := make([]encoders.Truth, len(models))
	for i, r := range mustEmbed(t, b, models...) {
		p := r.Predictions
		stage := map[float64]int{0: 0, 10: 1, 100: 2}[p.TrainingStage.Value]
		truths[i] = encoders.Truth{Accuracy: p.Accuracy.Value, Gap: p.GeneralizationGap.Value + .5, Stage: stage}
	}
	b.Calibrate(models, truths)
	for i, r := range mustEmbed(t, b, models...) {
		p := r.Predictions
		if in := p.Accuracy.Interval; in[1]-in[0] > 1e-5 {
			t.Errorf("RNN %d: accuracy was always right, its interval is %v", i, in)
		}
		if in := p.TrainingStage.Interval; in[0] != in[1] {
			t.Errorf("RNN %d: the stage was always right, its interval is %v", i, in)
		}
		if w := p.GeneralizationGap.Interval[1] - p.GeneralizationGap.Value; math.Abs(w-.5) > 1e-4 {
			t.Errorf("RNN %d: the gap was always off by 0.5, its interval reaches %v", i, w)
		}
	}
}
