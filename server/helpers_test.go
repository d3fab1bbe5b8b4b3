package server_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/exporter"
	"rnnrep/rnn"
	"rnnrep/server"
)

// trainedOn is the spec of the test bundles' zoo.
var trainedOn = rnn.Uniform("lstm", 6, 8, 2, 6)

const (
	statistics = "test/layerwise_statistics"
	probing    = "test/interactive_probing"
)

// testBundles are untrained: their answers are of the right form, no more.
func testBundles(t testing.TB) []*encoders.Bundle {
	t.Helper()
	return []*encoders.Bundle{
		enctest.Bundle(t, encoders.Config{Kind: "layerwise_statistics", Dim: 4, Spec: trainedOn, Options: json.RawMessage(`{"hidden":[8]}`)}),
		enctest.Bundle(t, encoders.Config{Kind: "interactive_probing", Dim: 4, Spec: trainedOn, Options: json.RawMessage(`{"steps":3,"hidden":5,"layers":1}`)}),
	}
}

// newServer returns a server with the test bundles.
func newServer(t testing.TB, change func(*server.Config)) *server.Server {
	t.Helper()
	c := server.Config{Bundles: testBundles(t), Version: "test"}
	if change != nil {
		change(&c)
	}
	return server.New(c)
}

// modelFile returns the i-th test RNN of a spec as ONNX.
func modelFile(t testing.TB, s rnn.Spec, i int) []byte {
	t.Helper()
	return exported(t, enctest.Models(s, i+1)[i])
}

// exported is a model as ONNX.
func exported(t testing.TB, m *rnn.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := exporter.WriteRNN(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// request sends one request; type "" sends no Content-Type.
func request(s http.Handler, method, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func post(s http.Handler, path string, body []byte) *httptest.ResponseRecorder {
	return request(s, "POST", path, "application/octet-stream", bytes.NewReader(body))
}

// part is one part of a form.
type part struct{ field, file, data string }

func form(t testing.TB, parts ...part) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range parts {
		create := func() (io.Writer, error) { return m.CreateFormFile(p.field, p.file) }
		if p.file == "" {
			create = func() (io.Writer, error) { return m.CreateFormField(p.field) }
		}
		w, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.Bytes()
}

// problem is what every error must be.
type problem struct {
	Type, Title, Detail, Code, Node, Accepted, Hint string
	Status                                          int
}

// checkProblem demands a whole problem document of the given status and code.
func checkProblem(t testing.TB, w *httptest.ResponseRecorder, status int, code string) problem {
	t.Helper()
	var p problem
	d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Errorf("%v: %q is no problem", err, w.Body)
	}
	if w.Code != status || p.Status != status || p.Code != code || p.Title == "" || p.Type != "urn:rnnrepd:problem:"+code || p.Detail == "" {
		t.Errorf("status %d: %s, want %d %s", w.Code, w.Body, status, code)
	}
	if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("Content-Type %q", kind)
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Error("no request id")
	}
	return p
}

// answerOf decodes a 200 answer.
func answerOf(t testing.TB, w *httptest.ResponseRecorder) server.Answer {
	t.Helper()
	var a server.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK || !a.OK {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return a
}

// checkLeaks fails the test if it leaves goroutines.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}

// repeat is a body of n bytes that costs nothing to make.
func repeat(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func contains(text string, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func newRequest(method, path string, body []byte) *http.Request {
	return httptest.NewRequest(method, path, bytes.NewReader(body))
}

func serve(s http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func floatBytes(x float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)) }

func equalBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// testModel is the RNN of modelFile(t, s, 0).
func testModel(s rnn.Spec) *rnn.Model { return enctest.Models(s, 1)[0] }

// raw sends bytes over a connection of their own, closes the sending side and
// reads the response.
func raw(t testing.TB, s *httptest.Server, text string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// recorded reads a response to its end.
func recorded(t testing.TB, resp *http.Response) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	w.Code = resp.StatusCode
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	if _, err := io.Copy(w.Body, resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
