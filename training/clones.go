package training

import (
	"cmp"
	"context"
	"math"
	"slices"

	"rnnrep/encoders"
	"rnnrep/internal/rng"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// cloneSamples is how many samples a clone's accuracy is measured on, where that
// is to be chosen.
const cloneSamples = 500

// Clone compares an RNN with the emulator that is given its embedding (paper,
// figure 5).
type Clone struct {
	Run      int     `json:"run"`
	Step     int     `json:"step"`
	Accuracy float64 `json:"accuracy"` // the RNN's
	Clone    float64 `json:"clone"`    // the clone's
}

// clones measures clones of snapshots of unseen tasks, spread evenly over the
// range of accuracies. In a mixed zoo, where every family has an accuracy of its
// own, there are none.
func (d *dataset) clones(ctx context.Context, b *encoders.Bundle, c EvaluationConfig) ([]Clone, error) {
	if d.family == nil {
		return nil, nil
	}
	var examples []example
	for _, part := range []zoo.Part{zoo.Validation, zoo.OOD} {
		examples = append(examples, d.parts[part]...)
	}
	chosen := spread(examples, c.Clones)
	embeddings := embed(b, models(chosen))
	clones := make([]Clone, len(chosen))
	at := make([]int, len(chosen))
	for i := range at {
		at[i] = i
	}
	progress := newProgress(c.Progress, "clones of "+b.Manifest.Encoder.Kind, len(chosen), 0, 1)
	err := forEach(ctx, c.Workers, at, func(_ context.Context, i int) error {
		e, dim := chosen[i], b.Manifest.Encoder.Dim
		task, err := d.family.Parse(e.truth.Task)
		if err != nil {
			return err
		}
		accuracy := accuracyOf(task, newClone(b.Emulator, embeddings[i*dim:(i+1)*dim]), c.Seed, uint64(i))
		clones[i] = Clone{e.run, e.step, e.truth.Accuracy, accuracy}
		progress.tick(1)
		return nil
	})
	return clones, err
}

// accuracyOf measures a runner's accuracy on a task.
func accuracyOf(task tasks.Task, m tasks.Runner, seed, index uint64) float64 {
	r := rng.Stream(seed, "clone", index)
	if s, ok := task.(tasks.Sampled); ok {
		return s.Accuracy(r, m, cloneSamples)
	}
	return task.Score(r, m)["accuracy"]
}

// spread chooses n examples whose accuracies lie evenly between the least and the
// greatest, as far as there are any.
func spread(examples []example, n int) (chosen []example) {
	order := slices.Clone(examples)
	slices.SortStableFunc(order, func(a, b example) int { return cmp.Compare(a.truth.Accuracy, b.truth.Accuracy) })
	n = min(n, len(order))
	for i := range n {
		low, high := order[0].truth.Accuracy, order[len(order)-1].truth.Accuracy
		if i > 0 {
			low = chosen[i-1].truth.Accuracy
		}
		want := low + (high-low)/float64(n-i)
		if i == 0 {
			want = low
		}
		nearest := 0
		for j, e := range order[:len(order)-(n-i-1)] {
			if math.Abs(e.truth.Accuracy-want) < math.Abs(order[nearest].truth.Accuracy-want) {
				nearest = j
			}
		}
		chosen = append(chosen, order[nearest])
		order = slices.Delete(order, 0, nearest+1)
	}
	return chosen
}
