package exporter

import (
	"fmt"
	"math"

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
	gap = l.op("Add", []string{gap, l.scalar(c.GapMean)})
	if c.GapCurve != 0 {
		gap = l.op("Mul", []string{l.op("Sinh", []string{gap}), l.scalar(c.GapCurve)})
	}
	gap = flat(gap)
	stage := l.softmax(l.values[h.stage])
	task := l.predictTask(l.values[h.task], c.Coordinates)
	if len(c.Ranges) > 0 {
		task = l.estimateTask(l.values[h.task], c.Ranges)
	}

	n := count.name
	l.output("embedding", l.values[h.embedding], onnx.Float32, n, c.Dim)
	l.output("accuracy", accuracy, onnx.Float32, n)
	l.output("generalization_gap", gap, onnx.Float32, n)
	l.output("training_stage", stage, onnx.Float32, n, len(c.Steps))
	if task == nil {
		return
	}
	l.output("task", task.parameters, onnx.Float32, n, len(c.Coordinates)+len(c.Ranges))
	if task.probability != "" {
		l.output("task_probability", task.probability, onnx.Float32, n)
	}
	for i, d := range task.distributions {
		switch {
		case d == "":
		case len(c.Ranges) > 0:
			l.output(taskOutput(i), d, onnx.Float32, n, 2)
		default:
			l.output(taskOutput(i), d, onnx.Float32, n, len(c.Coordinates[i]))
		}
	}
}

// taskOutput names the output with the probabilities of coordinate i's values, or
// with cosine and sine of parameter i.
func taskOutput(i int) string { return fmt.Sprintf("task_%d", i) }

// taskOutputs are names of the values about the task.
type taskOutputs struct {
	parameters    string   // [n, coordinates]: the most probable values
	probability   string   // [n]: of these; "" where parameters are real numbers
	distributions []string // [n, values] of each coordinate; "" where there is one value; [n, 2] of a circular parameter
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

// estimateTask reads the outputs of all ranges, one after the other, as
// encoders.Range says.
func (l *lowerer) estimateTask(outputs string, ranges []encoders.Range) *taskOutputs {
	t := &taskOutputs{distributions: make([]string, len(ranges))}
	var parameters []string
	first := int64(0)
	take := func() string {
		first++
		return l.op("Slice", []string{outputs, l.ints(first - 1), l.ints(first), l.ints(1)})
	}
	for i, r := range ranges {
		if r.Circular {
			cos, sin := take(), take()
			t.distributions[i] = l.op("Concat", []string{cos, sin}, intAttribute("axis", 1))
			parameters = append(parameters, l.affine(l.turns(cos, sin), r.High-r.Low, r.Low))
			continue
		}
		x := l.op("Clip", []string{take(), l.scalar(-1), l.scalar(1)})
		parameters = append(parameters, l.affine(x, (r.High-r.Low)/2, (r.High+r.Low)/2))
	}
	t.parameters = l.op("Concat", parameters, intAttribute("axis", 1))
	return t
}

// affine is factor*x + shift.
func (l *lowerer) affine(x string, factor, shift float64) string {
	return l.op("Add", []string{l.op("Mul", []string{x, l.scalar(float32(factor))}), l.scalar(float32(shift))})
}

// turns is the angle of a vector as a share of the circle, 0 to below 1. The
// tangent of half the angle to the x axis is at most 1, so that no digits are lost.
func (l *lowerer) turns(x, y string) string {
	op := l.op
	length := op("Sqrt", []string{op("Add", []string{op("Mul", []string{x, x}), op("Mul", []string{y, y})})})
	base := op("Max", []string{op("Add", []string{length, op("Abs", []string{x})}), l.scalar(1e-30)})
	angle := l.affine(op("Atan", []string{op("Div", []string{y, base})}), 1/math.Pi, 0)
	behind := op("Less", []string{x, l.scalar(0)})
	angle = op("Where", []string{behind, l.affine(angle, -1, 0.5), angle})
	below := op("Less", []string{angle, l.scalar(0)})
	return op("Where", []string{below, l.affine(angle, 1, 1), angle})
}
