package training

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// EvaluationConfig says what to evaluate.
type EvaluationConfig struct {
	Zoo     string
	Bundles []*encoders.Bundle // those of one encoder are its seeds
	// Predictions are files of others' predictions by name: see ReadPredictions.
	Predictions map[string]string
	Seed        uint64
	Workers     int       // 0: one a core
	Clones      int       // snapshots whose clones are measured; 0: none
	Progress    io.Writer // nil: none
}

// Evaluation is what a zoo tells of bundles and of others that predict: the
// paper's tables and figures as numbers.
type Evaluation struct {
	Family  string    `json:"family"`
	Zoo     string    `json:"zoo"` // checksum
	Runs    int       `json:"runs"`
	Steps   []int     `json:"steps"` // of the snapshots
	Loss    string    `json:"emulation_loss"`
	Reports []*Report `json:"reports"`
	// Relatives are, by part, the emulation losses of the RNN of the nearest task, at
	// the same step, in the place of an emulator; none of a mixed zoo.
	Relatives map[zoo.Part]Score `json:"relatives,omitempty"`

	metrics []Metric
}

// Report is the scores of one encoder, or of something else that predicts.
type Report struct {
	Name  string       `json:"name"`
	Seeds int          `json:"seeds"`          // bundles that the scores are means over
	Note  string       `json:"note,omitempty"` // what speaks against the scores
	Parts []PartScores `json:"parts"`
	// Stages counts the validation snapshots by true and predicted stage.
	Stages [][]int `json:"stages"`
	// Clones and Projection are those of the first seed.
	Clones     []Clone     `json:"clones,omitempty"`
	Projection *Projection `json:"projection,omitempty"`
}

// Metrics lists the scores that the reports have.
func (e *Evaluation) Metrics() []Metric { return e.metrics }

// Part returns a report's scores on a part.
func (r *Report) Part(p zoo.Part) *PartScores {
	i := slices.IndexFunc(r.Parts, func(s PartScores) bool { return s.Part == p })
	return &r.Parts[i]
}

// Evaluate scores bundles, the ridge regression on layer statistics and others'
// predictions on a zoo.
func Evaluate(ctx context.Context, c EvaluationConfig) (*Evaluation, error) {
	d, err := loadZoo(c.Zoo)
	if err != nil {
		return nil, err
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	measure, err := d.format().loss("")
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Family: d.header.Family, Zoo: d.checksum, Runs: d.runs, Steps: d.header.Steps, Loss: measure.String(), metrics: metricsOf(d.ranges())}
	if e.Relatives, err = d.relativeLosses(c.Workers); err != nil {
		return nil, err
	}
	groups, names := bundleGroups(c.Bundles)
	for i, bundles := range groups {
		r, err := d.report(ctx, c, e, names[i], bundles)
		if err != nil {
			return nil, err
		}
		e.Reports = append(e.Reports, r)
	}
	ridge, err := ridgeAnswers(d)
	if err != nil {
		return nil, err
	}
	e.Reports = append(e.Reports, d.score(e, "ridge on statistics", []partAnswers{ridge}, c.Seed))
	for _, name := range slices.Sorted(maps.Keys(c.Predictions)) {
		answers, err := d.readPredictions(c.Predictions[name])
		if err != nil {
			return nil, err
		}
		e.Reports = append(e.Reports, d.score(e, name, []partAnswers{answers}, c.Seed))
	}
	return e, nil
}

// bundleGroups puts bundles of one kind, with equal options, together.
func bundleGroups(bundles []*encoders.Bundle) (groups [][]*encoders.Bundle, names []string) {
	same := func(a, b *encoders.Bundle) bool {
		x, y := a.Manifest, b.Manifest
		return x.Encoder.Kind == y.Encoder.Kind && string(x.Encoder.Options) == string(y.Encoder.Options) && x.Emulator == y.Emulator
	}
	for _, b := range bundles {
		i := slices.IndexFunc(groups, func(g []*encoders.Bundle) bool { return same(g[0], b) })
		if i >= 0 {
			groups[i] = append(groups[i], b)
			continue
		}
		name := b.Manifest.Encoder.Kind
		for n := 2; slices.Contains(names, name); n++ {
			name = fmt.Sprintf("%s (%d)", b.Manifest.Encoder.Kind, n)
		}
		groups, names = append(groups, []*encoders.Bundle{b}), append(names, name)
	}
	return groups, names
}

