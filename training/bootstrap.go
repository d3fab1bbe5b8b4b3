package training

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"rnnrep/internal/rng"
	"rnnrep/rnn/zoo"
)

const (
	resamples = 400
	tail      = 0.025 // of the resampled scores, beyond either end of an interval
)

// bootstrap gives the scores intervals: seeds are drawn with replacement, and for
// each the tasks, with all their snapshots, which are not independent of one
// another.
func (s *PartScores) bootstrap(seeds [][]answer, metrics []Metric, seed uint64) {
	byTask := make([][][]answer, len(seeds))
	for i, as := range seeds {
		byTask[i] = clusters(as)
	}
	values := map[string][]float64{}
	for i := range uint64(resamples) {
		r := rng.Stream(seed, "bootstrap", i)
		drawn := make([][]answer, len(seeds))
		for j := range drawn {
			tasks := byTask[r.IntN(len(seeds))]
			for range tasks {
				drawn[j] = append(drawn[j], tasks[r.IntN(len(tasks))]...)
			}
		}
		for _, m := range metrics {
			var sum float64
			for _, as := range drawn {
				sum += m.of(as)
			}
			values[m.Name] = append(values[m.Name], sum/float64(len(drawn)))
		}
	}
	s.Intervals = map[string][2]Score{}
	for name, v := range values {
		v = slices.DeleteFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
		if len(v) < resamples/2 {
			continue
		}
		slices.Sort(v)
		s.Intervals[name] = [2]Score{Score(stat.Quantile(tail, stat.LinInterp, v, nil)), Score(stat.Quantile(1-tail, stat.LinInterp, v, nil))}
	}
}

// clusters puts the answers of each task together.
func clusters(as []answer) (byTask [][]answer) {
	at := map[zoo.TaskKey]int{}
	for _, a := range as {
		key := zoo.Key(a.truth.Task)
		i, ok := at[key]
		if !ok {
			i = len(byTask)
			at[key] = i
			byTask = append(byTask, nil)
		}
		byTask[i] = append(byTask[i], a)
	}
	return byTask
}
