package theory

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Optima are the fewest queries, interactively and not.
type Optima struct {
	Interactive    Counts `json:"interactive"`
	Noninteractive Counts `json:"noninteractive"`
}

// Row is what is known of one class.
type Row struct {
	Class     string `json:"class"`
	Functions int    `json:"functions"`
	Optima
	// How the numbers were found: "search" of all interrogators, "formula", or by
	// identifying RNNs of these cells.
	How string `json:"how"`
}

// LearnedRow is how well probers learn to tell the RNNs of a class apart.
type LearnedRow struct {
	Class     string  `json:"class"`
	Functions int     `json:"functions"`
	Prober    string  `json:"prober"`
	Queries   int     `json:"queries"`
	Accuracy  float64 `json:"accuracy"` // of the best of some seeds
	Bound     float64 `json:"bound"`    // of any interrogator of so many queries
}

// Report is all that is known.
type Report struct {
	Rows    []Row        `json:"rows"`
	Learned []LearnedRow `json:"learned,omitempty"`
}

// families are the classes with their formulas.
var families = []struct {
	class       func(n int) Class
	interactive func(n int) Counts
	point       bool
}{{Thresholds, ThresholdsInteractive, false}, {Points, PointsInteractive, true}}

// Prove searches the optima of classes of 2 to n functions, doubling, compares them
// with the formulas, and lets interrogators of that few queries identify RNNs. It
// fails where anything disagrees.
func Prove(n int) (*Report, error) {
	r := &Report{}
	for _, f := range families {
		for size := 2; size <= n; size *= 2 {
			c := f.class(size)
			if err := c.Validate(); err != nil {
				return nil, err
			}
			_, fixed := NoninteractiveOptimum(c)
			found := Optima{InteractiveOptimum(c), fixed}
			if said := (Optima{f.interactive(size), AllButOne(size)}); found != said {
				return nil, fmt.Errorf("%d %s: the search finds %+v, the formula says %+v", size, c.Name, found, said)
			}
			r.Rows = append(r.Rows, Row{c.Name, size, found, "search"})
			for _, cell := range Cells() {
				asked, err := identifyNetworks(c, cell, f.point)
				if err != nil {
					return nil, fmt.Errorf("%s of %d %s: %w", cell, size, c.Name, err)
				}
				r.Rows = append(r.Rows, Row{c.Name, size, asked, cell})
			}
		}
		for _, size := range []int{1 << 10, 1 << 20} {
			r.Rows = append(r.Rows, Row{f.class(1).Name, size, Optima{f.interactive(size), AllButOne(size)}, "formula"})
		}
	}
	return r, nil
}

// identifyNetworks asks RNNs of every function of a class.
func identifyNetworks(c Class, cell string, point bool) (Optima, error) {
	var networks []Oracle
	for k := range c.Size() {
		m, err := Network(cell, c.Size(), k, point, Weights{Steepness: Steepness})
		if err != nil {
			return Optima{}, err
		}
		networks = append(networks, Ask(m))
	}
	of := func(k int) Oracle { return networks[k] }
	interactive, err := NewInteractive(c)
	if err != nil {
		return Optima{}, err
	}
	noninteractive, err := NewNoninteractive(c)
	if err != nil {
		return Optima{}, err
	}
	var o Optima
	if o.Interactive, err = Measure(interactive, c.Size(), of); err != nil {
		return o, err
	}
	o.Noninteractive, err = Measure(noninteractive, c.Size(), of)
	return o, err
}

// learnSeeds are tried; the best counts.
const learnSeeds = 3

// Teach adds what probers of 1 to n-1 queries learn of RNNs of n functions.
func (r *Report) Teach(n int, seed uint64, progress func(LearnedRow)) error {
	for _, f := range families {
		for queries := 1; queries < n; queries++ {
			for _, kind := range []string{"interactive_probing", "noninteractive_probing"} {
				row := LearnedRow{Class: f.class(1).Name, Functions: n, Prober: kind, Queries: queries,
					Bound: Bound(n, queries, kind == "interactive_probing" && !f.point)}
				for s := range uint64(learnSeeds) {
					a, err := Learn(LearnConfig{Kind: kind, Cell: "rnn_tanh", Size: n, Point: f.point, Queries: queries, Seed: seed + s})
					if err != nil {
						return err
					}
					row.Accuracy = max(row.Accuracy, a)
				}
				r.Learned = append(r.Learned, row)
				progress(row)
			}
		}
	}
	return nil
}

// Bound is the greatest share of n functions, equally likely, that so many yes-or-no
// queries can name: binary search doubles the groups of functions that are told
// apart with each query, otherwise each query of Thresholds or Points makes one
// more.
func Bound(n, queries int, binarySearch bool) float64 {
	groups := queries + 1
	if binarySearch {
		groups = 1 << min(queries, 30)
	}
	return float64(min(groups, n)) / float64(n)
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "class\tfunctions\tinteractive, worst\taverage\tnon-interactive\tby")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.4g\t%d\t%s\n", x.Class, x.Functions, x.Interactive.Worst, x.Interactive.Average, x.Noninteractive.Worst, x.How)
	}
	if len(r.Learned) > 0 {
		fmt.Fprintln(t, "\nclass\tfunctions\tlearned prober\tqueries\tnamed right\tat most possible")
	}
	for _, x := range r.Learned {
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%.3f\t%.3f\n", x.Class, x.Functions, x.Prober, x.Queries, x.Accuracy, x.Bound)
	}
	return t.Flush()
}
