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

// bodyKinds are the media types that a route reads. multipart/form-data is a
// form with the model and its external data; all others are one file.
type bodyKinds struct {
	media []string // those told to clients
	also  []string
}

func (k bodyKinds) accepts(media string) bool {
	return slices.Contains(k.media, media) || slices.Contains(k.also, media)
}

// modelKinds are a model itself or an archive with it; which of them is seen
// from the bytes. The second of also is what curl claims when it is not told
// otherwise.
var modelKinds = bodyKinds{
	media: []string{"application/onnx", "application/octet-stream", "application/zip", "application/x-tar", "application/gzip", formKind},
	also: []string{"", "application/x-www-form-urlencoded", "application/x-onnx", "application/x-protobuf", "application/protobuf",
		"application/x-zip-compressed", "application/x-gzip"},
}

// jsonKinds are JSON, to which tensors may be attached (Open Inference Protocol).
var jsonKinds = bodyKinds{media: []string{"application/json"}, also: []string{"", "application/octet-stream"}}

const (
	formKind      = "multipart/form-data"
	maxParts      = 64
	maxPartHeader = 64 << 10
)

// receive reads a request's model.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, kinds bodyKinds) (*received, error) {
	limit := s.config.MaxBytes
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, errs.New(errs.UnsupportedMedia, "the body is encoded with %q", coding).Accepts("no Content-Encoding").Do("send the bytes as they are")
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" || !kinds.accepts(kind) {
		return nil, errs.New(errs.UnsupportedMedia, "the Content-Type is %q", r.Header.Get("Content-Type")).Accepts("%s", strings.Join(kinds.media, ", ")).
			Do("curl --data-binary @model.onnx sends a model as it is wanted")
	}
	b, done := newBody(w, r, limit, s.config.UploadTimeout)
	defer done()
	if kind == formKind {
		return s.receiveForm(b, params["boundary"])
	}
	file, err := s.disk.copyFrom(b, spoolAbove, r.ContentLength)
	if err != nil {
		return nil, err
	}
	return &received{model: file}, nil
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
