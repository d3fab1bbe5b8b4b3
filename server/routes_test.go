package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"rnnrep/encoders/enctest"
	"rnnrep/internal/safetensors"
	"rnnrep/rnn"
	"rnnrep/server"
)

// TestEveryErrorIsAProblem: whatever goes wrong, in the router, the limits or
// the handlers, is told as RFC 9457 says.
func TestEveryErrorIsAProblem(t *testing.T) {
	s := newServer(t, func(c *server.Config) { c.MaxBytes = 1 << 20 })
	good := modelFile(t, trainedOn, 0)
	noModel, noModelBody := form(t, part{"data", "weights.bin", "x"})
	two, twoBody := form(t, part{"model", "a.onnx", string(good)}, part{"model", "b.onnx", string(good)})
	double, doubleBody := form(t, part{"a", "w.bin", "x"}, part{"b", "w.bin", "x"})
	text, textBody := form(t, part{"bundle", "", "x"})
	many, manyBody := form(t, func() (ps []part) {
		for i := range 70 {
			ps = append(ps, part{"data", strings.Repeat("d", i+1), "x"})
		}
		return ps
	}()...)
	for name, c := range map[string]struct {
		method, path, kind string
		body               []byte
		status             int
		code               string
		says               []string
	}{
		"no such path":           {"GET", "/v2x", "", nil, 404, "not_found", []string{"/v2x", "POST /v1/predict"}},
		"wrong method":           {"GET", "/v1/predict", "", nil, 405, "method_not_allowed", []string{"GET", "Allow"}},
		"wrong method on get":    {"POST", "/livez", "", nil, 405, "method_not_allowed", nil},
		"empty body":             {"POST", "/v1/predict", "", nil, 400, "empty_input", []string{"curl"}},
		"too large":              {"POST", "/v1/predict", "", make([]byte, 1<<20+1), 413, "too_large", []string{"1048576"}},
		"wrong type":             {"POST", "/v1/predict", "text/html", good, 415, "unsupported_media_type", []string{"text/html", "application/onnx"}},
		"unreadable type":        {"POST", "/v1/predict", "a/b; =", good, 415, "unsupported_media_type", nil},
		"form without boundary":  {"POST", "/v1/predict", "multipart/form-data", good, 400, "bad_request", []string{"boundary"}},
		"form with junk":         {"POST", "/v1/predict", "multipart/form-data; boundary=x", good, 400, "bad_request", nil},
		"empty form":             {"POST", "/v1/predict", "multipart/form-data; boundary=x", []byte("--x--\r\n"), 400, "bad_request", []string{"no model"}},
		"form cut off":           {"POST", "/v1/predict", two, twoBody[:len(twoBody)/4], 400, "bad_request", []string{"ended early"}},
		"form without model":     {"POST", "/v1/predict", noModel, noModelBody, 400, "bad_request", []string{"no model"}},
		"form with two models":   {"POST", "/v1/predict", two, twoBody, 400, "bad_request", []string{"two models"}},
		"form with a file twice": {"POST", "/v1/predict", double, doubleBody, 400, "bad_request", []string{"twice"}},
		"form with text":         {"POST", "/v1/predict", text, textBody, 400, "bad_request", []string{"no file"}},
		"form of many parts":     {"POST", "/v1/predict", many, manyBody, 400, "bad_request", []string{"64"}},
		"form of a long header": {"POST", "/v1/predict", "multipart/form-data; boundary=x",
			[]byte("--x\r\nA: " + strings.Repeat("a", 100_000) + "\r\n\r\n--x--"), 400, "bad_request", []string{"header"}},
		"not ONNX":           {"POST", "/v1/inspect", "", []byte("hello, this is text"), 422, "not_onnx", nil},
		"unknown bundle":     {"POST", "/v1/predict?bundle=a/b", "", good, 404, "unknown_bundle", []string{statistics, probing}},
		"unknown query":      {"POST", "/v1/predict?bundel=x", "", good, 400, "bad_request", []string{"bundel", "bundle"}},
		"query on inspect":   {"POST", "/v1/inspect?bundle=x", "", good, 400, "bad_request", nil},
		"unknown format":     {"POST", "/v1/recover?format=npy", "", good, 400, "bad_request", []string{"npy", "safetensors"}},
		"bundle not found":   {"GET", "/v1/bundles/a/b", "", nil, 404, "unknown_bundle", nil},
		"export not found":   {"GET", "/v1/bundles/a/b/encoder.onnx", "", nil, 404, "unknown_bundle", nil},
		"spec not accepted":  {"POST", "/v1/embed?bundle=" + probing, "", modelFile(t, rnn.Uniform("gru", 3, 4, 1, 2), 0), 422, "spec_not_accepted", []string{"6 inputs"}},
		"weird path":         {"GET", "/v1/bundles/%2e%2e/x", "", nil, 404, "unknown_bundle", nil},
		"path of odd bytes":  {"GET", "/%00%ff", "", nil, 404, "not_found", nil},
		"method of own make": {"BREW", "/v1/predict", "", nil, 405, "method_not_allowed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := request(s, c.method, c.path, c.kind, bytes.NewReader(c.body))
			p := checkProblem(t, w, c.status, c.code)
			if !contains(p.Detail+p.Accepted+p.Hint, c.says...) {
				t.Errorf("%+v does not say %q", p, c.says)
			}
		})
	}
}

