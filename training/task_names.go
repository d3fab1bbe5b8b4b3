package training

import (
	"fmt"

	"rnnrep/encoders"
	"rnnrep/rnn/tasks"
)

// maxTaskNames bounds the combinations of coordinates that a manifest names.
const maxTaskNames = 1 << 12

// coordinates lists the values that each task parameter takes in the zoo; nil
// where the parameters are real numbers.
func (d *dataset) coordinates() [][]float32 {
	if _, ok := d.family.(tasks.Ranged); ok {
		return nil
	}
	var values [][]float32
	for _, part := range parts {
		for _, e := range d.parts[part] {
			for i, v := range e.truth.Task {
				if i == len(values) {
					values = append(values, nil)
				}
				values[i] = insertValue(values[i], v)
			}
		}
	}
	return values
}

// ranges are those of task parameters that are real numbers.
func (d *dataset) ranges() (ranges []encoders.Range) {
	if f, ok := d.family.(tasks.Ranged); ok {
		for _, r := range f.Ranges() {
			ranges = append(ranges, encoders.Range(r))
		}
	}
	return ranges
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

// taskNames names every task that the coordinates make, or, where they make too
// many, those of the zoo. Not every combination is a task.
func (d *dataset) taskNames(coordinates [][]float32) map[string]string {
	names := map[string]string{}
	for i, f := range d.families {
		names[encoders.TaskKey([]float32{float32(i)})] = f
	}
	if len(coordinates) == 0 || d.family == nil {
		return names
	}
	for _, params := range d.combinations(coordinates) {
		if t, err := d.family.Parse(params); err == nil {
			names[encoders.TaskKey(params)] = t.String()
		}
	}
	return names
}

func (d *dataset) combinations(coordinates [][]float32) [][]float32 {
	combinations := [][]float32{nil}
	for _, values := range coordinates {
		var longer [][]float32
		for _, c := range combinations {
			for _, v := range values {
				longer = append(longer, append(append([]float32{}, c...), v))
			}
		}
		if combinations = longer; len(combinations) > maxTaskNames {
			return d.tasks()
		}
	}
	return combinations
}

// tasks are the parameters of all snapshots.
func (d *dataset) tasks() (params [][]float32) {
	for _, part := range parts {
		for _, e := range d.parts[part] {
			params = append(params, e.truth.Task)
		}
	}
	return params
}

// nameOf is the task's name.
func (d *dataset) nameOf(params []float32) string {
	if d.family == nil {
		return d.families[int(params[0])]
	}
	t, err := d.family.Parse(params)
	if err != nil {
		return fmt.Sprint(params)
	}
	return t.String()
}
