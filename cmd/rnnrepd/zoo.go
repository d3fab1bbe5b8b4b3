package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"rnnrep/rnn/zoo"
	"rnnrep/training"
)

func newZoo(a *app) *cobra.Command {
	c := &cobra.Command{Use: "zoo", Short: "Train and look at zoos of RNNs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { _ = c.Help(); return exit(exitUsage) }}
	c.AddCommand(newZooTrain(a), newZooInfo(a))
	return c
}

func newZooTrain(a *app) *cobra.Command {
	config := training.ZooConfig{}
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a zoo; run it again to resume or to add runs",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config.Progress = a.progress()
			return training.TrainZoo(c.Context(), config)
		},
	}
	c.Flags().StringVar(&config.Family, "family", "formal_languages", "task family")
	c.Flags().IntVar(&config.Runs, "runs", 100, "number of runs, those present included")
	c.Flags().Uint64Var(&config.Seed, "seed", 1, "seed; run i depends on it and on i alone")
	c.Flags().StringVar(&config.Dir, "out", "", "folder of the zoo")
	c.Flags().IntVar(&config.Workers, "workers", 0, "runs at a time (0: one a core)")
	c.Flags().IntVar(&config.Steps, "steps", 0, "optimiser steps a run (0: the family's recipe)")
	_ = c.MarkFlagRequired("out")
	return c
}

// zooInfo is what `zoo info` prints.
type zooInfo struct {
	zoo.Header
	Runs     int    `json:"runs"`
	Tasks    int    `json:"tasks"`
	Checksum string `json:"checksum"`
	// Means holds the mean of every metric at every step, over the runs.
	Means map[string][]float64 `json:"means"`
}

func newZooInfo(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "info DIR",
		Short: "Describe a zoo and check every run of it",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := describeZoo(args[0])
			if err != nil {
				return err
			}
			if a.format == "json" || a.format == "jsonl" {
				return json.NewEncoder(a.out).Encode(info)
			}
			fmt.Fprintf(a.out, "family    %s, seed %d\nspec      %s, %d weights\nruns      %d, of %d tasks\nchecksum  %s\n\n%10s", info.Family, info.Seed, info.Spec, info.Spec.Parameters(), info.Runs, info.Tasks, info.Checksum, "step")
			for _, m := range info.Metrics {
				fmt.Fprintf(a.out, " %20s", m)
			}
			for i, s := range info.Steps {
				fmt.Fprintf(a.out, "\n%10d", s)
				for _, m := range info.Metrics {
					fmt.Fprintf(a.out, " %20.4f", info.Means[m][i])
				}
			}
			fmt.Fprintln(a.out)
			return nil
		},
	}
	c.Flags().StringVarP(&a.format, "output", "o", "table", "json or table")
	return c
}

func describeZoo(dir string) (*zooInfo, error) {
	z, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	info := &zooInfo{Header: z.Header, Runs: len(z.Runs), Means: map[string][]float64{}}
	for _, m := range z.Header.Metrics {
		info.Means[m] = make([]float64, len(z.Header.Steps))
	}
	distinct := map[zoo.TaskKey]bool{}
	for _, i := range z.Runs {
		r, err := z.Load(i)
		if err != nil {
			return nil, err
		}
		distinct[zoo.Key(r.Task)] = true
		for s, snapshot := range r.Snapshots {
			for m, name := range z.Header.Metrics {
				info.Means[name][s] += snapshot.Metrics[m] / float64(len(z.Runs))
			}
		}
	}
	info.Tasks = len(distinct)
	info.Checksum, err = z.Checksum()
	return info, err
}
