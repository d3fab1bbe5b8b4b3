package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
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
	paths   string // of all routes, for those who are lost

	uploads  chan struct{}       // tokens of requests whose model is coming in
	progress chan struct{}       // tokens of requests with a model
	memory   *semaphore.Weighted // bytes of models in memory
	readers  chan struct{}       // tokens of models being read
	queue    *batch.Queue[groupKey, *rnn.Model, encoders.Result]
	disk     *disk

	leaving atomic.Bool // answering still, but not for long
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
	s := &Server{config: c, service: NewService(c.Bundles), log: c.Log,
		uploads: make(chan struct{}, uploadsPerModel*c.MaxQueue), progress: make(chan struct{}, c.MaxQueue),
		memory: semaphore.NewWeighted(memoryLimit * c.MaxBytes), readers: make(chan struct{}, workers()),
		disk: newDisk(c.SpoolDir, c.SpoolBytes)}
	s.queue = batch.New(batch.Config{Workers: workers(), Group: c.MaxBatch, Waiting: c.MaxQueue, Delay: c.BatchDelay},
		func(ctx context.Context, key groupKey, models []*rnn.Model) ([]encoders.Result, error) {
			return key.bundle.Embed(ctx, models)
		})
	s.service.maxBytes = c.MaxBytes
	s.service.embed = s.embed
	s.handler = s.observe(s.recoverPanics(s.router()))
	return s
}

// route is one of the server's routes.
type route struct {
	method, path string
	queries      []string // parameters accepted
	handle       func(w http.ResponseWriter, r *http.Request, path pathValues) error
}

// pathValues returns a path's parameter by name.
type pathValues func(name string) string

func (s *Server) routes() []route {
	return []route{
		{"GET", "/livez", nil, s.live},
		{"GET", "/readyz", nil, s.ready},
		{"GET", "/version", nil, s.showVersion},
		{"POST", "/v1/predict", []string{"bundle"}, s.answer(Predict)},
		{"POST", "/v1/embed", []string{"bundle"}, s.answer(Embed)},
		{"POST", "/v1/inspect", nil, s.answer(Inspect)},
		{"POST", "/v1/recover", []string{"format"}, s.recoverModel},
		{"GET", "/v1/bundles", nil, s.listBundles},
		{"GET", "/v1/bundles/:family/:encoder", nil, s.showBundle},
		{"GET", "/v1/bundles/:family/:encoder/encoder.onnx", nil, s.exportBundle},
	}
}

func (s *Server) router() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c.Response(), c.Request(), err) }
	var paths []string
	for _, r := range s.routes() {
		handle := func(c echo.Context) error {
			if err := checkQuery(c.QueryParams(), r.queries); err != nil {
				return err
			}
			return r.handle(c.Response(), c.Request(), c.Param)
		}
		e.Add(r.method, r.path, handle)
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.path, handle)
		}
		paths = append(paths, r.method+" "+r.path)
	}
	s.paths = strings.Join(paths, ", ")
	return e
}

// ServeHTTP makes the server an http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// embed puts an RNN in the queue.
func (s *Server) embed(ctx context.Context, b *encoders.Bundle, m *rnn.Model) (encoders.Result, error) {
	d, err := s.queue.Do(ctx, groupKey{b, fmt.Sprint(m.Spec)}, m)
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.queue, c.embed = c.queue+d.Waited, d.Ran
	}
	return d.Value, err
}
