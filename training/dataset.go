package training

import (
	"context"
	"slices"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/internal/grad"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// example is one snapshot with what training wants to know of it.
type example struct {
	run      int
	step     int
	model    *rnn.Model
	truth    encoders.Truth
	rollouts rollouts
	features []float32 // that a Featured encoder reads; nil: not computed
}

// dataset is a zoo in memory, split by task.
type dataset struct {
	header   zoo.Header
	family   tasks.Family
	checksum string
	parts    map[zoo.Part][]example
	runs     int
}

// splitSeed fixes which tasks are validation tasks, for every encoder alike.
const splitSeed = 1

// loadZoo reads all runs; of damaged ones, the error names one.
func loadZoo(dir string) (*dataset, error) {
	z, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	family, err := tasks.Lookup(z.Header.Family)
	if err != nil {
		return nil, err
	}
	for _, metric := range []string{"accuracy", "generalization_gap"} {
		if z.Header.Metric(metric) < 0 {
			return nil, errs.New(errs.Damaged, "zoo %s has no metric %q, only %v", dir, metric, z.Header.Metrics).Do("train or import the zoo with this version")
		}
	}
	d := &dataset{header: z.Header, family: family, parts: map[zoo.Part][]example{}, runs: len(z.Runs)}
	if d.checksum, err = z.Checksum(); err != nil {
		return nil, err
	}
	if err := d.split(z); err != nil {
		return nil, err
	}
	for _, p := range parts {
		if len(d.parts[p]) == 0 {
			return nil, errs.New(errs.Damaged, "zoo %s has %d runs: none is left for the part %q", dir, len(z.Runs), p).Do("train more runs: 20 at least")
		}
	}
	return d, nil
}

// parts of a zoo, in the order in which they are listed.
var parts = []zoo.Part{zoo.Train, zoo.Validation, zoo.OOD}

// split reads the runs and deals them out.
func (d *dataset) split(z *zoo.Zoo) error {
	runs := make([][]example, len(z.Runs))
	at := make([]int, len(z.Runs))
	for i := range at {
		at[i] = i
	}
	err := forEach(context.Background(), 0, at, func(_ context.Context, i int) error {
		r, err := z.Load(z.Runs[i])
		if err == nil {
			runs[i] = d.examples(r)
		}
		return err
	})
	if err != nil {
		return err
	}
	var params [][]float32
	for _, snapshots := range runs {
		params = append(params, snapshots[0].truth.Task)
	}
	part := zoo.Split(params, d.family.Holdout, splitSeed)
	for i, snapshots := range runs {
		p := part[zoo.Key(params[i])]
		d.parts[p] = append(d.parts[p], snapshots...)
	}
	return nil
}

// examples are a run's snapshots.
func (d *dataset) examples(r *zoo.Run) (es []example) {
	accuracy, gap := d.header.Metric("accuracy"), d.header.Metric("generalization_gap")
	for stage, s := range r.Snapshots {
		es = append(es, example{run: r.Index, step: s.Step, rollouts: newRollouts(&s),
			model: &rnn.Model{Spec: d.header.Spec, Weights: s.Weights},
			truth: encoders.Truth{Accuracy: s.Metrics[accuracy], Gap: s.Metrics[gap], Stage: stage, Task: r.Task}})
	}
	return es
}

// computeFeatures computes what the encoder reads of every snapshot, if that does
// not change in training.
func (d *dataset) computeFeatures(e encoders.Encoder, workers int) {
	f, ok := e.(encoders.Featured)
	if !ok {
		return
	}
	for _, examples := range d.parts {
		concurrently(workers, len(examples), func(i int) {
			t := grad.NewTape().Inference()
			examples[i].features = slices.Clone(f.Features(t, rnn.Bind(t, examples[i].model)).Value())
		})
	}
}

func models(examples []example) []*rnn.Model {
	ms := make([]*rnn.Model, len(examples))
	for i, e := range examples {
		ms[i] = e.model
	}
	return ms
}

func truths(examples []example) []encoders.Truth {
	ts := make([]encoders.Truth, len(examples))
	for i, e := range examples {
		ts[i] = e.truth
	}
	return ts
}
