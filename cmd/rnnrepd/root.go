package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rnnrep/internal/errs"
	"rnnrep/server"
)

// Exit codes, as the README lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSomeFailed  = 3
	exitRefused     = 4
	exitInterrupted = 130
)

// exit is an error that has been reported already and asks for a code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// app is what the commands share.
type app struct {
	in       io.Reader
	out, err io.Writer
	quiet    bool
	models   string
	verify   string            // what runs a file's graph to compare with
	sources  map[string]string // of the settings: flag, environment, file
}

// progress is where commands report how far they are; nil when quiet.
func (a *app) progress() io.Writer {
	if a.quiet {
		return nil
	}
	return a.err
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil:
		fmt.Fprintln(errOut, "interrupted; finished work is kept")
		return exitInterrupted
	}
	printError(errOut, err)
	var usage usageError
	if errors.As(err, &usage) || errs.CodeOf(err) == errs.UnknownBundle {
		return exitUsage
	}
	return exitFailed
}

// printError writes an error with what is accepted and what to do, if known.
func printError(w io.Writer, err error) {
	var e *errs.Error
	if !errors.As(err, &e) {
		fmt.Fprintln(w, "rnnrepd:", err)
		return
	}
	fmt.Fprintln(w, "rnnrepd:", strings.Replace(err.Error(), e.Error(), e.Detail, 1))
	if e.Accepted != "" {
		fmt.Fprintln(w, "  accepted:", e.Accepted)
	}
	if e.Hint != "" {
		fmt.Fprintln(w, "  hint:", e.Hint)
	}
}

// usageError marks a wrong command line.
type usageError struct{ error }

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "rnnrepd",
		Short:         "Read recurrent networks from ONNX files and tell what they are",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			return exit(exitUsage)
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().String("config", "", "file of settings; 'rnnrepd config print' writes one")
	root.PersistentFlags().BoolVar(&a.quiet, "quiet", false, "no progress on stderr")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if err := a.resolve(c); err != nil {
			return err
		}
		if err := c.ValidateRequiredFlags(); err != nil {
			return usageError{err}
		}
		return nil
	}
	root.AddCommand(newServe(a),
		newAnswer(a, "predict", "Embedding and predictions of ONNX files", server.Predict),
		newAnswer(a, "embed", "Embeddings of ONNX files", server.Embed),
		newInspect(a), newRecover(a), newBundles(a), newExport(a), newZoo(a), newTrain(a), newEval(a), newTheory(a), newVersion(a), newConfig(a), newKey(a), newWatch(a), newVerifyChild(a))
	return root
}

// arguments checks the number of arguments as a matter of usage.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
		}
		return nil
	}
}
