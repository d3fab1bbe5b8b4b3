package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// lastSpans is how long the spans that are left at the end may take to be sent.
const lastSpans = 3 * time.Second

// openTraces returns where spans go, as the OTEL_ variables say: to an OTLP
// collector over HTTP if one names its address, nowhere otherwise. The
// exporter, the sampler and the batches read their own variables. close sends
// the spans that are left.
func openTraces(ctx context.Context, log *slog.Logger) (traces trace.TracerProvider, close func(), err error) {
	wanted, err := tracesWanted()
	if err != nil || !wanted {
		return nil, func() {}, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(),
		resource.WithAttributes(attribute.String("service.name", "rnnrepd"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return provider, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		if err := provider.Shutdown(last); err != nil {
			log.Warn("traces", "error", err)
		}
	}, nil
}

// tracesWanted tells whether the environment asks for traces.
func tracesWanted() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	wanted := false
	switch e := os.Getenv("OTEL_TRACES_EXPORTER"); e {
	case "none":
		return false, nil
	case "otlp":
		wanted = true
	case "":
		wanted = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	default:
		return false, usageError{fmt.Errorf("OTEL_TRACES_EXPORTER=%s; known: otlp, none", e)}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		p := os.Getenv(name)
		if wanted && !slices.Contains([]string{"", "http/protobuf"}, p) {
			return false, usageError{fmt.Errorf("%s=%s; known: http/protobuf", name, p)}
		}
		if p != "" {
			break
		}
	}
	return wanted, nil
}
