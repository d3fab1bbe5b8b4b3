package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/encoders"
	"rnnrep/internal/atomicfile"
	"rnnrep/training"
	"rnnrep/training/results"
)

// evalFlags are those of eval.
type evalFlags struct {
	zoos, predictions    []string
	output, out, figures string
	features             string
	seed                 uint64
	clones, workers      int
}

func newEval(a *app) *cobra.Command {
	var f evalFlags
	c := &cobra.Command{
		Use:   "eval --zoo DIR BUNDLE...",
		Short: "Score bundles on zoos: the paper's tables and figures; BUNDLE is a folder",
		Long: "Score bundles, and a ridge regression on the layer statistics beside them, on the zoo of\n" +
			"their family. Bundles that differ in the seed alone are one row. --features writes what\n" +
			"other learners need; --predictions NAME=FILE scores what they make of it.",
		RunE: func(c *cobra.Command, args []string) error {
			if f.features != "" {
				return writeFeatures(f)
			}
			if len(args) == 0 && len(f.predictions) == 0 {
				return usageError{errors.New("name a bundle's folder; see rnnrepd eval --help")}
			}
			evaluations, err := a.evaluate(c, f, args)
			if err != nil {
				return err
			}
			return a.writeEvaluations(f, evaluations)
		},
	}
	c.Flags().StringArrayVar(&f.zoos, "zoo", nil, "folder of a zoo; once for each family")
	c.Flags().StringVar(&f.out, "out", "", "also write results.md, results.json and figures to this folder")
	c.Flags().Var(choice{&f.figures, results.Formats}, "figures", "format of the figures (default "+results.Formats[0]+")")
	c.Flags().StringVar(&f.features, "features", "", "only write the layer statistics and targets of the zoo's snapshots to this CSV file")
	c.Flags().StringArrayVar(&f.predictions, "predictions", nil, "NAME=FILE, or FAMILY/NAME=FILE: predictions by another learner")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "seed of resampling and of the clones' samples")
	c.Flags().IntVar(&f.clones, "clones", 24, "snapshots whose clones are measured (0: none)")
	c.Flags().IntVar(&f.workers, "workers", 0, "threads (0: one a core)")
	outputFlag(c, &f.output, "json", "jsonl", "table", "markdown")
	_ = c.MarkFlagRequired("zoo")
	return c
}

func writeFeatures(f evalFlags) error {
	if len(f.zoos) != 1 {
		return usageError{errors.New("--features takes one --zoo")}
	}
	file, err := atomicfile.Create(f.features)
	if err != nil {
		return err
	}
	if err := training.WriteFeatures(file, f.zoos[0]); err != nil {
		return errors.Join(err, file.Discard())
	}
	return file.Commit()
}

// evaluate scores every bundle on the zoo of its family.
func (a *app) evaluate(c *cobra.Command, f evalFlags, dirs []string) ([]*training.Evaluation, error) {
	byFamily := map[string][]*encoders.Bundle{}
	for _, dir := range dirs {
		b, err := encoders.OpenBundle(os.DirFS(dir))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		byFamily[b.Manifest.Family] = append(byFamily[b.Manifest.Family], b)
	}
	var evaluations []*training.Evaluation
	for _, dir := range f.zoos {
		family, err := training.FamilyOf(dir)
		if err != nil {
			return nil, err
		}
		predictions, err := f.predictionsOf(family)
		if err != nil {
			return nil, err
		}
		config := training.EvaluationConfig{Zoo: dir, Bundles: byFamily[family], Predictions: predictions, Seed: f.seed,
			Workers: f.workers, Clones: f.clones, Progress: a.progress()}
		delete(byFamily, family)
		e, err := training.Evaluate(c.Context(), config)
		if err != nil {
			return nil, err
		}
		evaluations = append(evaluations, e)
	}
	for family := range byFamily {
		return nil, usageError{fmt.Errorf("there are bundles of %s, but no zoo of it", family)}
	}
	return evaluations, nil
}

// predictionsOf are the files of predictions for the zoo of a family, by name.
func (f *evalFlags) predictionsOf(family string) (map[string]string, error) {
	files := map[string]string{}
	for _, p := range f.predictions {
		name, file, ok := strings.Cut(p, "=")
		if of, rest, qualified := strings.Cut(name, "/"); qualified {
			if of != family {
				continue
			}
			name = rest
		} else if len(f.zoos) > 1 {
			ok = false
		}
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("--predictions %q is not NAME=FILE, or FAMILY/NAME=FILE where there are several zoos", p)}
		}
		files[name] = file
	}
	return files, nil
}

func (a *app) writeEvaluations(f evalFlags, evaluations []*training.Evaluation) error {
	if f.out != "" {
		if err := results.Write(f.out, cmp.Or(f.figures, results.Formats[0]), evaluations); err != nil {
			return err
		}
	}
	switch format := a.outputFormat(f.output); format {
	case "table":
		return results.WriteTable(a.out, evaluations)
	case "markdown":
		return results.WriteMarkdown(a.out, evaluations)
	default:
		w := newRows[*training.Evaluation](a.out, format, len(evaluations) == 1, nil, nil)
		for _, e := range evaluations {
			if err := w.write(e); err != nil {
				return err
			}
		}
		return w.close()
	}
}
