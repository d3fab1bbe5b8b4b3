package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"rnnrep/internal/batch"
	"rnnrep/internal/errs"
)

// problem is an RFC 9457 problem detail with the fields of a refusal.
type problem struct {
	Type     string    `json:"type"`
	Title    string    `json:"title"`
	Status   int       `json:"status"`
	Detail   string    `json:"detail"`
	Code     errs.Code `json:"code"`
	Node     string    `json:"node,omitempty"`
	Accepted string    `json:"accepted,omitempty"`
	Hint     string    `json:"hint,omitempty"`
}

const problemType = "application/problem+json"

// statuses of the codes; all others are refusals of a model, 422.
var statuses = map[errs.Code]int{
	errs.BadRequest: http.StatusBadRequest, errs.EmptyInput: http.StatusBadRequest,
	errs.Unauthorized: http.StatusUnauthorized, errs.Forbidden: http.StatusForbidden,
	errs.NotFound: http.StatusNotFound, errs.UnknownBundle: http.StatusNotFound,
	errs.MethodNotAllowed: http.StatusMethodNotAllowed, errs.UnsupportedMedia: http.StatusUnsupportedMediaType,
	errs.SlowUpload: http.StatusRequestTimeout, errs.Abandoned: statusAbandoned, errs.TooLarge: http.StatusRequestEntityTooLarge, errs.Busy: http.StatusTooManyRequests,
	errs.Draining: http.StatusServiceUnavailable, errs.Timeout: http.StatusServiceUnavailable,
	errs.Internal: http.StatusInternalServerError, errs.Damaged: http.StatusInternalServerError,
}

func statusOf(c errs.Code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusUnprocessableEntity
}

// retryAfter is how many seconds a client should wait after 429 and 503.
const retryAfter = 1

// setErrorHeaders sets the headers that go with an error in every shape.
func setErrorHeaders(w http.ResponseWriter, e *errs.Error) {
	h := w.Header()
	switch statusOf(e.Code) {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout: // the rest of the body is not wanted
		h.Set("Connection", "close")
	}
}

// writeProblem answers a request with an error.
func writeProblem(w http.ResponseWriter, e *errs.Error) {
	status := statusOf(e.Code)
	w.Header().Set("Content-Type", problemType)
	_ = writeJSON(w, status, problem{Type: "urn:rnnrepd:problem:" + string(e.Code), Title: statusText(status), Status: status,
		Detail: e.Detail, Code: e.Code, Node: e.Node, Accepted: e.Accepted, Hint: e.Hint})
}

// statusAbandoned answers a client that went away, should it still listen
// (nginx's number).
const statusAbandoned = 499

func statusText(status int) string {
	if status == statusAbandoned {
		return "Client Closed Request"
	}
	return http.StatusText(status)
}

// fail ends a request with an error; every error of every route comes here.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := s.classify(err, r)
	if statusOf(e.Code) == http.StatusInternalServerError {
		s.logMistake(r, err)
		e = errs.New(errs.Internal, "the server made a mistake; its log has the details").Do("report it with the request id in the X-Request-Id header")
	}
	if statusOf(e.Code) == http.StatusUnprocessableEntity {
		callOf(r).refused = e.Code
	}
	setErrorHeaders(w, e)
	errorShapeOf(r.URL.Path).write(w, e)
}

// errorShape is what errors look like in an API.
type errorShape struct {
	name    string
	content content
	write   func(w http.ResponseWriter, e *errs.Error)
}

var (
	problemShape   = errorShape{"problem", content{problem{}, []string{problemType}}, writeProblem}
	inferenceShape = errorShape{"inference", content{value: inferenceError{}}, writeInferenceError}
	openAIShape    = errorShape{"openai", content{value: openAIError{}}, writeOpenAIError}
)

// errorShapeOf returns the shape of the API that a path is of, whether or not
// there is something at it.
func errorShapeOf(path string) errorShape {
	switch {
	case path == "/v2" || strings.HasPrefix(path, "/v2/"):
		return inferenceShape
	case path == "/v1/embeddings" || path == "/v1/models" || strings.HasPrefix(path, "/v1/models/"):
		return openAIShape
	}
	return problemShape
}

func (s *Server) logMistake(r *http.Request, err error) {
	args := []any{"path", r.URL.Path, "error", err, "request_id", callOf(r).id}
	var p *batch.Panic
	if errors.As(err, &p) {
		args = append(args, "stack", string(p.Stack))
	}
	s.log.Error("request failed", args...)
}

// errDraining is the cause of a request's end when it outlasts DrainTimeout.
var errDraining = errs.New(errs.Draining, "the server is shutting down").Do("send the request to another server, or again in a moment")

// classify gives an error its code.
func (s *Server) classify(err error, r *http.Request) *errs.Error {
	var h *echo.HTTPError
	var large *http.MaxBytesError
	if errors.Is(context.Cause(r.Context()), errDraining) {
		return errDraining
	}
	switch {
	case errors.As(err, &large):
		return s.tooLarge()
	case errors.Is(err, batch.ErrFull):
		return s.busy()
	case errors.Is(err, context.Canceled):
		return errs.New(errs.Abandoned, "the client closed the connection before the answer was ready").Do("keep the connection open until the answer has come")
	case errors.Is(err, context.DeadlineExceeded):
		return errs.New(errs.Timeout, "the answer took longer than %s", s.config.Timeout).Do("try again later")
	case errors.As(err, &h):
		return s.fromEcho(h, r)
	}
	return errs.As(err)
}

func (s *Server) busy() *errs.Error {
	return errs.New(errs.Busy, "%d requests are in progress or wait already", s.config.MaxQueue).Do("try again after the time in Retry-After")
}

func (s *Server) tooLarge() *errs.Error {
	return errs.New(errs.TooLarge, "the request is larger than %d bytes", s.config.MaxBytes).Accepts("up to %d bytes", s.config.MaxBytes).
		Do("raise --max-bytes, or use `rnnrepd predict` on the file")
}

// fromEcho translates what the router says.
func (s *Server) fromEcho(h *echo.HTTPError, r *http.Request) *errs.Error {
	switch h.Code {
	case http.StatusNotFound:
		return errs.New(errs.NotFound, "there is nothing at %s", r.URL.Path).Accepts("%s", s.paths).Do("see the routes accepted")
	case http.StatusMethodNotAllowed:
		return errs.New(errs.MethodNotAllowed, "%s does not take %s", r.URL.Path, r.Method).Do("see the Allow header")
	}
	return errs.New(errs.Internal, "%v", h)
}
