package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a server in a process of its own, on a socket.
type process struct {
	*exec.Cmd
	socket string
	log    *bytes.Buffer
	client *http.Client
}

// startServer starts one and waits until it is ready. TestMain has put the
// program on PATH.
func startServer(t *testing.T, socket, models string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("rnnrepd", "serve", "--listen", "unix://"+socket, "--models", models), socket: socket, log: &bytes.Buffer{}}
	p.client = clientOf("unix://" + socket)
	p.Stderr = p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait(); p.client.CloseIdleConnections() })
	for range 1000 {
		if resp, err := p.client.Get("http://server/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the server is not ready: %s", p.log)
	return nil
}

// halfway is a body that tells when its first half was sent and waits before
// the second.
type halfway struct {
	first, second []byte
	sent          chan<- struct{}
	goOn          <-chan struct{}
}

func (h *halfway) Read(p []byte) (int, error) {
	if len(h.first) > 0 {
		n := copy(p, h.first)
		h.first = h.first[n:]
		return n, nil
	}
	if h.sent != nil {
		close(h.sent)
		h.sent = nil
		<-h.goOn
	}
	n := copy(p, h.second)
	h.second = h.second[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestTermination: SIGTERM turns the server away from new clients, a request in
// progress is answered, and the exit code is 0.
func TestTermination(t *testing.T) {
	data, err := os.ReadFile("../../examples/models/formal_languages_r0_s1000.onnx")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	p := startServer(t, socket, smallBundles(t))
	sent, goOn := make(chan struct{}), make(chan struct{})
	status := make(chan int, 1)
	go func() {
		resp, err := p.client.Post("http://server/v1/predict", "", &halfway{data[:len(data)/2], data[len(data)/2:], sent, goOn})
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	<-sent
	// Connections are accepted in turn: an answer on a later one says that the
	// request's own is no longer on its way.
	resp, err := p.client.Get("http://server/livez")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it takes no more connections
		c, err := net.Dial("unix", socket)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	if s := <-status; s != http.StatusOK {
		t.Errorf("the request in progress got status %d", s)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.log)
	}
}

// TestTerminationUnderLoad: while many clients send one model after the other,
// SIGTERM costs none an answer: what was sent is answered, and what is not
// answered could not be sent.
func TestTerminationUnderLoad(t *testing.T) {
	data, err := os.ReadFile("../../examples/models/formal_languages_r0_s1000.onnx")
	if err != nil {
		t.Fatal(err)
	}
	p := startServer(t, filepath.Join(t.TempDir(), "s"), smallBundles(t))
	var answered, refused atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		client := clientOf("unix://" + p.socket)
		defer client.CloseIdleConnections()
		wg.Go(func() {
			for {
				resp, err := client.Post("http://server/v1/predict", "application/onnx", bytes.NewReader(data))
				switch {
				case err != nil && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)): // nobody listens any more
					return
				case err != nil:
					t.Errorf("a request was not answered: %v", err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch {
				case err != nil:
					t.Errorf("an answer broke off: %v", err)
				case resp.StatusCode == http.StatusOK:
					answered.Add(1)
				case resp.StatusCode == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	for answered.Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.log)
	}
	t.Logf("%d answered, %d told to go elsewhere", answered.Load(), refused.Load())
}

// TestRestartAfterKill: a socket that a killed server left is taken over.
func TestRestartAfterKill(t *testing.T) {
	socket, models := filepath.Join(t.TempDir(), "s"), smallBundles(t)
	p := startServer(t, socket, models)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	if _, err := os.Stat(socket); err != nil {
		t.Fatalf("the socket went with the server: %v", err)
	}
	startServer(t, socket, models)
}
