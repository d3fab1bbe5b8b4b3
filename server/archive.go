package server

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"strings"

	"rnnrep/importer"
	"rnnrep/internal/errs"
)

// Limits of archives. What is unpacked counts against the model's own limit.
const (
	maxEntries = 10_000
	// maxExpansion bounds what a compressed tar may unpack to while it is
	// searched, as a multiple of the model's limit.
	maxExpansion    = 4
	defaultMaxBytes = 1 << 30
)

// Unpack returns the model in an archive, with the external data beside it: a
// zip, tar or tar.gz of a model folder, as MLflow's ONNX flavour makes one. What
// is no archive is returned as it is. Nothing is written to disk, and nothing
// but the files concerned is unpacked.
func (u Upload) Unpack(limit int64) (Upload, error) {
	if limit <= 0 {
		limit = defaultMaxBytes
	}
	open := archiveOf(u.Data)
	if open == nil {
		return u, nil
	}
	a := archive{open: func(visit visitor) error { return open(u.Data, limit, visit) }, left: limit, limit: limit}
	name, err := a.findModel()
	if err != nil {
		return Upload{}, err
	}
	files, err := a.read(map[string]bool{name: true})
	if err != nil {
		return Upload{}, err
	}
	out := Upload{File: u.File, Data: files[name], External: map[string][]byte{}}
	wanted := map[string]bool{}
	for _, e := range importer.ExternalNames(out.Data) {
		wanted[path.Join(path.Dir(name), e)] = true
	}
	if files, err = a.read(wanted); err != nil {
		return Upload{}, err
	}
	for n, data := range files {
		out.External[path.Base(n)] = data
	}
	return out, nil
}

// visitor is called for every regular file of an archive, with the size that the
// archive claims.
type visitor func(name string, size uint64, content func() (io.ReadCloser, error)) error

// walker goes through an archive's files.
type walker func(data []byte, limit int64, visit visitor) error

// archiveOf tells archives by their first bytes, which no ONNX file has.
func archiveOf(data []byte) walker {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("PK\x05\x06")):
		return walkZip
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		return walkTarGz
	case len(data) > 262 && bytes.Equal(data[257:262], []byte("ustar")):
		return walkTar
	}
	return nil
}

// archive reads files of an archive, at most left bytes more.
type archive struct {
	open        func(visitor) error
	left, limit int64
}

// findModel returns the name of the one .onnx file.
func (a *archive) findModel() (string, error) {
	var found []string
	err := a.open(func(name string, _ uint64, _ func() (io.ReadCloser, error)) error {
		if strings.HasSuffix(strings.ToLower(name), ".onnx") && !strings.HasPrefix(path.Base(name), ".") {
			found = append(found, name)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", errs.New(errs.NoModel, "the archive holds no .onnx file").Accepts("an archive of one model folder: the .onnx file with its external data").
			Do("in MLflow, send the folder that mlflow.onnx.save_model wrote")
	case len(found) > 1:
		return "", errs.New(errs.BadRequest, "the archive holds %d .onnx files: %s", len(found), shorten(found)).Accepts("one model with its external data")
	}
	return found[0], nil
}

func shorten(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}

// read unpacks the files of the given names.
func (a *archive) read(names map[string]bool) (map[string][]byte, error) {
	files := map[string][]byte{}
	if len(names) == 0 {
		return files, nil
	}
	err := a.open(func(name string, size uint64, content func() (io.ReadCloser, error)) error {
		if !names[name] {
			return nil
		}
		if size > uint64(a.left) {
			return a.tooLarge()
		}
		if files[name] != nil {
			return errs.New(errs.BadRequest, "the archive holds %q twice", name)
		}
		r, err := content()
		if err != nil {
			return damaged(err)
		}
		data, err := io.ReadAll(io.LimitReader(r, a.left+1))
		if err = errors.Join(err, r.Close()); err != nil {
			return damaged(err)
		}
		if a.left -= int64(len(data)); a.left < 0 {
			return a.tooLarge()
		}
		files[name] = data
		return nil
	})
	return files, err
}

func (a *archive) tooLarge() error {
	return errs.New(errs.TooLarge, "the model in the archive has more than %d bytes", a.limit).Accepts("up to %d bytes, unpacked", a.limit)
}

// damaged marks an error of reading an archive, unless it has a code.
func damaged(err error) error {
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return errs.New(errs.DamagedArchive, "the archive cannot be read: %w", err).Do("make it again; zip, tar and tar.gz are read")
}

func tooMany() error {
	return errs.New(errs.TooLarge, "the archive has more than %d files", maxEntries).Accepts("up to %d", maxEntries)
}

// localName is a name inside the archive's folder, or an error: what leads out
// of it was made to do harm.
func localName(name string) (string, error) {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsRune(clean, 0) {
		return "", errs.New(errs.ExternalDataRefused, "the archive holds the file %q", name).Accepts("names inside the archive").Do("make the archive from within the model's folder")
	}
	return clean, nil
}

func walkZip(data []byte, _ int64, visit visitor) error {
	// Every entry of the directory begins so; zip.NewReader would allocate for
	// as many as there are.
	if bytes.Count(data, []byte("PK\x01\x02")) > maxEntries {
		return tooMany()
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return damaged(err)
	}
	for _, f := range z.File {
		if !f.Mode().IsRegular() {
			continue
		}
		name, err := localName(f.Name)
		if err != nil {
			return err
		}
		if err := visit(name, f.UncompressedSize64, f.Open); err != nil {
			return err
		}
	}
	return nil
}

func walkTarGz(data []byte, limit int64, visit visitor) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return damaged(err)
	}
	return walkTarOf(&expanding{z, maxExpansion * limit}, visit)
}

func walkTar(data []byte, _ int64, visit visitor) error {
	return walkTarOf(bytes.NewReader(data), visit)
}

func walkTarOf(r io.Reader, visit visitor) error {
	t := tar.NewReader(r)
	for range maxEntries {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name, err := localName(h.Name)
		if err != nil {
			return err
		}
		if err := visit(name, uint64(h.Size), func() (io.ReadCloser, error) { return io.NopCloser(t), nil }); err != nil {
			return err
		}
	}
	return tooMany()
}

// expanding ends with an error when more than left bytes come out.
type expanding struct {
	r    io.Reader
	left int64
}

func (e *expanding) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if e.left -= int64(n); e.left < 0 {
		return n, errs.New(errs.TooLarge, "the archive unpacks to more than is searched").Accepts("an archive of the model's folder alone")
	}
	return n, err
}
