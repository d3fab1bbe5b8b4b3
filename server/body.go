package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"rnnrep/internal/errs"
)

// A client must send paceBytes every paceTime, or its whole body in less.
const (
	paceBytes = 64 << 10
	paceTime  = 10 * time.Second
)

// body reads a request's body at no less than the pace, for no longer than the
// upload's time, and never more than its limit.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time
	paced   int   // bytes since the deadline was set
	window  int64 // bytes that may still be read; negative: any
}

// newBody bounds r's body. Its reads end when r's context does. The caller calls
// done when it needs no more of it.
func newBody(w http.ResponseWriter, r *http.Request, limit int64, longest time.Duration) (b *body, done func()) {
	b = &body{ReadCloser: http.MaxBytesReader(w, r.Body, limit), control: http.NewResponseController(w),
		end: time.Now().Add(longest), paced: paceBytes, window: -1}
	ended := make(chan struct{})
	stop := context.AfterFunc(r.Context(), func() {
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
		close(ended)
	})
	return b, func() {
		if !stop() {
			<-ended // the response writer is the handler's, for as long as that runs
			return
		}
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// Read reads, with a deadline. Connections that cannot have one (in tests) read
// without.
func (b *body) Read(p []byte) (int, error) {
	if b.paced >= paceBytes {
		b.paced = 0
		deadline := time.Now().Add(paceTime)
		if deadline.After(b.end) {
			deadline = b.end
		}
		_ = b.control.SetReadDeadline(deadline)
	}
	if b.window >= 0 && int64(len(p)) > b.window {
		p = p[:b.window]
		if len(p) == 0 {
			return 0, errWindow
		}
	}
	n, err := b.ReadCloser.Read(p)
	b.paced += n
	if b.window >= 0 {
		b.window -= int64(n)
	}
	return n, err
}

// errWindow ends the reading of a form's part header.
var errWindow = errs.New(errs.BadRequest, "a part of the form has a header of more than %d bytes", maxPartHeader)

// readError keeps the end, errors that have a code and the size limit's, and
// marks all others as the client's.
func readError(err error) error {
	var large *http.MaxBytesError
	var known *errs.Error
	switch {
	case err == nil || err == io.EOF || errors.As(err, &large) || errors.As(err, &known):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errs.New(errs.SlowUpload, "the body comes too slowly").Accepts("at least %d bytes every %s", paceBytes, paceTime).Do("send it again, from a faster connection")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.New(errs.BadRequest, "the body ended early: %w", err).Do("send it again")
	}
	return errs.New(errs.BadRequest, "the body cannot be read: %w", err)
}
