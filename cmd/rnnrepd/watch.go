package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
	"rnnrep/server"
)

// besideSuffix names the answer that --beside writes.
const besideSuffix = ".rnnrep.json"

type watchOptions struct {
	server, bundle, format string
	interval, patience     time.Duration
	beside                 bool
}

func newWatch(a *app) *cobra.Command {
	o := watchOptions{}
	c := &cobra.Command{
		Use:   "watch DIR",
		Short: "Answer for every ONNX file of a folder and those below it, as they appear or change",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE:  func(c *cobra.Command, args []string) error { return a.watch(c.Context(), args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.server, "server", "", "ask this rnnrepd, http://... or unix:///path (default: answer here)")
	f.StringVar(&o.bundle, "bundle", "", "bundle to ask (default: the best that accepts the RNN)")
	f.DurationVar(&o.interval, "interval", time.Second, "how often to look; a file must rest for as long")
	f.DurationVar(&o.patience, "patience", 10*time.Second, "how long a file that is refused must rest before that is said: its writer may have paused")
	f.BoolVar(&o.beside, "beside", false, "also write each answer beside its file, as FILE"+besideSuffix)
	f.VarP(choice{&o.format, []string{"jsonl", "table"}}, "output", "o", "format of the output (default: table on a terminal, jsonl otherwise)")
	a.modelFlags(c)
	a.verifyFlag(c)
	return c
}

// watch answers until ctx ends; that is how it is meant to end.
func (a *app) watch(ctx context.Context, dir string, o watchOptions) error {
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return usageError{fmt.Errorf("%s is no folder", dir)}
	}
	if o.interval <= 0 {
		return usageError{errors.New("--interval must be above 0")}
	}
	if o.format == "" && !isTerminal(a.out) {
		o.format = "jsonl"
	}
	ask, err := a.asker(o)
	if err != nil {
		return err
	}
	w := watcher{app: a, options: o, ask: ask, rows: newAnswers(a.out, a.outputFormat(o.format), 2), files: checkpoints{}}
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		if err := w.look(ctx, dir); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return w.rows.close()
		case <-tick.C:
		}
	}
}

// watcher answers for the files of a folder.
type watcher struct {
	*app
	options watchOptions
	ask     func(context.Context, server.Upload) (server.Answer, error) // the error: there is no answer now, ask again
	rows    *rows[server.Answer]
	files   checkpoints
	away    bool // there was no answer when last asked
}

// look answers for the files that have come to rest. It fails when answers
// cannot be written, and for nothing that files or the server do.
func (w *watcher) look(ctx context.Context, dir string) error {
	for _, c := range w.files.scan(dir, time.Now()) {
		if time.Since(c.since) < w.options.interval || time.Now().Before(c.next) || ctx.Err() != nil {
			continue
		}
		if c.answer == nil {
			answer, err := w.answer(ctx, c)
			if ctx.Err() != nil {
				return nil
			}
			w.report(err)
			if err != nil {
				c.later(w.options.interval)
				return nil // a server that is away is away for all
			}
			if c.changed() {
				continue // it was read while it was written
			}
			c.answer = &answer
		}
		if c.answer.Error != nil && time.Since(c.since) < w.options.patience {
			continue
		}
		if err := w.rows.write(*c.answer); err != nil {
			return err
		}
		w.writeBeside(*c.answer)
		c.said, c.answer = true, nil
	}
	return nil
}

// answer reads a file and asks.
func (w *watcher) answer(ctx context.Context, c *checkpoint) (server.Answer, error) {
	u, err := w.upload(ctx, c.path)
	if err != nil {
		return server.Refused(c.path, "", err), nil
	}
	c.needs(u)
	return w.ask(ctx, u)
}

// report says once that there is no answer, and once that there is again.
func (w *watcher) report(err error) {
	out := w.progress()
	switch {
	case out == nil:
	case err != nil && !w.away:
		fmt.Fprintf(out, "rnnrepd: %v; asking again\n", err)
	case err == nil && w.away:
		fmt.Fprintln(out, "rnnrepd: there are answers again")
	}
	w.away = err != nil
}

func (w *watcher) writeBeside(answer server.Answer) {
	if !w.options.beside {
		return
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err == nil {
		err = atomicfile.Write(answer.File+besideSuffix, append(text, '\n'))
	}
	if err != nil { // the row is out; the file may be gone with its folder
		fmt.Fprintln(w.err, "rnnrepd:", err)
	}
}

// asker returns what answers for a model: a server, or this program.
func (a *app) asker(o watchOptions) (func(context.Context, server.Upload) (server.Answer, error), error) {
	if o.server != "" {
		client, err := newClient(o.server)
		if err != nil {
			return nil, usageError{err}
		}
		return func(ctx context.Context, u server.Upload) (server.Answer, error) {
			return client.predict(ctx, u, o.bundle)
		}, nil
	}
	s, err := a.service()
	if err != nil {
		return nil, err
	}
	if err := a.verifyIn(s); err != nil {
		return nil, err
	}
	return func(ctx context.Context, u server.Upload) (answer server.Answer, _ error) {
		defer func() { // one file's mistake must not end the watch over the others
			if v := recover(); v != nil {
				fmt.Fprintf(a.err, "rnnrepd: %s: %v\n%s", u.File, v, debug.Stack())
				answer = server.Refused(u.File, "", errs.New(errs.Internal, "the program made a mistake: %v", v))
			}
		}()
		return s.Answer(ctx, u, server.Predict, o.bundle), nil
	}, nil
}
