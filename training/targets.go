package training

import (
	"fmt"

	"gonum.org/v1/gonum/floats"

	"rnnrep/encoders"
)

// targetColumns are the columns of the targets, of which each group is one
// property.
type targetColumns struct {
	config encoders.PredictorConfig
	names  []string
	groups [][2]int // first and behind the last column
}

// Groups that every zoo has; those of the task's parameters follow.
const (
	accuracyGroup = iota
	gapGroup
	stageGroup
	taskGroups
)

func newTargetColumns(d *dataset) *targetColumns {
	c := &targetColumns{config: encoders.PredictorConfig{Steps: d.header.Steps, Coordinates: d.coordinates(), Ranges: d.ranges()}}
	add := func(names ...string) {
		c.groups = append(c.groups, [2]int{len(c.names), len(c.names) + len(names)})
		c.names = append(c.names, names...)
	}
	add("accuracy")
	add("generalization_gap")
	var stages []string
	for _, s := range d.header.Steps {
		stages = append(stages, fmt.Sprintf("training_stage=%d", s))
	}
	add(stages...)
	for i, values := range c.config.Coordinates {
		var names []string
		for _, v := range values {
			names = append(names, fmt.Sprintf("task_%d=%v", i, v))
		}
		add(names...)
	}
	for _, r := range c.config.Ranges {
		if r.Circular {
			add(r.Name+"_cos", r.Name+"_sin")
		} else {
			add(r.Name)
		}
	}
	return c
}

// row returns the targets of a snapshot.
func (c *targetColumns) row(e *example) []float64 {
	row := make([]float64, c.groups[stageGroup][1], len(c.names))
	row[0], row[1] = e.truth.Accuracy, e.truth.Gap
	row[2+e.truth.Stage] = 1
	for i, values := range c.config.Coordinates {
		for _, v := range values {
			is := 0.0
			if v == e.truth.Task[i] {
				is = 1
			}
			row = append(row, is)
		}
	}
	for i, r := range c.config.Ranges {
		for _, v := range r.AppendTargets(nil, e.truth.Task[i]) {
			row = append(row, float64(v))
		}
	}
	return row
}

// answer reads the predicted targets.
func (c *targetColumns) answer(a *answer, row []float64) {
	of := func(group int) []float64 { return row[c.groups[group][0]:c.groups[group][1]] }
	a.accuracy, a.gap, a.stage = min(max(row[0], 0), 1), row[1], floats.MaxIdx(of(stageGroup))
	for i, values := range c.config.Coordinates {
		a.task = append(a.task, values[floats.MaxIdx(of(taskGroups+i))])
	}
	for i, r := range c.config.Ranges {
		var outputs []float32
		for _, v := range of(taskGroups + i) {
			outputs = append(outputs, float32(v))
		}
		v, _ := r.Parameter(outputs)
		a.task = append(a.task, float32(v))
	}
}
