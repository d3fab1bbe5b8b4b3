package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rnnrep/importer"
	"rnnrep/internal/errs"
	"rnnrep/server"
)

// maxFile bounds a model file that the command line reads, and its external
// data.
const maxFile = 1 << 30

// upload reads a model file with the external data beside it, an archive of
// both, or a folder that holds one model; "-" is stdin.
func (a *app) upload(ctx context.Context, file string) (server.Upload, error) {
	if file == "-" {
		data, err := a.stdin(ctx)
		return server.Upload{File: "-", Data: data}, err
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return server.Upload{}, errs.New(errs.FileNotFound, "%s: there is no such file", file)
	}
	if err != nil {
		return server.Upload{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return a.uploadFolder(ctx, file)
	}
	data, err := readBounded(f, file)
	if err != nil {
		return server.Upload{}, err
	}
	u := server.Upload{File: file, Data: data, External: map[string][]byte{}}
	return u, addExternal(&u, filepath.Dir(file))
}

// uploadFolder reads the one model of a folder, such as MLflow writes.
func (a *app) uploadFolder(ctx context.Context, dir string) (server.Upload, error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.onnx"))
	if err != nil {
		return server.Upload{}, err
	}
	switch len(files) {
	case 1:
		return a.upload(ctx, files[0])
	case 0:
		return server.Upload{}, errs.New(errs.NoModel, "the folder %s holds no .onnx file", dir).Accepts("a folder with one model and its external data")
	}
	return server.Upload{}, errs.New(errs.BadRequest, "the folder %s holds %d .onnx files", dir, len(files)).Accepts("a folder with one model").Do("name the files: %s", filepath.Join(dir, "*.onnx"))
}

// escapeGlob makes a path a pattern that matches itself.
func escapeGlob(path string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(path)
}

// stdin reads all of it, or stops waiting when ctx ends.
func (a *app) stdin(ctx context.Context) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := readBounded(a.in, "stdin")
		read <- result{data, err}
	}()
	select {
	case r := <-read:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readBounded reads r to its end. Of a file it takes the memory at once.
func readBounded(r io.Reader, name string) ([]byte, error) {
	var data bytes.Buffer
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Size() <= maxFile {
			data.Grow(int(info.Size()) + bytes.MinRead)
		}
	}
	_, err := data.ReadFrom(io.LimitReader(r, maxFile+1))
	if err == nil && data.Len() > maxFile {
		err = errs.New(errs.TooLarge, "%s holds more than %d bytes", name, maxFile).Accepts("up to %d bytes", maxFile)
	}
	return data.Bytes(), err
}

// addExternal reads the external-data files that a model names from dir, and
// from nowhere else. Of one that is not there the importer says so.
func addExternal(u *server.Upload, dir string) error {
	names := importer.ExternalNames(u.Data)
	if len(names) == 0 {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range names {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		var data []byte
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			data, err = readBounded(f, name)
			if err != nil {
				return errors.Join(err, f.Close())
			}
			u.External[name] = data
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
