package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/encoders"
	"rnnrep/training"
)

func newTrain(a *app) *cobra.Command {
	config := training.EncoderConfig{}
	var options string
	c := &cobra.Command{
		Use:   "train",
		Short: "Train an encoder on a zoo; run it again to resume",
		Args:  arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config.Progress = a.progress()
			if options != "" {
				if !json.Valid([]byte(options)) {
					return usageError{fmt.Errorf("--options: %q is not JSON", options)}
				}
				config.Options = json.RawMessage(options)
			}
			b, err := training.TrainEncoder(c.Context(), config)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.out).Encode(b.Info())
		},
	}
	f := c.Flags()
	f.StringVar(&config.Zoo, "zoo", "", "folder of the zoo")
	f.StringVar(&config.Kind, "encoder", "", strings.Join(encoders.Kinds(), ", "))
	f.StringVar(&options, "options", "", "the encoder's options as JSON")
	f.StringVar(&config.Dir, "out", "", "folder of the bundle")
	f.Uint64Var(&config.Seed, "seed", 1, "seed")
	f.IntVar(&config.Steps, "steps", 20000, "optimiser steps")
	f.IntVar(&config.Hidden, "emulator-hidden", 128, "units of the emulator's two layers")
	f.Var(choice{&config.Loss, training.LossNames()}, "loss", "what the emulator minimises (default "+training.LossNames()[0]+")")
	f.Float64Var(&config.Rate, "rate", 1e-3, "peak learning rate")
	f.Float64Var(&config.Supervision, "supervision", 0, "weight of the loss of accuracy, gap and stage beside the emulation's")
	f.IntVar(&config.Workers, "workers", 0, "threads (0: one a core)")
	for _, name := range []string{"zoo", "encoder", "out"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func newEval(a *app) *cobra.Command {
	var zoo, format string
	c := &cobra.Command{
		Use:   "eval --zoo DIR BUNDLE...",
		Short: "Score bundles on a zoo, as the paper's tables do; BUNDLE is a folder",
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			var reports []*training.Report
			for _, dir := range args {
				b, err := encoders.OpenBundle(os.DirFS(dir))
				if err != nil {
					return fmt.Errorf("%s: %w", dir, err)
				}
				r, err := training.Evaluate(zoo, b, 0)
				if err != nil {
					return err
				}
				reports = append(reports, r)
			}
			format = a.outputFormat(format)
			if format == "table" {
				return training.WriteTable(a.out, reports)
			}
			w := newRows[*training.Report](a.out, format, len(args) == 1, nil, nil)
			for _, r := range reports {
				if err := w.write(r); err != nil {
					return err
				}
			}
			return w.close()
		},
	}
	c.Flags().StringVar(&zoo, "zoo", "", "folder of the zoo")
	outputFlag(c, &format, "json", "jsonl", "table")
	_ = c.MarkFlagRequired("zoo")
	return c
}
