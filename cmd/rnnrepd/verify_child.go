package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rnnrep/internal/sandbox"
	"rnnrep/server"
)

// verifyChild is the command of the process in which a model runs.
const verifyChild = "verify-child"

// newVerifyChild is what the program does as the child of its own verification.
func newVerifyChild(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    verifyChild,
		Short:  "Run a model from stdin in ONNX Runtime, within limits (for rnnrepd itself)",
		Hidden: true,
		Args:   arguments(cobra.NoArgs),
		RunE:   func(*cobra.Command, []string) error { return sandbox.Child(a.in, a.out) },
	}
}

// verifyFlag adds --verify.
func (a *app) verifyFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.verify, "verify", evaluator, "what runs the file's own graph to compare with: evaluator (built in) or onnxruntime (in a child process within limits)")
}

const evaluator = "evaluator"

// verifyIn lets a service verify as --verify asks for.
func (a *app) verifyIn(s *server.Service) error {
	switch a.verify {
	case evaluator:
		return nil
	case "onnxruntime":
	default:
		return usageError{fmt.Errorf("--verify %s: evaluator and onnxruntime are known", a.verify)}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	r := &sandbox.Runner{Program: []string{program, verifyChild}}
	if err := r.Available(); err != nil {
		return fmt.Errorf("--verify onnxruntime: %w", err)
	}
	s.VerifyBy(r)
	return nil
}
