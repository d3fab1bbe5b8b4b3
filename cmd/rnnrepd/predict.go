package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rnnrep/importer"
	"rnnrep/internal/errs"
	"rnnrep/server"
)

func newAnswer(a *app, use, short string, want server.Want) *cobra.Command {
	var bundle, format string
	c := &cobra.Command{
		Use:   use + " FILE...",
		Short: short,
		Args:  arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, files []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			if err := a.verifyIn(s); err != nil {
				return err
			}
			if bundle != "" {
				if _, err := s.Bundle(bundle); err != nil {
					return err
				}
			}
			return a.answerAll(c.Context(), s, files, want, bundle, newAnswers(a.out, a.outputFormat(format), len(files)))
		},
	}
	c.Flags().StringVar(&bundle, "bundle", "", "bundle to ask (default: the best that accepts the RNN)")
	outputFlag(c, &format, "json", "jsonl", "table")
	a.modelFlags(c)
	a.verifyFlag(c)
	return c
}

func newInspect(a *app) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show the recurrent structure of a file, how it was found and how far verified",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, files []string) error {
			if format == "dot" {
				return a.draw(c.Context(), files[0])
			}
			s := server.NewService(nil)
			if err := a.verifyIn(s); err != nil {
				return err
			}
			return a.answerAll(c.Context(), s, files, server.Inspect, "", newAnswers(a.out, a.outputFormat(format), 1))
		},
	}
	outputFlag(c, &format, "json", "jsonl", "table", "dot")
	a.verifyFlag(c)
	return c
}

// draw writes a file's graph for Graphviz.
func (a *app) draw(ctx context.Context, file string) error {
	u, err := a.upload(ctx, file)
	if err == nil {
		u, err = u.Unpack(0)
	}
	if err != nil {
		return a.refuse(ctx, file, err)
	}
	dot, err := importer.Dot(u.Data, importer.Options{External: u.External})
	if err != nil {
		return a.refuse(ctx, file, err)
	}
	_, err = a.out.Write(dot)
	return err
}

// answerAll answers for every file; a refused one becomes a row with an error.
// An interruption keeps the rows that are done.
func (a *app) answerAll(ctx context.Context, s *server.Service, files []string, want server.Want, bundle string, w *rows[server.Answer]) error {
	refused, last := 0, errs.Code("")
	for _, file := range files {
		answer := a.answerOne(ctx, s, file, want, bundle)
		if ctx.Err() != nil {
			break
		}
		if answer.Error != nil {
			refused, last = refused+1, answer.Error.Code
			fmt.Fprintf(a.err, "%s: ", file)
			printError(a.err, answer.Error)
		}
		if err := w.write(answer); err != nil {
			return err
		}
	}
	if err := errors.Join(w.close(), ctx.Err()); err != nil {
		return err
	}
	switch {
	case refused == 0:
		return nil
	case len(files) > 1:
		return exit(exitSomeFailed)
	case last == errs.Internal:
		return exit(exitFailed)
	}
	return exit(exitRefused)
}

func (a *app) answerOne(ctx context.Context, s *server.Service, file string, want server.Want, bundle string) server.Answer {
	if err := ctx.Err(); err != nil {
		return server.Refused(file, "", err)
	}
	u, err := a.upload(ctx, file)
	if err != nil {
		return server.Refused(file, "", err)
	}
	return s.Answer(ctx, u, want, bundle)
}
