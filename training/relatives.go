package training

import (
	"fmt"
	"math"

	"rnnrep/encoders"
	"rnnrep/rnn"
	"rnnrep/rnn/zoo"
)

// relativeLosses returns, for each part, the mean emulation loss of an RNN's
// nearest relative in the place of the emulator: of the zoo's other run whose task
// is nearest, the snapshot of the same step. It is what an emulator comes to that
// knows an RNN's task and step, but not what training made of its initial weights.
// Of a mixed zoo there is none.
func (d *dataset) relativeLosses(workers int) (map[zoo.Part]Score, error) {
	if d.shapes != nil {
		return nil, nil
	}
	snapshots := map[[2]int]*rnn.Model{} // by run and step
	tasks := map[int][]float32{}         // by run
	for _, examples := range d.parts {
		for _, e := range examples {
			snapshots[[2]int{e.run, e.step}], tasks[e.run] = e.model, e.truth.Task
		}
	}
	ranges, nearest := d.ranges(), map[int]int{}
	for run := range tasks {
		nearest[run] = nearestRun(tasks, ranges, run)
	}
	losses := map[zoo.Part]Score{}
	for _, part := range parts {
		examples := d.parts[part]
		each, errs := make([]float64, len(examples)), make([]error, len(examples))
		concurrently(workers, len(examples), func(i int) {
			e := &examples[i]
			each[i], errs[i] = e.lossOf(snapshots[[2]int{nearest[e.run], e.step}], i%d.header.RolloutCount)
		})
		var sum float64
		for i := range each {
			if errs[i] != nil {
				return nil, fmt.Errorf("the relative of run %d, step %d: %w", examples[i].run, examples[i].step, errs[i])
			}
			sum += each[i]
		}
		losses[part] = Score(sum / float64(len(each)))
	}
	return losses, nil
}

// nearestRun is the run, of equally near ones the first, whose task is nearest to
// that of another.
func nearestRun(tasks map[int][]float32, ranges []encoders.Range, run int) (nearest int) {
	least := math.Inf(1)
	for other, task := range tasks {
		if other == run {
			continue
		}
		var distance float64
		for i, v := range task {
			if len(ranges) > 0 {
				distance += ranges[i].Distance(float64(v), float64(tasks[run][i])) / (ranges[i].High - ranges[i].Low)
			} else {
				distance += math.Abs(float64(v - tasks[run][i]))
			}
		}
		if distance < least || distance == least && other < nearest {
			least, nearest = distance, other
		}
	}
	return nearest
}

// lossOf is the emulation loss on a rollout of the snapshot if m is asked in the
// emulator's place.
func (e *example) lossOf(m *rnn.Model, rollout int) (float64, error) {
	f := *e.format
	f.inputs = m.Spec.Inputs() // tokens become one-hot rows
	var s sequences
	s.fill(f, []example{*e}, []choice{{0, rollout}})
	out, err := m.Run(s.inputs, f.length, 1)
	if err != nil {
		return 0, err
	}
	return f.losses(out, s.targets, 1)[0], nil
}
