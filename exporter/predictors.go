package exporter

import (
	"fmt"

	"rnnrep/encoders"
	"rnnrep/internal/onnx"
)

// predict turns the predictors' raw outputs into what a bundle answers, as
// encoders.Bundle.Embed does, and declares the file's outputs.
func (l *lowerer) predict(h heads, b *encoders.Bundle) {
	if *l.err != nil {
		return
	}
	c := b.Manifest.Predictors
	flat := func(x string) string { return l.op("Squeeze", []string{x, l.ints(1)}) }
	accuracy := flat(l.op("Sigmoid", []string{l.values[h.accuracy]}))
	gap := l.op("Mul", []string{l.values[h.gap], l.scalar(c.GapScale)})
	gap = flat(l.op("Add", []string{gap, l.scalar(c.GapMean)}))
	stage := l.softmax(l.values[h.stage])
	task := l.predictTask(l.values[h.task], c.Coordinates)

	n := count.name
	l.output("embedding", l.values[h.embedding], onnx.Float32, n, c.Dim)
	l.output("accuracy", accuracy, onnx.Float32, n)
	l.output("generalization_gap", gap, onnx.Float32, n)
	l.output("training_stage", stage, onnx.Float32, n, len(c.Steps))
	if task == nil {
		return
	}
	l.output("task", task.parameters, onnx.Float32, n, len(c.Coordinates))
	l.output("task_probability", task.probability, onnx.Float32, n)
	for i, d := range task.distributions {
		if d != "" {
			l.output(taskOutput(i), d, onnx.Float32, n, len(c.Coordinates[i]))
		}
	}
}

// taskOutput names the output with the probabilities of coordinate i's values.
func taskOutput(i int) string { return fmt.Sprintf("task_%d", i) }

// taskOutputs are names of the values about the task.
type taskOutputs struct {
	parameters    string   // [n, coordinates]: the most probable values
	probability   string   // [n]: of these
	distributions []string // [n, values] of each coordinate; "" where there is one value
}

// predictTask reads the logits of all coordinates, one after the other.
func (l *lowerer) predictTask(logits string, coordinates [][]float32) *taskOutputs {
	if len(coordinates) == 0 {
		return nil
	}
	t := &taskOutputs{distributions: make([]string, len(coordinates))}
	var parameters []string
	first := 0
	for i, values := range coordinates {
		constant := l.initializer(onnx.NewFloats(taskOutput(i)+"_values", values))
		if len(values) == 1 {
			parameters = append(parameters, l.op("Expand", []string{constant, l.shape(dim{1, count.name}, fixed(1))}))
			continue
		}
		end := first + len(values)
		p := l.softmax(l.op("Slice", []string{logits, l.ints(int64(first)), l.ints(int64(end)), l.ints(1)}))
		first = end
		best := l.op("ArgMax", []string{p}, intAttribute("axis", 1), intAttribute("keepdims", 1))
		parameters = append(parameters, l.op("Gather", []string{constant, best}, intAttribute("axis", 0)))
		top := l.op("ReduceMax", []string{p}, intsAttribute("axes", 1), intAttribute("keepdims", 0))
		if t.probability == "" {
			t.probability = top
		} else {
			t.probability = l.op("Mul", []string{t.probability, top})
		}
		t.distributions[i] = p
	}
	if t.probability == "" { // there is one task
		t.probability = l.op("Expand", []string{l.floats(1), l.shape(dim{1, count.name})})
	}
	t.parameters = l.op("Concat", parameters, intAttribute("axis", 1))
	return t
}
