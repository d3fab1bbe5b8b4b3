package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"rnnrep/server"
)

// newAnswers writes answers in a format for n inputs.
func newAnswers(w io.Writer, format string, n int) *rows[server.Answer] {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	return newRows(w, format, n == 1, func(a server.Answer) error { writeAnswer(t, a); return t.Flush() }, t.Flush)
}

// writeAnswer writes an answer for people.
func writeAnswer(t io.Writer, a server.Answer) {
	row := func(what, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(t, "%s\n", a.File)
	if a.Error != nil {
		row("refused", "%s: %s", a.Error.Code, a.Error.Detail)
		return
	}
	row("rnn", "%s, %d inputs, hidden %v, %d outputs, %d parameters (%s)", a.RNN.Cell, a.RNN.Inputs, a.RNN.Hidden, a.RNN.Outputs, a.RNN.Parameters, a.RNN.Found)
	row("verified", "%s, max abs error %.2g %s", a.Verified.Method, a.Verified.MaxAbsError, a.Verified.Note)
	if a.Report != nil {
		row("file", "%d nodes, opset %d, IR %d, %s", a.Report.Nodes, a.Report.Opset, a.Report.IRVersion, a.Report.Producer)
		for _, n := range a.Report.Notes {
			row("note", "%s", n)
		}
	}
	if a.Bundle != "" {
		row("bundle", "%s", a.Bundle)
		row("embedding", "%.3f", a.Embedding)
	}
	if p := a.Predictions; p != nil {
		row("accuracy", "%.3f  [%.3f, %.3f]", p.Accuracy.Value, p.Accuracy.Interval[0], p.Accuracy.Interval[1])
		row("generalization gap", "%.3f  [%.3f, %.3f] %s", p.GeneralizationGap.Value, p.GeneralizationGap.Interval[0], p.GeneralizationGap.Interval[1], p.GeneralizationGap.Unit)
		row("training stage", "%.0f  [%.0f, %.0f] steps", p.TrainingStage.Value, p.TrainingStage.Interval[0], p.TrainingStage.Interval[1])
		if p.Task.Intervals == nil {
			row("task", "%s  (probability %.2f)", p.Task.Value, p.Task.Probability)
		} else {
			row("task", "%s  %.4g", p.Task.Value, p.Task.Intervals)
		}
	}
	if a.Trust != nil {
		row("trust", "in population: %v, distance quantile %.2f %s", a.Trust.InPopulation, a.Trust.DistanceQuantile, a.Trust.Note)
	}
	for _, n := range a.Neighbours {
		row("neighbour", "%s at %.3f, accuracy %.3f, %s", n.ID, n.Distance, n.Accuracy, n.Task)
	}
}
