package main

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"rnnrep/server"
)

// receiver is an OTLP collector that keeps the names of spans and services.
type receiver struct {
	mu              sync.Mutex
	spans, services []string
	wrong           error
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	err = errors.Join(err, proto.Unmarshal(body, &sent))
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path != "/v1/traces" {
		err = errors.Join(err, errors.New("a request to "+r.URL.Path))
	}
	c.wrong = errors.Join(c.wrong, err)
	for _, of := range sent.ResourceSpans {
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				c.services = append(c.services, a.Value.GetStringValue())
			}
		}
		for _, in := range of.ScopeSpans {
			for _, s := range in.Spans {
				c.spans = append(c.spans, s.Name)
			}
		}
	}
}

// clearOTel unsets the variables of whoever runs the tests.
func clearOTel(t *testing.T) {
	for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER"} {
		t.Setenv(name, "")
	}
}

// TestTracesReachACollector: spans go where OTEL_EXPORTER_OTLP_ENDPOINT says,
// the last ones when the program ends.
func TestTracesReachACollector(t *testing.T) {
	c := &receiver{}
	at := httptest.NewServer(c)
	defer at.Close()
	clearOTel(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", at.URL)
	t.Setenv("OTEL_SERVICE_NAME", "beside-the-trainer")
	traces, end, err := openTraces(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || traces == nil {
		t.Fatal(traces, err)
	}
	s := server.New(server.Config{Traces: traces, Version: "test"})
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/bundles", nil))
	end()
	if c.wrong != nil || !slices.Equal(c.spans, []string{"GET /v1/bundles"}) || !slices.Equal(c.services, []string{"beside-the-trainer"}) {
		t.Errorf("%v: spans %q of %q", c.wrong, c.spans, c.services)
	}
}

// TestTracesAreOffUnlessAskedFor: the standard variables decide.
func TestTracesAreOffUnlessAskedFor(t *testing.T) {
	for _, c := range []struct {
		set    map[string]string
		wanted bool
		usage  bool
	}{
		{nil, false, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, false, false},
		{map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, false, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, true},
	} {
		clearOTel(t)
		for name, value := range c.set {
			t.Setenv(name, value)
		}
		wanted, err := tracesWanted()
		var usage usageError
		if wanted != c.wanted || errors.As(err, &usage) != c.usage {
			t.Errorf("%v: %v %v", c.set, wanted, err)
		}
	}
}
