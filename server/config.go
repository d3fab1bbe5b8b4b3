package server

import (
	"crypto/tls"
	"log/slog"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/trace"

	"rnnrep/encoders"
)

// Defaults of Config.
const (
	DefaultMaxBytes      = 64 << 20
	DefaultMaxQueue      = 512
	DefaultConnections   = 8192
	DefaultMaxBatch      = 32
	DefaultTimeout       = 30 * time.Second
	DefaultUploadTimeout = 5 * time.Minute
	DefaultDrainTimeout  = 30 * time.Second
)

// Config makes a Server. A zero field takes its default.
type Config struct {
	Bundles []*encoders.Bundle
	Version string
	Log     *slog.Logger         // nil: none
	Keys    *Keys                // nil: everybody may ask everything
	TLS     *tls.Config          // nil: none
	Traces  trace.TracerProvider // where spans of requests go; nil: nowhere
	Origins []string             // whose pages may ask (CORS), "*" for all; nil: none but the server's own
	Ready   func()               // called when requests are answered; nil: nothing
	Leaving func()               // called when shutdown begins; nil: nothing

	MaxBytes       int64         // of a request's body
	MaxConnections int           // further ones wait to be accepted
	MaxQueue       int           // requests with a model that are in progress or wait
	MaxBatch       int           // RNNs that go through an encoder together
	BatchDelay     time.Duration // how long an RNN waits for others to go with; 0: not at all
	Timeout        time.Duration // of one answer, its upload not counted
	UploadTimeout  time.Duration // of one upload
	DrainDelay     time.Duration // between turning not ready and refusing connections
	DrainTimeout   time.Duration // that requests in progress get at shutdown
	SpoolDir       string        // where large uploads wait; "": the system's temporary folder
	SpoolBytes     int64         // that they may take there; 0: 32 times MaxBytes
}

func (c Config) withDefaults() Config {
	fill(&c.Log, discard())
	if c.Ready == nil {
		c.Ready = func() {}
	}
	if c.Leaving == nil {
		c.Leaving = func() {}
	}
	fill(&c.MaxBytes, DefaultMaxBytes)
	fill(&c.MaxQueue, DefaultMaxQueue)
	fill(&c.MaxConnections, DefaultConnections)
	fill(&c.MaxBatch, DefaultMaxBatch)
	fill(&c.Timeout, DefaultTimeout)
	fill(&c.UploadTimeout, DefaultUploadTimeout)
	fill(&c.DrainTimeout, DefaultDrainTimeout)
	fill(&c.SpoolBytes, 32*c.MaxBytes)
	return c
}

// fill gives a field that was left out its default.
func fill[T comparable](field *T, initial T) {
	var zero T
	if *field == zero {
		*field = initial
	}
}

// workers is how many models are read, and how many groups embedded, at a time.
func workers() int { return runtime.GOMAXPROCS(0) }

// discard is the logger of a server that was given none.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
