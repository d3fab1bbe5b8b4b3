package server

import (
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/errs"
)

// Upload is a model as it came: its bytes and its external-data files by base
// name.
type Upload struct {
	File     string // for messages; never opened
	Data     []byte
	External map[string][]byte
}

// received is an upload that may still be on disk.
type received struct {
	file     string
	model    *spool
	external map[string]*spool
}

// files are all of the upload.
func (u *received) files() []*spool {
	var files []*spool
	if u.model != nil {
		files = append(files, u.model)
	}
	return slices.AppendSeq(files, maps.Values(u.external))
}

// size is the number of bytes.
func (u *received) size() (n int64) {
	for _, f := range u.files() {
		n += f.size
	}
	return n
}

func (u *received) inMemory() (n int64) {
	for _, f := range u.files() {
		n += int64(len(f.memory))
	}
	return n
}

// load brings the upload into memory.
func (u *received) load() (Upload, error) {
	data, err := u.model.bytes()
	up := Upload{File: u.file, Data: data, External: map[string][]byte{}}
	for name, e := range u.external {
		b, failed := e.bytes()
		up.External[name], err = b, errors.Join(err, failed)
	}
	return up, err
}

// Close frees what the upload holds.
func (u *received) Close() {
	for _, f := range u.files() {
		_ = f.Close()
	}
}

// uploadTypes are the media types of a body that is the model itself or an
// archive with it; which of them is seen from the bytes. The third is what curl
// claims when it is not told otherwise.
var uploadTypes = map[string]bool{
	"": true, "application/octet-stream": true, "application/x-www-form-urlencoded": true,
	"application/onnx": true, "application/x-onnx": true, "application/x-protobuf": true, "application/protobuf": true,
	"application/zip": true, "application/x-zip-compressed": true, "application/x-tar": true, "application/gzip": true, "application/x-gzip": true,
}

const (
	acceptedTypes = "application/octet-stream, application/onnx, application/zip, application/x-tar, application/gzip or multipart/form-data"
	maxParts      = 64
	maxPartHeader = 64 << 10
)

// receive reads a request's model.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (*received, error) {
	limit := s.config.MaxBytes
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, errs.New(errs.UnsupportedMedia, "the body is encoded with %q", coding).Accepts("no Content-Encoding").Do("send the bytes as they are")
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, errs.New(errs.UnsupportedMedia, "the Content-Type %q cannot be read", r.Header.Get("Content-Type")).Accepts(acceptedTypes)
	}
	b, done := newBody(w, r, limit, s.config.UploadTimeout)
	defer done()
	switch {
	case uploadTypes[kind]:
		model, err := s.disk.copyFrom(b, spoolAbove, r.ContentLength)
		if err != nil {
			return nil, err
		}
		return &received{model: model}, nil
	case kind == "multipart/form-data":
		return s.receiveForm(b, params["boundary"])
	}
	return nil, errs.New(errs.UnsupportedMedia, "the body is %s", kind).Accepts(acceptedTypes).Do("curl --data-binary @model.onnx sends what is wanted")
}

// receiveForm takes the part named "model", or whose file name ends in .onnx,
// as the model and every other file as external data.
func (s *Server) receiveForm(b *body, boundary string) (_ *received, err error) {
	if boundary == "" {
		return nil, errs.New(errs.BadRequest, "the form's Content-Type has no boundary").Do("let the client library write the header: curl -F model=@model.onnx")
	}
	u := &received{external: map[string]*spool{}}
	defer func() {
		if err != nil {
			u.Close()
		}
	}()
	form := multipart.NewReader(b, boundary)
	for range maxParts {
		b.window = maxPartHeader
		part, err := form.NextRawPart()
		b.window = -1
		if errors.Is(err, io.EOF) {
			if u.model == nil {
				return nil, errs.New(errs.BadRequest, "the form has no model").Accepts(`a file part named "model", or whose file name ends in .onnx`)
			}
			return u, nil
		}
		if err != nil {
			return nil, readError(err)
		}
		if err := s.receivePart(u, part); err != nil {
			return nil, err
		}
	}
	return nil, errs.New(errs.BadRequest, "the form has more than %d parts", maxParts).Accepts("at most %d parts", maxParts)
}

// receivePart adds one part of a form to an upload.
func (s *Server) receivePart(u *received, part *multipart.Part) error {
	name := filepath.Base(part.FileName())
	isModel := part.FormName() == "model" || strings.HasSuffix(strings.ToLower(name), ".onnx")
	switch {
	case isModel && u.model != nil:
		return errs.New(errs.BadRequest, "the form has two models").Accepts("one model with its external-data files")
	case !isModel && part.FileName() == "":
		return errs.New(errs.BadRequest, "the form's part %q is no file", part.FormName()).Accepts(`a file part named "model" and external-data files`)
	case u.external[name] != nil:
		return errs.New(errs.BadRequest, "the form has the file %q twice", name)
	}
	file, err := s.disk.copyFrom(part, max(0, spoolAbove-u.inMemory()), -1)
	if err != nil {
		return err
	}
	if isModel {
		u.file, u.model = part.FileName(), file
	} else {
		u.external[name] = file
	}
	return nil
}
