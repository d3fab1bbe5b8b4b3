package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"rnnrep/encoders"
	"rnnrep/internal/batch"
	"rnnrep/rnn"
)

// Server answers HTTP requests.
type Server struct {
	config  Config
	service *Service
	log     *slog.Logger
	handler http.Handler
	paths   string // of the API
	openAPI func() ([]byte, error)
	docs    func() ([]byte, error)
	keys    *Keys
	tracer  trace.Tracer // nil: none

	uploads  chan struct{}       // tokens of requests whose model is coming in
	progress chan struct{}       // tokens of requests with a model
	memory   *semaphore.Weighted // bytes of models in memory
	readers  chan struct{}       // tokens of models being read
	queue    *batch.Queue[groupKey, *rnn.Model, encoders.Result]
	disk     *disk
	metrics  *metrics

	leaving atomic.Bool // answering still, but not for long
	closing atomic.Bool // no connection is taken any more; each ends with its next answer
}

// groupKey tells which RNNs go through an encoder together.
type groupKey struct {
	bundle *encoders.Bundle
	spec   string
}

// uploadsPerModel is how many requests may be sending their model for each that
// may be in progress: sending costs little.
const uploadsPerModel = 2

// memoryLimit is how many of the largest models may be in memory.
const memoryLimit = 2

// New returns a server that is ready to answer.
func New(c Config) *Server {
	c = c.withDefaults()
	s := &Server{config: c, service: NewService(c.Bundles), log: c.Log, keys: c.Keys,
		uploads: make(chan struct{}, uploadsPerModel*c.MaxQueue), progress: make(chan struct{}, c.MaxQueue),
		memory: semaphore.NewWeighted(memoryLimit * c.MaxBytes), readers: make(chan struct{}, workers()),
		disk: newDisk(c.SpoolDir, c.SpoolBytes), metrics: newMetrics()}
	s.queue = batch.New(batch.Config{Workers: workers(), Group: c.MaxBatch, Waiting: c.MaxQueue, Delay: c.BatchDelay},
		func(ctx context.Context, key groupKey, models []*rnn.Model) ([]encoders.Result, error) {
			return key.bundle.Embed(ctx, models)
		})
	if c.Traces != nil {
		s.tracer = c.Traces.Tracer(scopeName, trace.WithInstrumentationVersion(c.Version))
	}
	s.service.maxBytes = c.MaxBytes
	s.service.embed = s.embed
	routes := s.routes()
	s.paths = pathsOf(routes)
	s.openAPI = sync.OnceValues(func() ([]byte, error) { return openAPI(routes, c.Version) })
	s.docs = sync.OnceValues(func() ([]byte, error) { return docs(routes, c.Version) })
	s.handler = s.observe(s.recoverPanics(s.crossOrigin(compress(s.router(routes)))))
	return s
}

// ServeHTTP makes the server an http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// embed puts an RNN in the queue.
func (s *Server) embed(ctx context.Context, b *encoders.Bundle, m *rnn.Model) (encoders.Result, error) {
	came := time.Now()
	d, err := s.queue.Do(ctx, groupKey{b, fmt.Sprint(m.Spec)}, m)
	if err == nil {
		s.span(ctx, "queue", came, d.Waited, nil)
		s.span(ctx, "embed", came.Add(d.Waited), d.Ran, nil, attribute.String("rnnrepd.bundle", b.Name()), attribute.Int("rnnrepd.batch_size", d.Group))
	}
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.queue, c.embed, c.group = c.queue+d.Waited, d.Ran, d.Group
	}
	return d.Value, err
}
