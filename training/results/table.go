package results

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"rnnrep/training"
)

// WriteTable writes all scores of all parts for a terminal.
func WriteTable(w io.Writer, evaluations []*training.Evaluation) error {
	for _, e := range evaluations {
		fmt.Fprintf(w, "%s: %d runs\n", e.Family, e.Runs)
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		header := []string{"predicted by", "part", "tasks", "snapshots"}
		for _, m := range e.Metrics() {
			header = append(header, strings.ReplaceAll(m.Name, "_", " "))
		}
		fmt.Fprintln(t, strings.Join(header, "\t"))
		for _, r := range e.Reports {
			for _, p := range r.Parts {
				row := []string{r.Name, string(p.Part), fmt.Sprint(p.Tasks), fmt.Sprint(p.Snapshots)}
				for _, m := range e.Metrics() {
					row = append(row, number(p.Scores[m.Name]))
				}
				fmt.Fprintln(t, strings.Join(row, "\t"))
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for _, r := range e.Reports {
			if r.Note != "" {
				fmt.Fprintf(w, "%s: %s\n", r.Name, r.Note)
			}
		}
	}
	return nil
}

// number has three digits behind the point, fewer where there are many before it.
func number(s training.Score) string {
	switch {
	case !s.Defined():
		return "-"
	case s >= 100 || s <= -100:
		return fmt.Sprintf("%.0f", s)
	case s >= 10 || s <= -10:
		return fmt.Sprintf("%.1f", s)
	}
	return fmt.Sprintf("%.3f", s)
}
