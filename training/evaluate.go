package training

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// PartScores is how well a bundle does on one part of a zoo.
type PartScores struct {
	Part       zoo.Part `json:"part"`
	Tasks      int      `json:"tasks"`
	Snapshots  int      `json:"snapshots"`
	Emulation  float64  `json:"emulation_loss"` // total variation
	AccuracyR2 float64  `json:"accuracy_r2"`
	GapR2      float64  `json:"generalization_gap_r2"`
	// AccuracyError is the median absolute error.
	AccuracyError     float64 `json:"accuracy_median_error"`
	StageAccuracy     float64 `json:"stage_accuracy"`
	StageCorrelation  float64 `json:"stage_rank_correlation"` // Spearman
	TaskAccuracy      float64 `json:"task_accuracy"`          // all coordinates right; 0 where there are TaskParameters
	AccuracyCovered   float64 `json:"accuracy_interval_coverage"`
	GapCovered        float64 `json:"generalization_gap_interval_coverage"`
	StageCovered      float64 `json:"stage_interval_coverage"`
	InPopulationShare float64 `json:"in_population"`
	// TaskParameters are the scores of parameters that are real numbers.
	TaskParameters []ParameterScores `json:"task_parameters,omitempty"`
}

// ParameterScores is how well a task parameter is estimated.
type ParameterScores struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit,omitempty"`
	MedianError float64 `json:"median_error"`      // absolute, on the shorter way round a circle
	LastError   float64 `json:"last_median_error"` // of the last snapshots alone
	MeanError   float64 `json:"mean_error"`
	Covered     float64 `json:"interval_coverage"`
}

// Report is a bundle's scores, part by part.
type Report struct {
	Bundle string       `json:"bundle"`
	Parts  []PartScores `json:"parts"`
}

