package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"rnnrep/internal/rng"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// ImportConfig says which zoo in the published .npy layout to import.
type ImportConfig struct {
	Published string // its folder
	Dir       string // of the new zoo
	Workers   int    // 0: one a core
	Progress  io.Writer
}

// ImportZoo makes a zoo of one in the published layout. Metrics of the family
// that the layout lacks are measured on the weights; the header's recipe names
// them. Interrupted, it continues where it was.
func ImportZoo(ctx context.Context, c ImportConfig) (err error) {
	source, err := zoo.OpenPublished(c.Published)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	m, err := newCompleter(source)
	if err != nil {
		return err
	}
	store, err := zoo.Create(c.Dir, m.header)
	if err != nil {
		return err
	}
	done := 0
	var todo []int
	for i := range source.Runs {
		if store.Done(i) {
			done++
		}
		todo = append(todo, i)
	}
	progress := newProgress(c.Progress, "runs", source.Runs, done, 1)
	defer progress.finish()
	var reading sync.Mutex
	return forEach(ctx, c.Workers, todo, func(context.Context, int) error {
		reading.Lock()
		run, err := source.Next()
		reading.Unlock()
		if err != nil || store.Done(run.Index) {
			return err
		}
		if err := m.complete(run); err != nil {
			return fmt.Errorf("%s: run %d: %w", c.Published, run.Index, err)
		}
		progress.tick(1)
		return store.Commit(run)
	})
}

// completer completes runs of the published layout.
type completer struct {
	family     tasks.Family
	header     zoo.Header
	read       []string // metrics that the layout has
	measured   []string // metrics that are measured
	logitSteps int
}

func newCompleter(source *zoo.PublishedReader) (*completer, error) {
	family, err := tasks.Lookup(source.Header.Family)
	if err != nil {
		return nil, err
	}
	m := &completer{family: family, header: source.Header, read: source.Header.Metrics, logitSteps: source.LogitSteps}
	recipe := family.Recipe()
	for _, name := range recipe.Metrics {
		if !slices.Contains(m.read, name) && !m.derived(name) {
			m.measured = append(m.measured, name)
		}
	}
	m.header.Metrics = slices.Clone(recipe.Metrics)
	for _, name := range m.read {
		if !slices.Contains(recipe.Metrics, name) {
			m.header.Metrics = append(m.header.Metrics, name)
		}
	}
	if len(m.measured) > 0 {
		m.header.Recipe["measured"] = strings.Join(m.measured, ", ") + " (on import)"
	}
	return m, nil
}

// derived tells whether a metric follows from those that the layout has.
func (m *completer) derived(name string) bool {
	return name == "generalization_gap" && slices.Contains(m.read, "train_loss") && slices.Contains(m.read, "validation_loss")
}

// complete measures what is missing, for every snapshot.
func (m *completer) complete(run *zoo.Run) error {
	task, err := m.family.Parse(run.Task)
	if err != nil {
		return err
	}
	random := rng.Stream(m.header.Seed, "zoo import", uint64(run.Index))
	for i := range run.Snapshots {
		s := &run.Snapshots[i]
		model := &rnn.Model{Spec: m.header.Spec, Weights: s.Weights}
		if err := model.Validate(); err != nil {
			return fmt.Errorf("step %d: %w", s.Step, err)
		}
		r := newRunner(rnn.NewTrainee(model))
		metrics := tasks.Metrics{}
		if len(m.measured) > 0 {
			metrics = task.Score(random, r)
		}
		for j, name := range m.read {
			metrics[name] = s.Metrics[j]
		}
		if m.derived("generalization_gap") {
			metrics["generalization_gap"] = metrics["validation_loss"] - metrics["train_loss"]
		}
		s.Metrics = nil
		for _, name := range m.header.Metrics {
			s.Metrics = append(s.Metrics, metrics[name])
		}
		if m.logitSteps < m.header.RolloutLength {
			s.Logits = m.lastLogits(r, s)
		}
	}
	return nil
}

// lastLogits adds the log-probabilities after the last token.
func (m *completer) lastLogits(r *runner, s *zoo.Snapshot) []float32 {
	h := m.header
	tokens, out := make([]int32, h.RolloutCount), make([]float32, h.RolloutCount*h.Outputs)
	r.Reset(h.RolloutCount)
	for step := range h.RolloutLength {
		for i := range tokens {
			tokens[i] = s.Tokens[i*h.RolloutLength+step]
		}
		r.Step(tokens, out)
	}
	var logits []float32
	for i := range h.RolloutCount {
		row, n := out[i*h.Outputs:(i+1)*h.Outputs], m.logitSteps*h.Outputs
		tasks.LogSoftmax(row)
		logits = append(append(logits, s.Logits[i*n:(i+1)*n]...), row...)
	}
	return logits
}
