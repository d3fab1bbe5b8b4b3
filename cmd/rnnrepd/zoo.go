package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
	"rnnrep/training"
)

func newZoo(a *app) *cobra.Command {
	c := &cobra.Command{Use: "zoo", Short: "Train, describe, import and export zoos of RNNs", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { _ = c.Help(); return exit(exitUsage) }}
	c.AddCommand(newZooTrain(a), newZooInfo(a), newZooImport(a), newZooExport(a))
	return c
}

func newZooTrain(a *app) *cobra.Command {
	config := training.ZooConfig{Family: "formal_languages", Cell: "lstm"}
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a zoo; run it again to resume or to add runs",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config.Progress = a.progress()
			if config.Family != training.MixedFamily {
				return training.TrainZoo(c.Context(), config)
			}
			for _, name := range []string{"cell", "hidden", "layers"} {
				if c.Flags().Changed(name) {
					return usageError{fmt.Errorf("--%s: every run of a %s zoo draws its own", name, training.MixedFamily)}
				}
			}
			return training.TrainMixedZoo(c.Context(), config)
		},
	}
	families := append(tasks.Names(), training.MixedFamily)
	c.Flags().Var(choice{&config.Family, families}, "family", "`family` of tasks that the RNNs learn: "+strings.Join(families, ", ")+" (all of these, by RNNs of many shapes)")
	c.Flags().Var(choice{&config.Cell, rnn.CellNames()}, "cell", "`cell` of the RNNs: "+strings.Join(rnn.CellNames(), ", "))
	c.Flags().IntVar(&config.Hidden, "hidden", 32, "units a layer")
	c.Flags().IntVar(&config.Layers, "layers", 2, "layers")
	c.Flags().IntVar(&config.Runs, "runs", 100, "number of runs, those present included")
	c.Flags().Uint64Var(&config.Seed, "seed", 1, "seed; run i depends on it and on i alone")
	c.Flags().StringVar(&config.Dir, "out", "", "folder of the zoo")
	c.Flags().IntVar(&config.Workers, "workers", 0, "runs at a time (0: one a core)")
	c.Flags().IntVar(&config.Steps, "steps", 0, "optimiser steps a run (0: the family's recipe)")
	for name, value := range map[string]*int{"hidden": &config.Hidden, "layers": &config.Layers, "runs": &config.Runs} {
		bound(c.Flags(), name, value, 1)
	}
	bound(c.Flags(), "workers", &config.Workers, 0)
	bound(c.Flags(), "steps", &config.Steps, 0)
	_ = c.MarkFlagRequired("out")
	return c
}

func newZooInfo(a *app) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "info DIR",
		Short: "Describe a zoo and check every run of it",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if folders := training.Zoos(args[0]); len(folders) > 0 {
				return writeMixedZooInfo(a.out, a.outputFormat(format), folders)
			}
			info, err := describeZoo(args[0])
			if err != nil {
				return err
			}
			return writeZooInfo(a.out, a.outputFormat(format), info)
		},
	}
	outputFlag(c, &format, "json", "jsonl", "table")
	return c
}

func newZooImport(a *app) *cobra.Command {
	config := training.ImportConfig{}
	c := &cobra.Command{
		Use:   "import --npy DIR --out DIR",
		Short: "Make a zoo of one in the published .npy layout; run it again to resume",
		Long: "Make a zoo of one in the published .npy layout. Metrics that the layout lacks are\n" +
			"measured on the weights; `zoo info` names them. Run it again to resume.",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config.Progress = a.progress()
			return training.ImportZoo(c.Context(), config)
		},
	}
	c.Flags().StringVar(&config.Published, "npy", "", "folder of the .npy arrays")
	c.Flags().StringVar(&config.Dir, "out", "", "folder of the zoo")
	c.Flags().IntVar(&config.Workers, "workers", 0, "runs at a time (0: one a core)")
	_ = c.MarkFlagRequired("npy")
	_ = c.MarkFlagRequired("out")
	return c
}

func newZooExport(_ *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export DIR --npy DIR",
		Short: "Write a zoo in the published .npy layout",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			z, err := zoo.Open(args[0])
			if err != nil {
				return err
			}
			return z.ExportPublished(out)
		},
	}
	c.Flags().StringVar(&out, "npy", "", "folder for the .npy arrays")
	_ = c.MarkFlagRequired("npy")
	return c
}