// Evaluate scores a bundle on a zoo. Workers 0 means one a core.
func Evaluate(zooDir string, b *encoders.Bundle, workers int) (*Report, error) {
	d, err := loadZoo(zooDir)
	if err != nil {
		return nil, err
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return evaluate(b, d, workers)
}

func evaluate(b *encoders.Bundle, d *dataset, workers int) (*Report, error) {
	r := &Report{Bundle: b.Name()}
	for _, part := range parts {
		s, err := scorePart(b, d, d.parts[part], workers)
		if err != nil {
			return nil, err
		}
		s.Part = part
		r.Parts = append(r.Parts, s)
	}
	return r, nil
}

func scorePart(b *encoders.Bundle, d *dataset, examples []example, workers int) (PartScores, error) {
	s := PartScores{Snapshots: len(examples)}
	results, err := b.Embed(context.Background(), models(examples))
	if err != nil {
		return s, err
	}
	if s.Emulation, err = measureEmulation(b, d, examples, workers); err != nil {
		return s, err
	}
	share := 1 / float64(len(examples))
	count := func(into *float64, yes bool) {
		if yes {
			*into += share
		}
	}
	within := func(e encoders.Estimate, x float64) bool { return e.Interval[0] <= x && x <= e.Interval[1] }
	var accuracy, gap, stage, trueAccuracy, trueGap, trueStage, errors []float64
	distinct := map[zoo.TaskKey]bool{}
	for i, e := range examples {
		p := results[i].Predictions
		accuracy, trueAccuracy = append(accuracy, p.Accuracy.Value), append(trueAccuracy, e.truth.Accuracy)
		gap, trueGap = append(gap, p.GeneralizationGap.Value), append(trueGap, e.truth.Gap)
		stage, trueStage = append(stage, p.TrainingStage.Value), append(trueStage, float64(e.step))
		errors = append(errors, math.Abs(p.Accuracy.Value-e.truth.Accuracy))
		count(&s.StageAccuracy, p.TrainingStage.Value == float64(e.step))
		count(&s.TaskAccuracy, slices.Equal(p.Task.Parameters, e.truth.Task))
		count(&s.AccuracyCovered, within(p.Accuracy, e.truth.Accuracy))
		count(&s.GapCovered, within(p.GeneralizationGap, e.truth.Gap))
		count(&s.StageCovered, within(p.TrainingStage.Estimate, float64(e.step)))
		count(&s.InPopulationShare, results[i].Trust.InPopulation)
		distinct[zoo.Key(e.truth.Task)] = true
	}
	s.Tasks = len(distinct)
	s.AccuracyR2, s.GapR2 = stat.RSquaredFrom(accuracy, trueAccuracy, nil), stat.RSquaredFrom(gap, trueGap, nil)
	s.StageCorrelation = stat.Correlation(ranks(stage), ranks(trueStage), nil)
	s.AccuracyError = median(errors)
	for i, r := range b.Manifest.Predictors.Ranges {
		s.TaskParameters = append(s.TaskParameters, scoreParameter(i, r, examples, results))
	}
	return s, nil
}

// scoreParameter scores parameter i of the task.
func scoreParameter(i int, r encoders.Range, examples []example, results []encoders.Result) ParameterScores {
	s := ParameterScores{Name: r.Name, Unit: r.Unit}
	var errors, last []float64
	for j, e := range examples {
		task, truth := results[j].Predictions.Task, float64(e.truth.Task[i])
		errors = append(errors, r.Distance(float64(task.Parameters[i]), truth))
		if j == len(examples)-1 || examples[j+1].run != e.run {
			last = append(last, errors[j])
		}
		in := task.Intervals[i]
		if around := r.High - r.Low; in[0] <= truth && truth <= in[1] || r.Circular && (in[0] <= truth-around || truth+around <= in[1]) {
			s.Covered++
		}
	}
	s.Covered /= float64(len(examples))
	s.MeanError = stat.Mean(errors, nil)
	s.MedianError, s.LastError = median(errors), median(last)
	return s
}

// median sorts values.
func median(values []float64) float64 {
	slices.Sort(values)
	return stat.Quantile(0.5, stat.LinInterp, values, nil)
}

// ranks replaces values by their ranks, ties by the mean rank.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	r := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			r[i] = float64(from+to-1) / 2
		}
		from = to
	}
	return r
}

// scores are what a manifest keeps: those of the tasks that training did not see.
func (r *Report) scores() map[string]float64 {
	m := map[string]float64{}
	for _, p := range r.Parts {
		if p.Part == zoo.Train {
			continue
		}
		scores := map[string]float64{"emulation_loss": p.Emulation, "accuracy_r2": p.AccuracyR2, "accuracy_median_error": p.AccuracyError,
			"generalization_gap_r2": p.GapR2, "stage_rank_correlation": p.StageCorrelation, "stage_accuracy": p.StageAccuracy}
		if len(p.TaskParameters) == 0 {
			scores["task_accuracy"] = p.TaskAccuracy
		}
		for _, t := range p.TaskParameters {
			scores[t.Name+"_median_error"], scores[t.Name+"_last_median_error"] = t.MedianError, t.LastError
		}
		for name, v := range scores {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				m[string(p.Part)+"_"+name] = math.Round(v*1e4) / 1e4
			}
		}
	}
	return m
}

// WriteTable writes reports side by side for people.
func WriteTable(w io.Writer, reports []*Report) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "bundle\tpart\ttasks\tsnapshots\temulation\taccuracy R2\tmedian error\tgap R2\tstage\tstage rank\ttask\tcoverage accuracy\tgap\tstage")
	for _, r := range reports {
		for _, p := range r.Parts {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.4f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\n", r.Bundle, p.Part, p.Tasks, p.Snapshots, p.Emulation,
				p.AccuracyR2, p.AccuracyError, p.GapR2, p.StageAccuracy, p.StageCorrelation, p.TaskAccuracy, p.AccuracyCovered, p.GapCovered, p.StageCovered)
		}
	}
	return t.Flush()
}
