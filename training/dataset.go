package training

import (
	"context"
	"fmt"
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
	format   *format
	rollouts rollouts
	features []float32 // that a Featured encoder reads; nil: not computed
}

// dataset is a zoo in memory, split by task. Snapshots of one spec follow one
// another within a part.
type dataset struct {
	header   zoo.Header       // of a mixed zoo: what its parts have in common
	family   tasks.Family     // nil of a mixed zoo
	families []string         // of a mixed zoo
	shapes   *encoders.Shapes // of a mixed zoo
	checksum string
	parts    map[zoo.Part][]example
	runs     int
}

// splitSeed fixes which tasks are validation tasks, for every encoder alike.
const splitSeed = 1

// loadZoo reads all runs; of damaged ones, the error names one. Of a mixed zoo,
// the RNNs that leaveOut names make the out-of-distribution part.
func loadZoo(dir string, leaveOut ...string) (d *dataset, err error) {
	switch {
	case isMixed(dir):
		d, err = loadMixedZoo(dir, leaveOut)
	case len(leaveOut) > 0:
		return nil, fmt.Errorf("%s is no mixed zoo: all of its RNNs are alike, none can be left out", dir)
	default:
		d, err = loadOneZoo(dir)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if len(d.parts[p]) == 0 {
			return nil, errs.New(errs.Damaged, "zoo %s has %d runs: none is left for the part %q", dir, d.runs, p).Do("train more runs: 20 at least")
		}
	}
	return d, nil
}

// loadOneZoo loads a zoo of one family and spec.
func loadOneZoo(dir string) (*dataset, error) {
	d, z, err := openZoo(dir)
	if err != nil {
		return nil, err
	}
	return d, d.split(z)
}

// openZoo describes a zoo, without its snapshots.
func openZoo(dir string) (*dataset, *zoo.Zoo, error) {
	z, err := zoo.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	family, err := tasks.Lookup(z.Header.Family)
	if err != nil {
		return nil, nil, err
	}
	for _, metric := range []string{"accuracy", "generalization_gap"} {
		if z.Header.Metric(metric) < 0 {
			return nil, nil, errs.New(errs.Damaged, "zoo %s has no metric %q, only %v", dir, metric, z.Header.Metrics).Do("train or import the zoo with this version")
		}
	}
	d := &dataset{header: z.Header, family: family, parts: map[zoo.Part][]example{}, runs: len(z.Runs)}
	d.checksum, err = z.Checksum()
	return d, z, err
}

// parts of a zoo, in the order in which they are listed.
var parts = []zoo.Part{zoo.Train, zoo.Validation, zoo.OOD}

// read reads all runs' snapshots.
func (d *dataset) read(z *zoo.Zoo) ([][]example, error) {
	runs := make([][]example, len(z.Runs))
	at := make([]int, len(z.Runs))
	for i := range at {
		at[i] = i
	}
	f := d.format()
	err := forEach(context.Background(), 0, at, func(_ context.Context, i int) error {
		r, err := z.Load(z.Runs[i])
		if err == nil {
			runs[i] = d.examples(r, &f)
		}
		return err
	})
	return runs, err
}

// split reads the runs and deals them out.
func (d *dataset) split(z *zoo.Zoo) error {
	runs, err := d.read(z)
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
func (d *dataset) examples(r *zoo.Run, f *format) (es []example) {
	accuracy, gap := d.header.Metric("accuracy"), d.header.Metric("generalization_gap")
	for stage, s := range r.Snapshots {
		es = append(es, example{run: r.Index, step: s.Step, format: f, rollouts: newRollouts(&s),
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

func featuresOf(examples []example) [][]float32 {
	rows := make([][]float32, len(examples))
	for i, e := range examples {
		rows[i] = e.features
	}
	return rows
}

func truths(examples []example) []encoders.Truth {
	ts := make([]encoders.Truth, len(examples))
	for i, e := range examples {
		ts[i] = e.truth
	}
	return ts
}
