package training

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
)

// keyColumns come first in files of features and of predictions.
var keyColumns = []string{"part", "run", "step"}

// WriteFeatures writes the layer statistics of a zoo's snapshots as CSV, for other
// learners: part, run, step, the targets, the statistics. Targets named like
// "task_1=-3" are 1 for the snapshots of that value, otherwise 0.
func WriteFeatures(w io.Writer, zooDir string) error {
	d, err := loadZoo(zooDir)
	if err != nil {
		return err
	}
	c, names := newTargetColumns(d), encoders.StatisticsNames()
	out := csv.NewWriter(w)
	_ = out.Write(slices.Concat(keyColumns, c.names, names)) // Error says
	for _, part := range parts {
		examples := d.parts[part]
		statistics := encoders.Statistics(models(examples))
		for i := range examples {
			e := &examples[i]
			row := []string{string(part), strconv.Itoa(e.run), strconv.Itoa(e.step)}
			for _, v := range c.row(e) {
				row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
			}
			for _, v := range statistics[i*len(names) : (i+1)*len(names)] {
				row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
			}
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

// readPredictions reads what another learner predicts: the columns part, run, step
// and targets of WriteFeatures, a row for each snapshot, in any order. Of targets
// of one name before "=", the greatest counts.
func (d *dataset) readPredictions(file string) (partAnswers, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := partAnswers{}
	at := map[[2]int]*answer{} // by run and step
	for _, part := range parts {
		all[part] = d.unanswered(part)
		for i := range all[part] {
			a := &all[part][i]
			at[[2]int{a.run, a.step}] = a
		}
	}
	if err := readPredictionRows(f, newTargetColumns(d), at); err != nil {
		return nil, errs.New(errs.Damaged, "%s: %w", file, err).Do("predict from a file that `rnnrepd eval --features` wrote for this zoo")
	}
	if len(at) > 0 {
		return nil, errs.New(errs.Damaged, "%s lacks predictions for %d snapshots", file, len(at)).Accepts("one for each snapshot of the zoo")
	}
	return all, nil
}

// readPredictionRows takes the snapshots that it answers for out of at.
func readPredictionRows(r io.Reader, c *targetColumns, at map[[2]int]*answer) error {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return err
	}
	if want := slices.Concat(keyColumns, c.names); !slices.Equal(header, want) {
		return fmt.Errorf("columns are %q, not %q", header, want)
	}
	for {
		record, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		run, err1 := strconv.Atoi(record[1])
		step, err2 := strconv.Atoi(record[2])
		a := at[[2]int{run, step}]
		if err1 != nil || err2 != nil || a == nil {
			return fmt.Errorf("run %s, step %s is none of the zoo's, or comes twice", record[1], record[2])
		}
		delete(at, [2]int{run, step})
		var row []float64
		for i, text := range record[len(keyColumns):] {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v-v != 0 {
				return fmt.Errorf("run %d, step %d: %s is %q", run, step, c.names[i], text)
			}
			row = append(row, v)
		}
		c.answer(a, row)
	}
}
