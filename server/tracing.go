package server

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"rnnrep/internal/errs"
)

// scopeName is the instrumentation scope of the server's spans.
const scopeName = "rnnrep/server"

// untraced are the routes that only tell how the server is; their requests come
// every few seconds and say nothing.
var untraced = map[string]bool{"/livez": true, "/readyz": true, "/metrics": true}

// beginSpan starts the span of a request, in the trace of its traceparent
// header (W3C Trace Context) where it has one. Without a tracer the trace is
// only known to the log.
func (s *Server) beginSpan(r *http.Request) (context.Context, trace.Span) {
	ctx := r.Context()
	if r.Header.Get("Traceparent") != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if s.tracer == nil || untraced[r.URL.Path] {
		return ctx, nil
	}
	return s.tracer.Start(ctx, methodLabel(r.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", methodLabel(r.Method)), attribute.String("url.path", r.URL.Path)))
}

// endSpan ends a request's span; nil is none. Names and attributes are those of
// OpenTelemetry's conventions for HTTP servers.
func endSpan(span trace.Span, r *http.Request, c *call) {
	if span == nil {
		return
	}
	if span.IsRecording() {
		span.SetName(methodLabel(r.Method) + " " + c.route)
		span.SetAttributes(attribute.String("http.route", c.route), attribute.Int("http.response.status_code", c.status),
			attribute.Int64("http.request.body.size", c.received), attribute.Int64("http.response.body.size", c.bytes),
			attribute.String("rnnrepd.request_id", c.id))
		if c.refused != "" {
			span.SetAttributes(attribute.String("error.type", string(c.refused)))
		}
		if c.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(c.status))
		}
	}
	span.End()
}

// span records a stage of an answer that is over. Stages within it take the
// context that is returned.
func (s *Server) span(ctx context.Context, name string, start time.Time, took time.Duration, err error, attributes ...attribute.KeyValue) context.Context {
	if s.tracer == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx
	}
	ctx, span := s.tracer.Start(ctx, name, trace.WithTimestamp(start), trace.WithAttributes(attributes...))
	if err != nil {
		span.SetAttributes(attribute.String("error.type", string(errs.CodeOf(err))))
		span.SetStatus(codes.Error, err.Error())
	}
	span.End(trace.WithTimestamp(start.Add(took)))
	return ctx
}
