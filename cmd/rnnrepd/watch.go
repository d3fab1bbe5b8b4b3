package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rnnrep/internal/atomicfile"
	"rnnrep/server"
)

// besideSuffix names the answer that --beside writes.
const besideSuffix = ".rnnrep.json"

type watchOptions struct {
	server, bundle, format string
	interval               time.Duration
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
	f.BoolVar(&o.beside, "beside", false, "also write each answer beside its file, as FILE"+besideSuffix)
	f.VarP(choice{&o.format, []string{"jsonl", "table"}}, "output", "o", "format of the output (default: table on a terminal, jsonl otherwise)")
	a.modelFlags(c)
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
	rows := newAnswers(a.out, a.outputFormat(o.format), 2)
	seen, tick := watched{}, time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		for _, file := range seen.rested(dir) {
			answer := ask(ctx, file)
			if ctx.Err() != nil {
				break
			}
			if err := errors.Join(rows.write(answer), writeBeside(o, file, answer)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return rows.close()
		case <-tick.C:
		}
	}
}

// asker returns what answers for a file: a server, or this program.
func (a *app) asker(o watchOptions) (func(context.Context, string) server.Answer, error) {
	if o.server != "" {
		client, err := newClient(o.server)
		if err != nil {
			return nil, usageError{err}
		}
		return func(ctx context.Context, file string) server.Answer {
			u, err := a.upload(ctx, file)
			if err != nil {
				return server.Refused(file, "", err)
			}
			return client.predict(ctx, u, o.bundle)
		}, nil
	}
	s, err := a.service()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, file string) server.Answer {
		return a.answerOne(ctx, s, file, server.Predict, o.bundle)
	}, nil
}

func writeBeside(o watchOptions, file string, answer server.Answer) error {
	if !o.beside {
		return nil
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(file+besideSuffix, append(text, '\n'))
}

// watched knows the files of a folder: what they were like when last looked at,
// and whether they have been answered for since.
type watched map[string]*watchedFile

type watchedFile struct {
	size     int64
	modified time.Time
	answered bool
}

// rested returns the files that have not changed since the last call and are not
// answered for, in order of name. A file that is being written changes.
func (w watched) rested(dir string) (files []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".onnx") {
			return nil // what cannot be read is looked at again the next time
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		f := w[path]
		switch {
		case f == nil || f.size != info.Size() || !f.modified.Equal(info.ModTime()):
			w[path] = &watchedFile{size: info.Size(), modified: info.ModTime()}
		case !f.answered:
			f.answered = true
			files = append(files, path)
		}
		return nil
	})
	return files
}
