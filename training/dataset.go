package training

import (
	"fmt"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// example is one snapshot with what training wants to know of it.
type example struct {
	run   int
	step  int
	model *rnn.Model
	task  []float32
	truth encoders.Truth
	// tokens [rollouts, length] and logits [rollouts, length, outputs].
	tokens []int32
	logits []float32
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

// loadZoo reads all runs.
func loadZoo(dir string) (*dataset, error) {
	z, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	family, err := tasks.Lookup(z.Header.Family)
	if err != nil {
		return nil, err
	}
	accuracy, gap := z.Header.Metric("accuracy"), z.Header.Metric("generalization_gap")
	if accuracy < 0 || gap < 0 || z.Header.Inputs != 0 {
		return nil, errs.New(errs.Damaged, "zoo %s has metrics %v and %d real inputs", dir, z.Header.Metrics, z.Header.Inputs).
			Accepts("metrics accuracy and generalization_gap, sequences of tokens").Do("train a zoo of formal_languages")
	}
	d := &dataset{header: z.Header, family: family, parts: map[zoo.Part][]example{}, runs: len(z.Runs)}
	if d.checksum, err = z.Checksum(); err != nil {
		return nil, err
	}
	var all []*zoo.Run
	var params [][]float32
	for _, i := range z.Runs {
		r, err := z.Load(i)
		if err != nil {
			return nil, err
		}
		all, params = append(all, r), append(params, r.Task)
	}
	split := zoo.Split(params, family.Holdout, splitSeed)
	for _, r := range all {
		part := split[zoo.Key(r.Task)]
		for stage, s := range r.Snapshots {
			d.parts[part] = append(d.parts[part], example{run: r.Index, step: s.Step, task: r.Task, tokens: s.Tokens, logits: s.Logits,
				model: &rnn.Model{Spec: z.Header.Spec, Weights: s.Weights},
				truth: encoders.Truth{Accuracy: s.Metrics[accuracy], Gap: s.Metrics[gap], Stage: stage}})
		}
	}
	for _, p := range []zoo.Part{zoo.Train, zoo.Validation, zoo.OOD} {
		if len(d.parts[p]) == 0 {
			return nil, errs.New(errs.Damaged, "zoo %s has %d runs: none is left for the part %q", dir, len(all), p).Do("train more runs: 20 at least")
		}
	}
	return d, nil
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

// coordinates lists the values that each task parameter takes in the zoo.
func (d *dataset) coordinates() [][]float32 {
	var values [][]float32
	for _, part := range []zoo.Part{zoo.Train, zoo.Validation, zoo.OOD} {
		for _, e := range d.parts[part] {
			for i, v := range e.task {
				if i == len(values) {
					values = append(values, nil)
				}
				values[i] = insertValue(values[i], v)
			}
		}
	}
	return values
}

// insertValue keeps values ascending and distinct.
func insertValue(values []float32, v float32) []float32 {
	for i, x := range values {
		if x == v {
			return values
		}
		if x > v {
			return append(values[:i:i], append([]float32{v}, values[i:]...)...)
		}
	}
	return append(values, v)
}

// taskNames names every task that the coordinates make.
func (d *dataset) taskNames(coordinates [][]float32) (map[string]string, error) {
	combinations := [][]float32{nil}
	for _, values := range coordinates {
		var longer [][]float32
		for _, c := range combinations {
			for _, v := range values {
				longer = append(longer, append(append([]float32{}, c...), v))
			}
		}
		combinations = longer
	}
	names := map[string]string{}
	for _, params := range combinations {
		t, err := d.family.Parse(params)
		if err != nil {
			return nil, fmt.Errorf("zoo: %w", err)
		}
		names[encoders.TaskKey(params)] = t.String()
	}
	return names, nil
}

// nameOf is the task's name.
func (d *dataset) nameOf(params []float32) string {
	t, err := d.family.Parse(params)
	if err != nil {
		return fmt.Sprint(params)
	}
	return t.String()
}
