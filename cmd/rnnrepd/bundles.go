package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rnnrep/encoders"
	"rnnrep/exporter"
	"rnnrep/internal/atomicfile"
	"rnnrep/models"
	"rnnrep/server"
)

// service opens the bundles: those of --models, or the embedded ones.
func (a *app) service() (*server.Service, error) {
	bundles, err := openBundles(a.models)
	if err != nil {
		return nil, err
	}
	return server.NewService(bundles), nil
}

// openBundles opens those of a folder; "" means the embedded ones.
func openBundles(dir string) ([]*encoders.Bundle, error) {
	var files fs.FS = models.FS
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		files = os.DirFS(dir)
	}
	bundles, err := encoders.OpenBundles(files)
	if err == nil && len(bundles) == 0 {
		err = fmt.Errorf("%s holds no bundle FAMILY/ENCODER/manifest.json", dir)
	}
	return bundles, err
}

// modelFlags adds the flags of commands that use bundles.
func (a *app) modelFlags(c *cobra.Command) {
	c.Flags().StringVar(&a.models, "models", "", "folder of bundles (default: those inside the program)")
}

func newBundles(a *app) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "bundles",
		Short: "List the trained bundles at hand",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			return a.writeBundles(s.List(), a.outputFormat(format))
		},
	}
	outputFlag(c, &format, "json", "jsonl", "table")
	a.modelFlags(c)
	return c
}

func (a *app) writeBundles(list server.BundleList, format string) error {
	if format == "json" {
		return newRows[server.BundleList](a.out, format, true, nil, nil).write(list)
	}
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	w := newRows(a.out, format, false, func(b encoders.BundleInfo) error {
		accepts, trainedOn := "any RNN", b.Accepts.TrainedOn.String()
		switch {
		case b.Accepts.Exact:
			accepts = "what it was trained on"
		case b.Accepts.Inputs > 0:
			accepts = fmt.Sprintf("%d inputs, %d outputs", b.Accepts.Inputs, b.Accepts.Outputs)
		}
		if b.Accepts.Shapes != nil {
			trainedOn = b.Accepts.Shapes.String()
		}
		_, err := fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%.3f\t%.3f\n", b.Name, b.Dimension, accepts, trainedOn, b.Scores["ood_accuracy_r2"], b.Scores["ood_stage_rank_correlation"])
		return err
	}, t.Flush)
	if format == "table" {
		fmt.Fprintln(t, "BUNDLE\tDIM\tACCEPTS\tTRAINED ON\tACCURACY R2\tSTAGE RANK")
	}
	for _, b := range list.Bundles {
		if err := w.write(b); err != nil {
			return err
		}
	}
	return w.close()
}

func newExport(a *app) *cobra.Command {
	var out, like string
	var verify bool
	c := &cobra.Command{
		Use:   "export BUNDLE -o OUT.onnx",
		Short: "Write a trained encoder and its predictors as ONNX",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			b, err := s.Bundle(args[0])
			if err != nil {
				return err
			}
			if like != "" {
				m, _, err := a.read(c.Context(), s, like)
				if err == nil {
					b, err = b.For(m.Spec)
				}
				if err != nil {
					return a.refuse(c.Context(), like, err)
				}
			}
			var data bytes.Buffer
			if err := exporter.WriteEncoder(&data, b, exporter.Options{}); err != nil {
				return err
			}
			if verify {
				checks, err := exporter.VerifyEncoder(data.Bytes(), b)
				if err != nil {
					return err
				}
				for _, c := range checks {
					fmt.Fprintln(a.err, c)
				}
			}
			return atomicfile.Write(out, data.Bytes())
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	c.Flags().StringVar(&like, "like", "", "`file` with an RNN of the shape that the exported encoder shall read; the bundle must accept it")
	c.Flags().BoolVar(&verify, "verify", false, "also compare with ONNX Runtime, if its library is found")
	_ = c.MarkFlagRequired("output")
	a.modelFlags(c)
	return c
}
