package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/exporter"
	"rnnrep/importer"
	"rnnrep/internal/atomicfile"
	"rnnrep/rnn"
	"rnnrep/server"
)

// recovered is what `recover` prints.
type recovered struct {
	File     string                `json:"file"`
	Out      string                `json:"out"`
	Spec     string                `json:"spec"`
	Found    string                `json:"found"`
	Verified importer.Verification `json:"verified"`
}

func newRecover(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "recover FILE -o OUT",
		Short: "Write the exact weights of a file's RNN: OUT.safetensors (PyTorch names) or OUT.onnx",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, files []string) error {
			encode, ok := recoverFormats[strings.ToLower(filepath.Ext(out))]
			if !ok {
				return usageError{fmt.Errorf("-o %s: the name must end in .safetensors or .onnx", out)}
			}
			s := server.NewService(nil)
			if err := a.verifyIn(s); err != nil {
				return err
			}
			m, report, err := a.read(c.Context(), s, files[0])
			if err != nil {
				return a.refuse(c.Context(), files[0], err)
			}
			var b bytes.Buffer
			if err := encode(&b, m); err != nil {
				return err
			}
			if err := atomicfile.Write(out, b.Bytes()); err != nil {
				return err
			}
			return json.NewEncoder(a.out).Encode(recovered{files[0], out, m.Spec.String(), report.Found, report.Verified})
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	_ = c.MarkFlagRequired("output")
	a.verifyFlag(c)
	return c
}

var recoverFormats = map[string]func(*bytes.Buffer, *rnn.Model) error{
	".safetensors": server.WriteSafetensors,
	".onnx":        func(b *bytes.Buffer, m *rnn.Model) error { return exporter.WriteRNN(b, m) },
}

// read recovers the RNN of a file.
func (a *app) read(ctx context.Context, s *server.Service, file string) (*rnn.Model, importer.Report, error) {
	u, err := a.upload(ctx, file)
	if err != nil {
		return nil, importer.Report{}, err
	}
	return s.Read(u)
}

// refuse reports the refusal of the one input.
func (a *app) refuse(ctx context.Context, file string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(a.err, "%s: ", file)
	printError(a.err, err)
	return exit(exitRefused)
}
