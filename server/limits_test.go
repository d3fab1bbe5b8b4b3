package server_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/rnn"
	"rnnrep/server"
)

// hooked is an encoder that does something before it encodes.
type hooked struct {
	encoders.Encoder
	before func(n int) // number of RNNs
}

func (h hooked) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	h.before(p.Models)
	return h.Encoder.Encode(t, p)
}

// withHook is a server whose statistics bundle calls before.
func withHook(t *testing.T, before func(n int), change func(*server.Config)) *server.Server {
	return newServer(t, func(c *server.Config) {
		c.Bundles = c.Bundles[:1]
		c.Bundles[0].Encoder = hooked{c.Bundles[0].Encoder, before}
		if change != nil {
			change(c)
		}
	})
}

// TestPanicsAreContained: the request gets a 500 without inside knowledge, the
// log the stack, and the next request an answer.
func TestPanicsAreContained(t *testing.T) {
	var log bytes.Buffer
	bad := true
	s := withHook(t, func(int) {
		if bad {
			panic("secret")
		}
	}, func(c *server.Config) { c.Log = logTo(&log) })
	data := modelFile(t, trainedOn, 0)
	w := post(s, "/v1/predict", data)
	p := checkProblem(t, w, 500, "internal")
	if contains(w.Body.String(), "secret") || !contains(p.Hint, "X-Request-Id") {
		t.Errorf("told: %s", w.Body)
	}
	if !contains(log.String(), "secret", "limits_test.go", w.Header().Get("X-Request-Id")) {
		t.Errorf("logged: %s", &log)
	}
	bad = false
	answerOf(t, post(s, "/v1/predict", data))
}

// TestUploadsAreBounded: more than twice MaxQueue at a time get 429, until one
// ends.
func TestUploadsAreBounded(t *testing.T) {
	checkLeaks(t)
	s := newServer(t, func(c *server.Config) { c.MaxQueue = 1 })
	data := modelFile(t, trainedOn, 0)
	arrived, stop, done := make(chan struct{}, 2), make(chan struct{}), make(chan *httptest.ResponseRecorder, 2)
	for range 2 {
		go func() {
			done <- request(s, "POST", "/v1/predict", "", &blocked{arrived, stop})
		}()
		<-arrived
	}
	w := post(s, "/v1/predict", data)
	checkProblem(t, w, 429, "busy")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(stop)
	for range 2 {
		checkProblem(t, <-done, 400, "bad_request")
	}
	answerOf(t, post(s, "/v1/predict", data))
}

// TestQueueIsBounded: requests beyond MaxQueue get 429 while the encoder is busy.
func TestQueueIsBounded(t *testing.T) {
	checkLeaks(t)
	busy, release := make(chan struct{}, 10), make(chan struct{})
	s := withHook(t, func(int) { busy <- struct{}{}; <-release }, func(c *server.Config) { c.MaxQueue = 1 })
	data := modelFile(t, trainedOn, 0)
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() { done <- post(s, "/v1/predict", data) }()
	<-busy
	checkProblem(t, post(s, "/v1/predict", data), 429, "busy")
	close(release)
	answerOf(t, <-done)
	answerOf(t, post(s, "/v1/predict", data))
}

func TestAnswersTakeNoLongerThanTimeout(t *testing.T) {
	checkLeaks(t)
	release := make(chan struct{})
	s := withHook(t, func(int) { <-release }, func(c *server.Config) { c.Timeout = 20 * time.Millisecond })
	w := post(s, "/v1/predict", modelFile(t, trainedOn, 0))
	checkProblem(t, w, 503, "timeout")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(release)
}

// TestAbandonedRequestsStopCosting: a model whose client went away while it
// waited is never embedded.
func TestAbandonedRequestsStopCosting(t *testing.T) {
	checkLeaks(t)
	var embedded atomic.Int64
	busy, release := make(chan struct{}, 10), make(chan struct{})
	s := withHook(t, func(n int) { embedded.Add(int64(n)); busy <- struct{}{}; <-release }, nil)
	data := modelFile(t, trainedOn, 0)
	workers := runtime.GOMAXPROCS(0)
	done, gone := make(chan *httptest.ResponseRecorder, workers), make(chan *httptest.ResponseRecorder)
	for range workers {
		go func() { done <- post(s, "/v1/predict", data) }()
		<-busy
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { gone <- serve(s, newRequest("POST", "/v1/predict", data).WithContext(ctx)) }()
	time.Sleep(20 * time.Millisecond) // most likely it waits by now; the test holds if not
	cancel()
	checkProblem(t, <-gone, 499, "abandoned")
	close(release)
	for range workers {
		answerOf(t, <-done)
	}
	if n := embedded.Load(); n != int64(workers) {
		t.Errorf("%d RNNs were embedded, %d clients stayed", n, workers)
	}
}

// TestRequestsAreBatched: what waits for the encoder goes through it together,
// and each client gets its own answer.
func TestRequestsAreBatched(t *testing.T) {
	checkLeaks(t)
	var largest atomic.Int64
	s := withHook(t, func(n int) {
		for m := largest.Load(); int64(n) > m && !largest.CompareAndSwap(m, int64(n)); m = largest.Load() {
		}
	}, func(c *server.Config) { c.MaxBatch, c.BatchDelay = 4, time.Second })
	alone := newServer(t, func(c *server.Config) { c.Bundles = c.Bundles[:1] })
	type result struct {
		i int
		w *httptest.ResponseRecorder
	}
	results := make(chan result, 8)
	for i := range 8 {
		go func() { results <- result{i, post(s, "/v1/embed", modelFile(t, trainedOn, i))} }()
	}
	for range 8 {
		r := <-results
		got, want := answerOf(t, r.w), answerOf(t, post(alone, "/v1/embed", modelFile(t, trainedOn, r.i)))
		for j, x := range want.Embedding {
			if d := got.Embedding[j] - x; d > 1e-5 || d < -1e-5 {
				t.Errorf("model %d: embedding %v, alone %v", r.i, got.Embedding, want.Embedding)
				break
			}
		}
	}
	if largest.Load() != 4 {
		t.Errorf("at most %d at a time, want 4", largest.Load())
	}
}

// TestFailedGroupsRunOneByOne: what breaks a batch fails none that is sound by
// itself.
func TestFailedGroupsRunOneByOne(t *testing.T) {
	var groups atomic.Int64
	s := withHook(t, func(n int) {
		if n > 1 {
			groups.Add(1)
			panic("together")
		}
	}, func(c *server.Config) { c.BatchDelay, c.MaxBatch = time.Minute, 2 })
	done := make(chan *httptest.ResponseRecorder, 2)
	for range 2 {
		go func() { done <- post(s, "/v1/embed", modelFile(t, trainedOn, 0)) }()
	}
	answerOf(t, <-done)
	answerOf(t, <-done)
	if groups.Load() != 1 {
		t.Errorf("%d groups of two", groups.Load())
	}
}
