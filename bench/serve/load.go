package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// poster posts models.
type poster struct {
	url           string
	model         []byte
	clients       int
	rate, hostile float64
	pid           int
	client        *http.Client
}

// upload is one request's body and what is odd about how it is sent.
type upload struct {
	body  []byte
	kind  string // Content-Type; "": ONNX
	leave int    // bytes after which the client goes away; 0: it stays
	bad   bool   // a hostile upload
}

// sample is what became of one request.
type sample struct {
	status int
	err    error
	took   time.Duration
	bad    bool
}

// post sends an upload and reads the answer to its end.
func (p *poster) post(u upload) sample {
	start := time.Now()
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	var body io.Reader = bytes.NewReader(u.body)
	if u.leave > 0 {
		body = &abandoned{u.body[:u.leave], leave}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, body)
	if err != nil {
		return sample{err: err, bad: u.bad}
	}
	r.Header.Set("Content-Type", "application/onnx")
	if u.kind != "" {
		r.Header.Set("Content-Type", u.kind)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return sample{err: err, bad: u.bad}
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return sample{status: resp.StatusCode, err: err, took: time.Since(start), bad: u.bad}
}

// abandoned is a body whose client goes away at its end.
type abandoned struct {
	left  []byte
	leave func()
}

func (a *abandoned) Read(p []byte) (int, error) {
	if len(a.left) == 0 {
		a.leave()
		return 0, context.Canceled
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

// load posts over all connections for so long. At a rate, a request's time runs
// from when it was due, so that a server which stalls is charged for those that
// could not be sent.
func (p *poster) load(length time.Duration, r *report) {
	var sent atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for c := range p.clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			for time.Since(start) < length {
				due := time.Now()
				if p.rate > 0 {
					due = start.Add(time.Duration(float64(sent.Add(1)) / p.rate * float64(time.Second)))
					time.Sleep(time.Until(due))
				}
				late := time.Since(due)
				s := p.post(p.upload(random))
				s.took += late
				r.add(s)
			}
		})
	}
	wg.Wait()
}
