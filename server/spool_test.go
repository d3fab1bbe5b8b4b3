package server_test

import (
	"bytes"
	"os"
	"testing"

	"rnnrep/internal/errs"
	"rnnrep/rnn"
	"rnnrep/server"
)

// largeModel is an RNN whose file does not stay in memory.
var largeModel = rnn.Uniform("lstm", 6, 128, 2, 6)

// TestLargeUploads wait on disk, answer like any other and leave nothing there.
func TestLargeUploads(t *testing.T) {
	dir := t.TempDir()
	s := newServer(t, func(c *server.Config) { c.SpoolDir = dir })
	data := modelFile(t, largeModel, 0)
	want := post(s, "/v1/inspect", data).Body.String()
	if a := answerOf(t, post(s, "/v1/inspect", data)); a.RNN.Parameters != largeModel.Parameters() {
		t.Errorf("%+v", a.RNN)
	}
	r := newRequest("POST", "/v1/inspect", data)
	r.ContentLength = -1
	if got := serve(s, r).Body.String(); got != want {
		t.Errorf("without a length: %s, want %s", got, want)
	}
	kind, body := form(t, part{"data", "a.bin", string(make([]byte, 200<<10))}, part{"model", "m.onnx", string(data)})
	answerOf(t, request(s, "POST", "/v1/inspect", kind, bytes.NewReader(body)))
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

// TestDiskIsBounded: uploads beyond its space get 429, and space is given back.
func TestDiskIsBounded(t *testing.T) {
	data := modelFile(t, largeModel, 0)
	s := newServer(t, func(c *server.Config) { c.SpoolDir, c.SpoolBytes = t.TempDir(), int64(len(data)) })
	for range 3 {
		answerOf(t, post(s, "/v1/inspect", data))
		w := post(s, "/v1/inspect", append(bytes.Clone(data), message(2, "x")...))
		checkProblem(t, w, 429, "busy")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

// TestDiskThatFails is the server's mistake, and the log says whose.
func TestDiskThatFails(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, func(c *server.Config) { c.SpoolDir, c.Log = "/nowhere", logTo(&log) })
	p := checkProblem(t, post(s, "/v1/inspect", modelFile(t, largeModel, 0)), 500, string(errs.Internal))
	if contains(p.Detail, "/nowhere") || !contains(log.String(), "/nowhere", "request_id") {
		t.Errorf("told %q, logged %s", p.Detail, &log)
	}
}
