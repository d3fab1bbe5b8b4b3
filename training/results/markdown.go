package results

import (
	"fmt"
	"io"
	"math"
	"path"
	"strings"

	"rnnrep/rnn/zoo"
	"rnnrep/training"
)

const preface = `# Results

Written by ` + "`rnnrepd eval --out`" + `. Zoos are split by task: what is said of an RNN of the validation or the held-out part is said of
a task that no RNN of the training part has learned. The held-out part is the extreme of the family (the flattest languages; the angles on
both sides of no rotation): there, predictions are extrapolations. The encoder was chosen, and intervals were calibrated, on the validation part.

Brackets hold the middle 95 % of the scores of resampled tasks, each with all its snapshots, and of resampled seeds where there are several.
R² is of all snapshots of a part, the untrained ones included, of which nobody can tell the task.
`

// unseen are the parts that training did not see, with their titles.
var unseen = []struct {
	part  zoo.Part
	title string
}{{zoo.Validation, "validation"}, {zoo.OOD, "held out"}}

// WriteMarkdown writes the tables of all zoos, without figures.
func WriteMarkdown(w io.Writer, evaluations []*training.Evaluation) error {
	return writePage(w, evaluations, make([][]figure, len(evaluations)))
}

func writePage(w io.Writer, evaluations []*training.Evaluation, figures [][]figure) error {
	var b strings.Builder
	b.WriteString(preface)
	for i, e := range evaluations {
		writeSection(&b, e, figures[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSection writes the tables and figures of one zoo.
func writeSection(w io.Writer, e *training.Evaluation, figures []figure) {
	part := e.Reports[0].Parts
	fmt.Fprintf(w, "\n## %s\n\n%d runs, snapshots after %v steps; %d, %d and %d tasks for training, validation and held out. Checksum `%s`.\n",
		strings.ReplaceAll(e.Family, "_", " "), e.Runs, e.Steps, part[0].Tasks, part[1].Tasks, part[2].Tasks, e.Zoo)
	fmt.Fprintf(w, "\n### Emulation\n\nThe emulator's loss on stored sequences, given the embedding alone: mean %s over all positions. Training tasks for comparison.\n\n", e.Loss)
	writeTable(w, append([]string{"encoder", "seeds", "training"}, titles()...), emulationRows(e))
	if e.Relatives != nil {
		fmt.Fprint(w, "\nThe last row is an RNN in the place of the emulator: that of the zoo whose task is nearest, at the same step. It is what knowledge of an\n"+
			"RNN's task and step gives, without the weights that training happened to find.\n")
	}
	for _, r := range e.Reports {
		if r.Note != "" {
			fmt.Fprintf(w, "\nThe encoder of %s was %s.\n", label(r.Name), r.Note)
		}
	}
	for _, u := range unseen {
		fmt.Fprintf(w, "\n### Predictions, %s tasks\n\n", u.title)
		var labels []string
		metrics := downstream(e)
		for _, m := range metrics {
			labels = append(labels, m.Label)
		}
		writeTable(w, append([]string{"predicted from"}, labels...), scoreRows(e, u.part, metrics, false))
	}
	fmt.Fprint(w, "\n### Intervals\n\nShare of the 90 % intervals that cover the truth, and of snapshots that count as of the population.\n")
	var header []string
	for _, m := range coverage(e) {
		header = append(header, m.Label)
	}
	for _, u := range unseen {
		fmt.Fprintf(w, "\n%s tasks:\n\n", u.title)
		writeTable(w, append([]string{"encoder"}, header...), scoreRows(e, u.part, coverage(e), true))
	}
	writeClones(w, e)
	if figures != nil {
		fmt.Fprint(w, "\n### Figures\n")
	}
	for _, f := range figures {
		fmt.Fprintf(w, "\n![%s](%s)\n\n%s\n", f.title, path.Join("results", f.file), f.caption)
	}
}

func titles() (titles []string) {
	for _, u := range unseen {
		titles = append(titles, u.title)
	}
	return titles
}

// writeTable writes a Markdown table.
func writeTable(w io.Writer, header []string, rows [][]string) {
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, r := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(r, " | "))
	}
}

const emulationLoss = "emulation_loss"

// emulates reports whether there is an emulator behind the report.
func emulates(r *training.Report) bool {
	return r.Part(zoo.Validation).Scores[emulationLoss].Defined()
}

func emulationRows(e *training.Evaluation) (rows [][]string) {
	for _, r := range e.Reports {
		if !emulates(r) {
			continue
		}
		row := []string{label(r.Name), fmt.Sprint(r.Seeds), number(r.Part(zoo.Train).Scores[emulationLoss])}
		for _, u := range unseen {
			row = append(row, cell(r.Part(u.part), emulationLoss))
		}
		rows = append(rows, row)
	}
	if e.Relatives != nil {
		row := []string{"the RNN of the nearest task", "-", number(e.Relatives[zoo.Train])}
		for _, u := range unseen {
			row = append(row, number(e.Relatives[u.part]))
		}
		rows = append(rows, row)
	}
	return rows
}

func scoreRows(e *training.Evaluation, part zoo.Part, metrics []training.Metric, encodersOnly bool) (rows [][]string) {
	for _, r := range e.Reports {
		if encodersOnly && !emulates(r) {
			continue
		}
		row := []string{label(r.Name)}
		for _, m := range metrics {
			row = append(row, cell(r.Part(part), m.Name))
		}
		rows = append(rows, row)
	}
	return rows
}

// downstream are the metrics of predictions, without emulation and intervals.
func downstream(e *training.Evaluation) (ms []training.Metric) {
	for _, m := range e.Metrics() {
		if m.Name != emulationLoss && !isCoverage(m) {
			ms = append(ms, m)
		}
	}
	return ms
}

func coverage(e *training.Evaluation) (ms []training.Metric) {
	for _, m := range e.Metrics() {
		if isCoverage(m) {
			ms = append(ms, m)
		}
	}
	return ms
}

func isCoverage(m training.Metric) bool {
	return strings.HasSuffix(m.Name, "_interval_coverage") || m.Name == "in_population"
}

// cell is a score with its interval.
func cell(p *training.PartScores, name string) string {
	text := number(p.Scores[name])
	if in, ok := p.Intervals[name]; ok {
		text += fmt.Sprintf(" [%s, %s]", number(in[0]), number(in[1]))
	}
	return text
}

// label is the name of a report for people.
func label(name string) string { return strings.ReplaceAll(name, "_", " ") }

// thirds are the ranges of accuracy that clones are compared over.
var thirds = [][2]float64{{0, 1. / 3}, {1. / 3, 2. / 3}, {2. / 3, 1}}

// writeClones writes how far clones' accuracies are off.
func writeClones(w io.Writer, e *training.Evaluation) {
	var rows [][]string
	for _, r := range e.Reports {
		if len(r.Clones) == 0 {
			continue
		}
		row := []string{label(r.Name)}
		for _, third := range append(thirds, [2]float64{0, 1}) {
			row = append(row, cloneError(r.Clones, third))
		}
		rows = append(rows, row)
	}
	if rows == nil {
		return
	}
	fmt.Fprint(w, "\n### Clones\n\nMean absolute difference between the accuracy of an RNN and that of the emulator given its embedding, by the RNN's accuracy.\n\n")
	writeTable(w, []string{"encoder", "below 1/3", "1/3 to 2/3", "above 2/3", "all"}, rows)
}

func cloneError(clones []training.Clone, within [2]float64) string {
	var sum float64
	n := 0
	for _, c := range clones {
		if within[0] <= c.Accuracy && c.Accuracy <= within[1] {
			sum += math.Abs(c.Accuracy - c.Clone)
			n++
		}
	}
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f (%d)", sum/float64(n), n)
}