func TestContentEncodingIsRefused(t *testing.T) {
	r := newRequest("POST", "/v1/predict", modelFile(t, trainedOn, 0))
	r.Header.Set("Content-Encoding", "gzip")
	checkProblem(t, serve(newServer(t, nil), r), 415, "unsupported_media_type")
}

func TestMethodNotAllowedNamesMethods(t *testing.T) {
	w := request(newServer(t, nil), "DELETE", "/v1/bundles", "", nil)
	checkProblem(t, w, 405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); !contains(allow, "GET", "HEAD") {
		t.Errorf("Allow %q", allow)
	}
}

// TestAnswersByRoute: each route gives its share of an answer.
func TestAnswersByRoute(t *testing.T) {
	s := newServer(t, nil)
	data := modelFile(t, trainedOn, 3)
	sum := sha256.Sum256(data)
	for path, c := range map[string]struct{ report, embedding, predictions bool }{
		"/v1/inspect": {report: true}, "/v1/embed": {embedding: true}, "/v1/predict": {embedding: true, predictions: true},
	} {
		w := post(s, path, data)
		a := answerOf(t, w)
		if a.SHA256 != hex.EncodeToString(sum[:]) || a.RNN == nil || a.Verified == nil || a.RNN.Cell != "lstm" || a.RNN.Parameters != trainedOn.Parameters() {
			t.Errorf("%s: %s", path, w.Body)
		}
		if (a.Report != nil) != c.report || (len(a.Embedding) == 4) != c.embedding || (a.Predictions != nil) != c.predictions ||
			(len(a.Neighbours) > 0) != c.predictions || (a.Trust != nil) != c.embedding || (a.Bundle != "") != c.embedding {
			t.Errorf("%s: %s", path, w.Body)
		}
		if w.Header().Get("Content-Type") != "application/json" || !contains(w.Header().Get("Server-Timing"), "upload;dur=", "read;dur=") {
			t.Errorf("%s: header %v", path, w.Header())
		}
	}
}

// TestBundleIsChosen: the best bundle for the RNN, unless one is named.
func TestBundleIsChosen(t *testing.T) {
	s := newServer(t, nil)
	other := rnn.Uniform("gru", 3, 4, 1, 2)
	for _, c := range []struct {
		spec          rnn.Spec
		query, bundle string
		inPopulation  bool
	}{
		{trainedOn, "?bundle=" + statistics, statistics, true},
		{trainedOn, "?bundle=" + probing, probing, true},
		{other, "", statistics, false},
		{rnn.Uniform("lstm", 6, 5, 1, 6), "", statistics, false},
	} {
		a := answerOf(t, post(s, "/v1/predict"+c.query, modelFile(t, c.spec, 0)))
		if a.Bundle != c.bundle {
			t.Errorf("%s%s: bundle %s, want %s", c.spec, c.query, a.Bundle, c.bundle)
		}
		if a.Trust.InPopulation && !c.inPopulation || (a.Trust.Note == "") != a.Trust.InPopulation {
			t.Errorf("%s: trust %+v", c.spec, a.Trust)
		}
	}
}

// TestFormsAndBodiesAgree: the same model gives the same answer however it is
// sent.
func TestFormsAndBodiesAgree(t *testing.T) {
	s := newServer(t, nil)
	data := modelFile(t, trainedOn, 0)
	want := post(s, "/v1/predict", data).Body.String()
	for _, kind := range []string{"", "application/onnx", "application/x-www-form-urlencoded", "application/octet-stream; charset=binary"} {
		if got := request(s, "POST", "/v1/predict", kind, bytes.NewReader(data)).Body.String(); got != want {
			t.Errorf("%q: %s, want %s", kind, got, want)
		}
	}
	for _, p := range []part{{"model", "m.onnx", string(data)}, {"model", "m", string(data)}, {"file", "m.ONNX", string(data)}, {"model", "", string(data)}} {
		kind, body := form(t, p)
		a := answerOf(t, request(s, "POST", "/v1/predict", kind, bytes.NewReader(body)))
		if a.File != p.file {
			t.Errorf("file %q, want %q", a.File, p.file)
		}
		a.File = ""
		got, err := json.Marshal(a)
		if err != nil || string(got) != strings.TrimSpace(want) {
			t.Errorf("%+v: %s, want %s", p, got, want)
		}
	}
}

