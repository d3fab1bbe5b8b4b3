package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rnnrep/server"
)

// pipes is a listener of in-memory connections, for tests in fake time.
type pipes struct {
	incoming chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newPipes() *pipes { return &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// dial connects, or returns nil once the listener is closed.
func (p *pipes) dial() net.Conn {
	client, side := net.Pipe()
	select {
	case p.incoming <- side:
		return client
	case <-p.closed:
		return nil
	}
}

// running is a server in fake time.
type running struct {
	*pipes
	stop func()       // SIGTERM
	end  <-chan error // of Serve
}

func run(t *testing.T, change func(*server.Config)) running {
	t.Helper()
	p, end := newPipes(), make(chan error, 1)
	s := newServer(t, change)
	ctx, stop := context.WithCancel(context.Background())
	go func() { end <- s.Serve(ctx, p) }()
	return running{p, stop, end}
}

// shut stops the server and returns how Serve ended.
func (r running) shut() error {
	r.stop()
	return <-r.end
}

// exchange sends a request's head, then the body as the client pleases, and
// returns the response, nil if the connection ends without one, and when it came.
func exchange(t *testing.T, c net.Conn, head string, send func(w io.Writer)) (*httptest.ResponseRecorder, time.Time) {
	t.Helper()
	sent := make(chan struct{})
	defer func() { c.Close(); <-sent }()
	go func() {
		defer close(sent)
		if _, err := io.WriteString(c, head); err == nil && send != nil {
			send(c)
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("reading the response: %v", err)
		}
		return nil, time.Now()
	}
	return recorded(t, resp), time.Now()
}

// ask is exchange for those who do not ask the time.
func ask(t *testing.T, c net.Conn, head string, send func(w io.Writer)) *httptest.ResponseRecorder {
	w, _ := exchange(t, c, head, send)
	return w
}

func postHead(length int) string {
	return fmt.Sprintf("POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", length)
}

// slowly writes data in pieces with pauses between them.
func slowly(data []byte, piece int, pause time.Duration) func(io.Writer) {
	return func(w io.Writer) {
		for len(data) > 0 {
			n := min(piece, len(data))
			if _, err := w.Write(data[:n]); err != nil {
				return
			}
			data = data[n:]
			time.Sleep(pause)
		}
	}
}

// TestSlowClientsAreCutOff: a client that sends nothing, or byte by byte, holds
// a connection for seconds, not for ever; one that is merely slow is served.
func TestSlowClientsAreCutOff(t *testing.T) {
	good := modelFile(t, trainedOn, 0)
	padded := append(bytes.Clone(good), message(2, string(make([]byte, 300<<10)))...) // a long producer_name
	for name, c := range map[string]struct {
		head   string
		send   func(io.Writer)
		within time.Duration
		status int // 0: no answer
		code   string
	}{
		"says nothing":      {"", nil, 11 * time.Second, 0, ""},
		"header by byte":    {"", slowly([]byte(postHead(10)), 1, 2*time.Second), 11 * time.Second, 400, ""}, /* net/http's own words */
		"no body":           {postHead(1000), nil, 11 * time.Second, 408, "slow_upload"},
		"body by byte":      {postHead(len(good)), slowly(good, 1, 9*time.Second), 11 * time.Second, 408, "slow_upload"},
		"stops in the body": {postHead(len(padded)), slowly(padded[:200<<10], 64<<10, 0), 11 * time.Second, 408, "slow_upload"},
		"slow":              {postHead(len(padded)), slowly(padded, 32<<10, 4*time.Second), time.Minute, 200, ""},
		"too slow in all":   {postHead(60 << 20), func(w io.Writer) { slowly(make([]byte, 60<<20), 64<<10, 5*time.Second)(w) }, 301 * time.Second, 408, "slow_upload"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, nil)
				start := time.Now()
				w, at := exchange(t, s.dial(), c.head, c.send)
				if took := at.Sub(start); took > c.within {
					t.Errorf("took %s", took)
				}
				switch {
				case c.status == 0 && w != nil:
					t.Errorf("status %d", w.Code)
				case c.status != 0 && w == nil:
					t.Error("no answer")
				case c.code != "":
					checkProblem(t, w, c.status, c.code)
				case c.status != 0 && w.Code != c.status:
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				if err := s.shut(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDrainAnswersWhatWasAccepted: after the signal the server is not ready but
// answers; then it takes no connections and finishes what it has.
func TestDrainAnswersWhatWasAccepted(t *testing.T) {
	good := modelFile(t, trainedOn, 0)
	synctest.Test(t, func(t *testing.T) {
		s := run(t, func(c *server.Config) { c.DrainDelay, c.DrainTimeout = 5*time.Second, 20*time.Second })
		answers := make(chan *httptest.ResponseRecorder, 1)
		go func() { answers <- ask(t, s.dial(), postHead(len(good)), slowly(good, len(good)/8, time.Second)) }()
		synctest.Wait()
		s.stop()
		time.Sleep(time.Second)
		ready := ask(t, s.dial(), "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", nil)
		checkProblem(t, ready, 503, "draining")
		if ready.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if w := ask(t, s.dial(), "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", nil); w.Code != 200 {
			t.Errorf("not alive while draining: %d", w.Code)
		}
		if w := ask(t, s.dial(), postHead(len(good)), slowly(good, len(good), 0)); w.Code != 200 {
			t.Errorf("refused before the delay was over: %d", w.Code)
		}
		time.Sleep(5 * time.Second)
		if c := s.dial(); c != nil {
			t.Error("a connection was accepted after the delay")
		}
		if w := <-answers; w == nil || w.Code != 200 {
			t.Errorf("the request in progress got %+v", w)
		}
		if err := <-s.end; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainLeavesNoRequestUnanswered on connections that are in use: the last
// answer tells the client to go.
func TestDrainLeavesNoRequestUnanswered(t *testing.T) {
	good := modelFile(t, trainedOn, 0)
	synctest.Test(t, func(t *testing.T) {
		s := run(t, nil)
		var clients sync.WaitGroup
		for range 5 {
			clients.Go(func() {
				c := s.dial()
				defer c.Close()
				for r := bufio.NewReader(c); ; time.Sleep(100 * time.Millisecond) {
					sent := make(chan struct{})
					go func() { defer close(sent); _, _ = io.WriteString(c, postHead(len(good))+string(good)) }()
					resp, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Errorf("no answer: %v", err)
						return
					}
					if w := recorded(t, resp); w.Code != 200 {
						t.Errorf("status %d", w.Code)
					}
					<-sent
					if resp.Close {
						return
					}
				}
			})
		}
		idle := s.dial()
		defer idle.Close()
		time.Sleep(time.Second)
		if err := s.shut(); err != nil {
			t.Error(err)
		}
		clients.Wait()
	})
}

// TestDrainTimeoutTellsThoseLeft: a request that outlasts the drain gets an
// answer, not a broken connection.
func TestDrainTimeoutTellsThoseLeft(t *testing.T) {
	good := modelFile(t, trainedOn, 0)
	synctest.Test(t, func(t *testing.T) {
		s := run(t, func(c *server.Config) { c.DrainTimeout = 2 * time.Second })
		answers := make(chan *httptest.ResponseRecorder, 1)
		go func() { answers <- ask(t, s.dial(), postHead(len(good)), slowly(good, len(good)/9, time.Second)) }()
		synctest.Wait()
		start := time.Now()
		if err := s.shut(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("took %s", took)
		}
		checkProblem(t, <-answers, 503, "draining")
	})
}

// TestKeepAlive: after an upload with its deadlines the connection serves on.
func TestKeepAlive(t *testing.T) {
	good := modelFile(t, trainedOn, 0)
	synctest.Test(t, func(t *testing.T) {
		s := run(t, nil)
		c := s.dial()
		r := bufio.NewReader(c)
		for range 3 {
			go func() { _, _ = io.WriteString(c, postHead(len(good))+string(good)) }()
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if w := recorded(t, resp); w.Code != 200 {
				t.Errorf("status %d", w.Code)
			}
			time.Sleep(time.Minute) // beyond every deadline of the upload
		}
		c.Close()
		if err := s.shut(); err != nil {
			t.Error(err)
		}
	})
}

// TestConnectionsAreLimited: one too many waits, and is served when another ends.
func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, func(c *server.Config) { c.MaxConnections = 1 })
		first := s.dial()
		served := make(chan time.Time, 1)
		start := time.Now()
		go func() {
			ask(t, s.dial(), "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", nil)
			served <- time.Now()
		}()
		time.Sleep(5 * time.Second)
		first.Close()
		if waited := (<-served).Sub(start); waited < 5*time.Second {
			t.Errorf("served after %s beside another connection", waited)
		}
		if err := s.shut(); err != nil {
			t.Error(err)
		}
	})
}
