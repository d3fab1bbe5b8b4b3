package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"rnnrep/rnn/zoo"
)

// zooInfo is what `zoo info` prints.
type zooInfo struct {
	zoo.Header
	Runs     int    `json:"runs"`
	Tasks    int    `json:"tasks"`
	Checksum string `json:"checksum"`
	// Means holds the mean of every metric at every step over the runs; null
	// where it was not measured.
	Means map[string][]*float64 `json:"means"`
}

// describeZoo reads every run, so that damage anywhere is an error.
func describeZoo(dir string) (*zooInfo, error) {
	z, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	info := &zooInfo{Header: z.Header, Runs: len(z.Runs), Means: map[string][]*float64{}}
	sums := make([][]float64, len(z.Header.Metrics))
	for m := range sums {
		sums[m] = make([]float64, len(z.Header.Steps))
	}
	distinct := map[zoo.TaskKey]bool{}
	for _, i := range z.Runs {
		r, err := z.Load(i)
		if err != nil {
			return nil, err
		}
		distinct[zoo.Key(r.Task)] = true
		for s, snapshot := range r.Snapshots {
			for m, v := range snapshot.Metrics {
				sums[m][s] += v
			}
		}
	}
	for m, name := range z.Header.Metrics {
		for _, sum := range sums[m] {
			mean := sum / float64(len(z.Runs))
			if math.IsNaN(mean) || math.IsInf(mean, 0) {
				info.Means[name] = append(info.Means[name], nil)
				continue
			}
			info.Means[name] = append(info.Means[name], &mean)
		}
	}
	info.Tasks = len(distinct)
	info.Checksum, err = z.Checksum()
	return info, err
}

// writeZooInfo writes it as a JSON object or for people.
func writeZooInfo(w io.Writer, format string, info *zooInfo) error {
	if format != "table" {
		return newRows[*zooInfo](w, format, true, nil, nil).write(info)
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "family\t%s\nseed\t%d\nspec\t%s, %d weights\nruns\t%d, of %d tasks\nsnapshots\t%d a run, each with %d sequences of %d steps\nchecksum\t%s\n",
		info.Family, info.Seed, info.Spec, info.Spec.Parameters(), info.Runs, info.Tasks, len(info.Steps), info.RolloutCount, info.RolloutLength, info.Checksum)
	for _, k := range slices.Sorted(maps.Keys(info.Recipe)) {
		fmt.Fprintf(t, "%s\t%s\n", k, info.Recipe[k])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(t, "\nmean at step")
	for _, m := range info.Metrics {
		fmt.Fprintf(t, "\t%s", m)
	}
	for i, s := range info.Steps {
		fmt.Fprintf(t, "\n%d", s)
		for _, m := range info.Metrics {
			if mean := info.Means[m][i]; mean != nil {
				fmt.Fprintf(t, "\t%.4f", *mean)
			} else {
				fmt.Fprint(t, "\t-")
			}
		}
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// writeMixedZooInfo writes it for every zoo of a mixed one.
func writeMixedZooInfo(w io.Writer, format string, folders []string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "family\tspec\truns\ttasks\tchecksum")
	rows, total := newRows[*zooInfo](w, format, false, nil, nil), 0
	for _, folder := range folders {
		info, err := describeZoo(folder)
		if err != nil {
			return err
		}
		total += info.Runs
		if format == "table" {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\n", info.Family, info.Spec, info.Runs, info.Tasks, info.Checksum)
		} else if err := rows.write(info); err != nil {
			return err
		}
	}
	if format != "table" {
		return rows.close()
	}
	fmt.Fprintf(t, "%d zoos\t\t%d\n", len(folders), total)
	return t.Flush()
}
