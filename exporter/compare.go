package exporter

import (
	"math"
	"slices"
	"strconv"

	"rnnrep/encoders"
	"rnnrep/internal/onnx"
)

// A difference is the greatest one found, and the output it is in.
type difference struct {
	worst  float64
	output string
}

// add notes the difference e in an output; what is not a number is infinite.
func (d *difference) add(output string, e float64) {
	if math.IsNaN(e) {
		e = math.Inf(1)
	}
	if e > d.worst {
		d.worst, d.output = e, output
	}
}

// rows splits an output into one row per RNN, or notes that it is amiss.
func (d *difference) rows(outputs map[string]*onnx.Tensor, name string, n, width int) [][]float32 {
	t := outputs[name]
	if t == nil || t.Type != onnx.Float32 || t.Len() != n*width {
		d.add(name, math.Inf(1))
		return nil
	}
	return slices.Collect(slices.Chunk(t.Float32s(), width))
}

// values compares an output with numbers of each result.
func (d *difference) values(outputs map[string]*onnx.Tensor, name string, width int, results []encoders.Result, of func(encoders.Result) []float64) {
	for i, row := range d.rows(outputs, name, len(results), width) {
		for j, want := range of(results[i]) {
			d.add(name, math.Abs(float64(row[j])-want)/max(1, math.Abs(want)))
		}
	}
}

// compare compares all outputs of a file with a bundle's results.
func compare(c encoders.PredictorConfig, results []encoders.Result, outputs map[string]*onnx.Tensor) difference {
	var d difference
	number := func(name string, of func(p encoders.Predictions) float64) {
		d.values(outputs, name, 1, results, func(r encoders.Result) []float64 { return []float64{of(r.Predictions)} })
	}
	d.values(outputs, "embedding", c.Dim, results, func(r encoders.Result) (z []float64) {
		for _, x := range r.Embedding {
			z = append(z, float64(x))
		}
		return z
	})
	number("accuracy", func(p encoders.Predictions) float64 { return p.Accuracy.Value })
	number("generalization_gap", func(p encoders.Predictions) float64 { return p.GeneralizationGap.Value })
	d.values(outputs, "training_stage", len(c.Steps), results, func(r encoders.Result) (q []float64) {
		for _, step := range c.Steps {
			q = append(q, r.Predictions.TrainingStage.Distribution[strconv.Itoa(step)])
		}
		return q
	})
	if len(c.Coordinates) > 0 {
		number("task_probability", func(p encoders.Predictions) float64 { return p.Task.Probability })
		d.tasks(c.Coordinates, results, outputs)
	}
	if len(c.Ranges) > 0 {
		d.parameters(c.Ranges, results, outputs)
	}
	return d
}

// parameters compares the estimates of task parameters that are real numbers, as
// shares of their ranges; on a circle, times the length of the vector: what is
// not known at all has any direction.
func (d *difference) parameters(ranges []encoders.Range, results []encoders.Result, outputs map[string]*onnx.Tensor) {
	tasks := d.rows(outputs, "task", len(results), len(ranges))
	for i, r := range ranges {
		sure := slices.Repeat([][]float32{{1, 0}}, len(results))
		if r.Circular {
			sure = d.rows(outputs, taskOutput(i), len(results), 2)
		}
		for row := range min(len(tasks), len(sure)) {
			want := float64(results[row].Predictions.Task.Parameters[i])
			length := math.Hypot(float64(sure[row][0]), float64(sure[row][1]))
			d.add("task", r.Distance(float64(tasks[row][i]), want)/(r.High-r.Low)*min(1, length))
			if r.Circular {
				cos, sin := float64(sure[row][0]), float64(sure[row][1])
				turns := math.Atan2(sin, cos) / (2 * math.Pi)
				d.add(taskOutput(i), r.Distance(r.Low+(turns-math.Floor(turns))*(r.High-r.Low), want)/(r.High-r.Low)*min(1, length))
			}
		}
	}
}

// tasks compares the most probable task. Of values that are equally probable,
// to within rounding, either will do: the difference is that of probabilities.
func (d *difference) tasks(coordinates [][]float32, results []encoders.Result, outputs map[string]*onnx.Tensor) {
	n := len(results)
	tasks := d.rows(outputs, "task", n, len(coordinates))
	for i, values := range coordinates {
		name := taskOutput(i)
		certain := slices.Repeat([][]float32{{1}}, n)
		distributions := certain
		if len(values) > 1 {
			distributions = d.rows(outputs, name, n, len(values))
		}
		for row := range min(len(tasks), len(distributions)) {
			p := distributions[row]
			for _, chosen := range []float32{tasks[row][i], results[row].Predictions.Task.Parameters[i]} {
				at := slices.Index(values, chosen)
				if at < 0 {
					d.add("task", math.Inf(1))
					continue
				}
				d.add("task", float64(slices.Max(p)-p[at]))
			}
		}
	}
}
