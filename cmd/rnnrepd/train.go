package main

import (
	"encoding/json"
	"fmt"
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
	f.Var(choice{&config.Kind, encoders.Kinds()}, "encoder", "`kind` of encoder: "+strings.Join(encoders.Kinds(), ", "))
	f.StringVar(&options, "options", "", "the encoder's options as JSON")
	f.StringVar(&config.Dir, "out", "", "folder of the bundle")
	f.Uint64Var(&config.Seed, "seed", 1, "seed")
	f.IntVar(&config.Steps, "steps", 20000, "optimiser steps")
	f.IntVar(&config.Hidden, "emulator-hidden", 128, "units of the emulator's two layers")
	f.Var(choice{&config.Loss, training.LossNames()}, "loss", "what the emulator minimises (default "+training.LossNames()[0]+")")
	f.IntVar(&config.Sequences, "sequences", 1, "sequences of each RNN of a batch, of 64 in all: 1, 2, 4 or 8")
	f.BoolVar(&config.EveryStep, "every-step", false, "the emulator reads the embedding at every step")
	f.Float64Var(&config.Rate, "rate", 1e-3, "peak learning rate")
	f.Float64Var(&config.Supervision, "supervision", 0, "weight of the loss of accuracy, gap and stage beside the emulation's")
	f.Float64Var(&config.TaskSupervision, "task-supervision", 0, "weight of the loss of the task beside the emulation's")
	f.Float64Var(&config.Divergence, "divergence", 0, "weight, at first, of the KL divergence beside the loss; it falls to 0")
	f.BoolVar(&config.Half, "half", false, "store matrices in half precision: the bundle is half as large")
	f.StringSliceVar(&config.LeaveOut, "leave-out", nil, "`property=value` of RNNs of a mixed zoo that only the evaluation sees: cell=gru, hidden=64, layers=3, family=copy")
	f.IntVar(&config.Workers, "workers", 0, "threads (0: one a core)")
	bound(f, "steps", &config.Steps, 1)
	bound(f, "emulator-hidden", &config.Hidden, 1)
	bound(f, "sequences", &config.Sequences, 1)
	bound(f, "rate", &config.Rate, 0)
	bound(f, "supervision", &config.Supervision, 0)
	bound(f, "task-supervision", &config.TaskSupervision, 0)
	bound(f, "divergence", &config.Divergence, 0)
	bound(f, "workers", &config.Workers, 0)
	for _, name := range []string{"zoo", "encoder", "out"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}