// report evaluates the bundles of one encoder.
func (d *dataset) report(ctx context.Context, c EvaluationConfig, e *Evaluation, name string, bundles []*encoders.Bundle) (*Report, error) {
	var seeds []partAnswers
	for _, b := range bundles {
		if b.Manifest.Family != d.header.Family {
			return nil, fmt.Errorf("the bundle %s is not of the zoo's family, %s", b.Name(), d.header.Family)
		}
		answers, err := d.answers(ctx, b, c.Workers)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, answers)
	}
	r := d.score(e, name, seeds, c.Seed)
	if slices.ContainsFunc(bundles, func(b *encoders.Bundle) bool { return b.Manifest.Provenance["zoo"] != d.checksum }) {
		r.Note = "trained on another zoo: it may have seen tasks that are unseen ones here"
	}
	r.Projection = d.project(bundles[0])
	clones, err := d.clones(ctx, bundles[0], c)
	r.Clones = clones
	return r, err
}

// partAnswers are the answers about the snapshots of each part.
type partAnswers map[zoo.Part][]answer

// score scores the answers of some seeds.
func (d *dataset) score(e *Evaluation, name string, seeds []partAnswers, seed uint64) *Report {
	r := &Report{Name: name, Seeds: len(seeds), Stages: stageCounts(seeds[0][zoo.Validation], len(d.header.Steps))}
	for _, part := range parts {
		var answers [][]answer
		for _, s := range seeds {
			answers = append(answers, s[part])
		}
		s := scorePart(part, answers, e.metrics)
		if part != zoo.Train {
			s.bootstrap(answers, e.metrics, seed)
		}
		r.Parts = append(r.Parts, s)
	}
	return r
}

func stageCounts(as []answer, stages int) [][]int {
	counts := make([][]int, stages)
	for i := range counts {
		counts[i] = make([]int, stages)
	}
	for _, a := range as {
		counts[a.truth.Stage][a.stage]++
	}
	return counts
}

// answers are a bundle's.
func (d *dataset) answers(ctx context.Context, b *encoders.Bundle, workers int) (partAnswers, error) {
	all := partAnswers{}
	for _, part := range parts {
		examples := d.parts[part]
		results, err := b.Embed(ctx, models(examples))
		if err != nil {
			return nil, err
		}
		losses, err := emulationLosses(b, d, examples, workers)
		if err != nil {
			return nil, err
		}
		all[part] = d.unanswered(part)
		for i, r := range results {
			a, p := &all[part][i], r.Predictions
			a.accuracy, a.gap, a.task, a.emulation = p.Accuracy.Value, p.GeneralizationGap.Value, p.Task.Parameters, losses[i]
			a.stage = slices.Index(d.header.Steps, int(p.TrainingStage.Value))
			a.intervals, a.inPopulation = &p, r.Trust.InPopulation
		}
	}
	return all, nil
}

// unanswered are a part's snapshots, without answers.
func (d *dataset) unanswered(part zoo.Part) []answer {
	examples := d.parts[part]
	as := make([]answer, len(examples))
	for i := range as {
		as[i] = answer{example: &examples[i], emulation: math.NaN(), last: i == len(as)-1 || examples[i+1].run != examples[i].run}
	}
	return as
}

// manifestMetrics are the scores that a manifest keeps, if they are there.
var manifestMetrics = []string{"emulation_loss", "accuracy_r2", "accuracy_median_error", "generalization_gap_r2", "generalization_gap_rank_correlation", "stage_rank_correlation", "stage_accuracy", "stage_within_one", "task_accuracy",
	"accuracy_interval_coverage", "generalization_gap_interval_coverage", "stage_interval_coverage"}

// manifestScores scores a bundle on the tasks that training did not see.
func manifestScores(ctx context.Context, b *encoders.Bundle, d *dataset, workers int) (map[string]float64, error) {
	answers, err := d.answers(ctx, b, workers)
	if err != nil {
		return nil, err
	}
	names, m := slices.Clone(manifestMetrics), map[string]float64{}
	for _, r := range d.ranges() {
		names = append(names, r.Name+"_median_error", r.Name+"_last_median_error")
	}
	for _, part := range []zoo.Part{zoo.Validation, zoo.OOD} {
		s := scorePart(part, [][]answer{answers[part]}, metricsOf(d.ranges()))
		for _, name := range names {
			if v, ok := s.Scores[name]; ok && v.Defined() {
				m[string(part)+"_"+name] = math.Round(float64(v)*1e4) / 1e4
			}
		}
	}
	return m, nil
}
