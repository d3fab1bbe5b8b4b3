package server

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/trace"

	"rnnrep/internal/batch"
	"rnnrep/internal/errs"
)

// call is what is kept of a request while it is answered.
type call struct {
	id       string
	route    string // pattern that matched, or "other"
	key      string // name of the API key
	status   int    // sent
	bytes    int64  // sent
	received int64  // of the model
	refused  errs.Code
	group    int // RNNs that were embedded together

	upload, queue, read, embed time.Duration
}

// stageNames are the stages of an answer, in the order of call.stages.
var stageNames = []string{"upload", "queue", "read", "embed"}

var stageHelp = map[string]string{
	"upload": "Time to receive a model.", "queue": "Time that a model waited for a worker.",
	"read": "Time to read a model.", "embed": "Time that the group of a model was in the encoder.",
}

func (c *call) stages() []time.Duration { return []time.Duration{c.upload, c.queue, c.read, c.embed} }

type callKey struct{}

// callOf returns the request's call; observe has put it there.
func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// responder notes what is sent.
type responder struct {
	http.ResponseWriter
	call *call
}

// Unwrap lets http.ResponseController reach the connection.
func (w responder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w responder) WriteHeader(status int) {
	if w.call.status == 0 && status >= http.StatusOK {
		w.call.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w responder) Write(p []byte) (int, error) {
	if w.call.status == 0 {
		w.call.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.call.bytes += int64(n)
	return n, err
}

const requestIDHeader = "X-Request-Id"

// requestIDs that clients may choose: what is safe in a log line.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)

// observe gives a request its id and logs what became of it.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		c := &call{id: r.Header.Get(requestIDHeader), route: "other"}
		if !requestIDs.MatchString(c.id) {
			c.id = rand.Text()
		}
		w.Header().Set(requestIDHeader, c.id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store") // unless the route knows better
		if s.closing.Load() {
			w.Header().Set("Connection", "close")
		}
		ctx, span := s.beginSpan(r)
		r = r.WithContext(context.WithValue(ctx, callKey{}, c))
		defer func() {
			took := time.Since(start)
			s.metrics.finish(r, c, took)
			endSpan(span, r, c)
			s.logRequest(r, c, took)
		}()
		next.ServeHTTP(responder{w, c}, r)
	})
}

// logRequest says what became of a request.
func (s *Server) logRequest(r *http.Request, c *call, took time.Duration) {
	if !s.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	attributes := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", c.status),
		slog.Int64("received", r.ContentLength), slog.Int64("sent", c.bytes), slog.Float64("duration_ms", milliseconds(took)),
		slog.String("request_id", c.id), slog.String("key", c.key)}
	if t := trace.SpanContextFromContext(r.Context()); t.IsValid() {
		attributes = append(attributes, slog.String("trace_id", t.TraceID().String()), slog.String("span_id", t.SpanID().String()))
	}
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "request", attributes...)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// recoverPanics keeps one request's mistake from ending the others. A response
// that had begun is cut off, so that nobody takes it for whole.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			mistake := &batch.Panic{Value: v, Stack: debug.Stack()}
			if callOf(r).status != 0 {
				s.logMistake(r, mistake)
				panic(http.ErrAbortHandler)
			}
			s.fail(w, r, mistake)
		}()
		next.ServeHTTP(w, r)
	})
}
