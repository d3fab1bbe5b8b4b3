package server_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"rnnrep/server"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	traceparent  = "00-" + callersTrace + "-" + callersSpan + "-01"
)

// traced is a server whose spans are kept, and whose log is.
func traced(t *testing.T) (s *server.Server, spans *tracetest.InMemoryExporter, log *bytes.Buffer) {
	t.Helper()
	spans, log = tracetest.NewInMemoryExporter(), &bytes.Buffer{}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	return newServer(t, func(c *server.Config) { c.Traces, c.Log = provider, slog.New(slog.NewTextHandler(log, nil)) }), spans, log
}

// sendTraced posts a model with a traceparent.
func sendTraced(s http.Handler, path string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	r.Header.Set("Traceparent", traceparent)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// named finds a span by name.
func named(t *testing.T, spans tracetest.SpanStubs, name string) tracetest.SpanStub {
	t.Helper()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no span %q among %d", name, len(spans))
	}
	return spans[i]
}

// TestSpans: a request's stages are spans within its own, which goes on with
// the caller's trace; the log names it.
func TestSpans(t *testing.T) {
	s, exporter, log := traced(t)
	if w := sendTraced(s, "/v1/predict?bundle="+probing, modelFile(t, trainedOn, 0)); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	spans := exporter.GetSpans()
	root := named(t, spans, "POST /v1/predict")
	if root.Parent.SpanID().String() != callersSpan || !root.Parent.IsRemote() {
		t.Errorf("the request's parent is %v", root.Parent)
	}
	inside := map[string]tracetest.SpanStub{"upload": root, "wait": root, "import": root, "verify": named(t, spans, "import"), "queue": root, "embed": root}
	for name, parent := range inside {
		span := named(t, spans, name)
		if span.SpanContext.TraceID().String() != callersTrace || span.Parent.SpanID() != parent.SpanContext.SpanID() {
			t.Errorf("%s is in trace %s, within %s", name, span.SpanContext.TraceID(), span.Parent.SpanID())
		}
		if span.StartTime.Before(parent.StartTime) || span.EndTime.After(parent.EndTime) || span.EndTime.Before(span.StartTime) {
			t.Errorf("%s from %s to %s, its parent from %s to %s", name, span.StartTime, span.EndTime, parent.StartTime, parent.EndTime)
		}
	}
	if len(spans) != len(inside)+1 {
		t.Errorf("%d spans", len(spans))
	}
	if v := named(t, spans, "verify"); !v.EndTime.After(v.StartTime) {
		t.Error("verification took no time")
	}
	for span, wanted := range map[string]attribute.KeyValue{
		"POST /v1/predict": attribute.Int("http.response.status_code", 200), "embed": attribute.String("rnnrepd.bundle", probing),
	} {
		if a := named(t, spans, span).Attributes; !slices.Contains(a, wanted) {
			t.Errorf("%s has no %v: %v", span, wanted, a)
		}
	}
	for _, part := range []string{"trace_id=" + callersTrace, "span_id=" + root.SpanContext.SpanID().String()} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in %s", part, log)
		}
	}
}

// TestSpansOfFailures: a refused model marks the import, not the request;
// requests that ask how the server is have no spans.
func TestSpansOfFailures(t *testing.T) {
	s, exporter, _ := traced(t)
	sendTraced(s, "/v1/embed", []byte("this is no ONNX file"))
	spans := exporter.GetSpans()
	if i := named(t, spans, "import"); i.Status.Code != codes.Error || !slices.Contains(i.Attributes, attribute.String("error.type", "not_onnx")) {
		t.Errorf("import: %v %v", i.Status, i.Attributes)
	}
	if r := named(t, spans, "POST /v1/embed"); r.Status.Code == codes.Error || !slices.Contains(r.Attributes, attribute.String("error.type", "not_onnx")) {
		t.Errorf("request: %v %v", r.Status, r.Attributes)
	}
	exporter.Reset()
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		request(s, "GET", path, "", nil)
	}
	if n := len(exporter.GetSpans()); n > 0 {
		t.Errorf("%d spans of health checks", n)
	}
}

// TestTraceWithoutTracer: the caller's trace is in the log all the same; what is
// no traceparent is ignored.
func TestTraceWithoutTracer(t *testing.T) {
	for header, want := range map[string]bool{traceparent: true, "": false, "00-xyz": false, "00-" + strings.Repeat("0", 32) + "-" + callersSpan + "-01": false} {
		var log bytes.Buffer
		s := newServer(t, func(c *server.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		r := httptest.NewRequest("GET", "/version", nil)
		r.Header.Set("Traceparent", header)
		s.ServeHTTP(httptest.NewRecorder(), r)
		if got := strings.Contains(log.String(), "trace_id="); got != want {
			t.Errorf("traceparent %q: %s", header, &log)
		}
	}
}