// TestRecoverGivesTheWeights bit for bit, in both formats.
func TestRecoverGivesTheWeights(t *testing.T) {
	s := newServer(t, nil)
	for _, spec := range []rnn.Spec{trainedOn, rnn.Uniform("gru", 3, 4, 1, 0), rnn.Uniform("rnn_tanh", 2, 7, 3, 5)} {
		want := enctest.Models(spec, 1)[0]
		w := post(s, "/v1/recover", modelFile(t, spec, 0))
		tensors, meta, err := safetensors.Read(w.Body.Bytes())
		if err != nil || w.Code != http.StatusOK || meta["format"] != "pt" {
			t.Fatalf("%s: %d %v", spec, w.Code, err)
		}
		for _, x := range tensors {
			if named := want.Named(x.Name); !equalBits(named, x.Data) {
				t.Errorf("%s: %s differs", spec, x.Name)
			}
		}
		if len(tensors) != len(spec.Layout()) {
			t.Errorf("%s: %d tensors", spec, len(tensors))
		}
		again := post(s, "/v1/recover", post(s, "/v1/recover?format=onnx", modelFile(t, spec, 0)).Body.Bytes())
		if !bytes.Equal(again.Body.Bytes(), w.Body.Bytes()) {
			t.Errorf("%s: weights changed on the way through ONNX", spec)
		}
	}
}

func TestBundleRoutes(t *testing.T) {
	s := newServer(t, nil)
	var list server.BundleList
	w := request(s, "GET", "/v1/bundles", "", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Bundles) != 2 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	for _, b := range list.Bundles {
		one := request(s, "GET", "/v1/bundles/"+b.Name, "", nil)
		want, err := json.Marshal(b)
		if err != nil || strings.TrimSpace(one.Body.String()) != string(want) {
			t.Errorf("%s: %s, in the list %s", b.Name, one.Body, want)
		}
		export := request(s, "GET", "/v1/bundles/"+b.Name+"/encoder.onnx", "", nil)
		if export.Code != http.StatusOK || export.Body.Len() == 0 || export.Header().Get("Content-Type") != "application/onnx" {
			t.Errorf("%s: %d %v", b.Name, export.Code, export.Header())
		}
		r := newRequest("GET", "/v1/bundles/"+b.Name+"/encoder.onnx", nil)
		r.Header.Set("If-None-Match", export.Header().Get("ETag"))
		if again := serve(s, r); again.Code != http.StatusNotModified {
			t.Errorf("%s: %d for what the client has", b.Name, again.Code)
		}
	}
}

func TestHealth(t *testing.T) {
	s := newServer(t, nil)
	for path, want := range map[string]string{"/livez": "ok\n", "/readyz": `{"ready":true,"bundles":2}` + "\n"} {
		if w := request(s, "GET", path, "", nil); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
		if w := request(s, "HEAD", path, "", nil); w.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	var v server.Version
	w := request(s, "GET", "/version", "", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.Version != "test" || v.Go == "" || v.Kernels == "" {
		t.Errorf("%v: %s", err, w.Body)
	}
}

// TestRequestIDs: a client's own id comes back if it is safe in a log.
func TestRequestIDs(t *testing.T) {
	s := newServer(t, nil)
	for id, kept := range map[string]bool{"abc-123": true, "": false, "a b": false, "a\"b": false, strings.Repeat("x", 129): false} {
		r := newRequest("GET", "/livez", nil)
		r.Header.Set("X-Request-Id", id)
		if got := serve(s, r).Header().Get("X-Request-Id"); (got == id) != kept || got == "" {
			t.Errorf("%q: got %q", id, got)
		}
	}
}

// TestRefusalsNameTheNode: a refusal's fields reach the client.
func TestRefusalsNameTheNode(t *testing.T) {
	data := modelFile(t, trainedOn, 0)
	copy(data[bytes.Index(data, floatBytes(firstWeight(trainedOn))):], []byte{0, 0, 0xc0, 0x7f})
	p := checkProblem(t, post(newServer(t, nil), "/v1/predict", data), 422, "non_finite_weights")
	if p.Node == "" || p.Hint == "" || p.Accepted == "" {
		t.Errorf("%+v", p)
	}
}
