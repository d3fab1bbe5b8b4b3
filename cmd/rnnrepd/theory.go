package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rnnrep/theory"
)

func newTheory(a *app) *cobra.Command {
	var functions, learn int
	var seed uint64
	var format string
	c := &cobra.Command{
		Use:   "theory",
		Short: "Query counts, interactive against non-interactive, searched and asked of RNNs",
		Long: "How many queries tell the functions of a set apart, chosen by the answers before or asked at\n" +
			"once (paper, section 3): found by searching all interrogators, compared with formulas, and\n" +
			"counted while interrogators identify RNNs whose weights compute the functions.",
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if functions < 2 || functions > theory.MaxFunctions || learn != 0 && (learn < 2 || learn > theory.MaxFunctions) {
				return usageError{fmt.Errorf("sets of 2 to %d functions are searched and learned", theory.MaxFunctions)}
			}
			r, err := theory.Prove(functions)
			if err != nil {
				return err
			}
			progress := func(row theory.LearnedRow) {
				if w := a.progress(); w != nil {
					fmt.Fprintf(w, "%d %s, %s of %d queries: %.3f\n", row.Functions, row.Class, row.Prober, row.Queries, row.Accuracy)
				}
			}
			if learn > 0 {
				if err := r.Teach(learn, seed, progress); err != nil {
					return err
				}
			}
			format = a.outputFormat(format)
			if format == "table" {
				return r.WriteTable(a.out)
			}
			w := newRows[*theory.Report](a.out, format, true, nil, nil)
			if err := w.write(r); err != nil {
				return err
			}
			return w.close()
		},
	}
	c.Flags().IntVar(&functions, "functions", 8, fmt.Sprintf("greatest set that is searched, at most %d", theory.MaxFunctions))
	c.Flags().IntVar(&learn, "learn", 0, "also train probers to name this many functions (minutes)")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the probers' training")
	outputFlag(c, &format, "json", "jsonl", "table")
	return c
}
