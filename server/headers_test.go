package server_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/server"
)

// with sends a request with headers, given as pairs of name and value.
func with(s http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// largeMap is the path of a map that is worth compressing.
const largeMap = "/v1/bundles/" + statistics + "/map"

func withLargeMap(t *testing.T) *server.Server {
	return newServer(t, func(c *server.Config) {
		members, z := make([]encoders.Member, 500), make([]float32, 4*500)
		for i := range members {
			members[i] = encoders.Member{Run: i, Step: i, Task: "t"}
			z[4*i], z[4*i+1] = float32(i), float32(i*i%7)
		}
		b := enctest.Bundle(t, c.Bundles[0].Manifest.Encoder)
		b.Reference = encoders.NewReference(members, z, 4)
		c.Bundles = []*encoders.Bundle{b}
	})
}

// TestGzip: long JSON is compressed for those who take it, and is the same; what
// is short, asked for in part, or not text is sent as it is.
func TestGzip(t *testing.T) {
	s := withLargeMap(t)
	plain := with(s, "GET", largeMap)
	if plain.Code != 200 || plain.Header().Get("Content-Encoding") != "" || plain.Body.Len() < 20_000 {
		t.Fatal(plain.Code, plain.Header(), plain.Body.Len())
	}
	zipped := with(s, "GET", largeMap, "Accept-Encoding", "br, gzip;q=0.5")
	h := zipped.Header()
	if h.Get("Content-Encoding") != "gzip" || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Length") != "" || h.Get("ETag") != "W/"+plain.Header().Get("ETag") {
		t.Errorf("headers %v", h)
	}
	if n := zipped.Body.Len(); n > plain.Body.Len()/3 {
		t.Errorf("%d of %d bytes", n, plain.Body.Len())
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != plain.Body.String() {
		t.Errorf("%v: %d bytes, plain %d", err, len(text), plain.Body.Len())
	}
	if w := with(s, "GET", largeMap, "Accept-Encoding", "gzip", "If-None-Match", h.Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("status %d for what has not changed", w.Code)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"refused":  with(s, "GET", largeMap, "Accept-Encoding", "gzip;q=0, br"),
		"a part":   with(s, "GET", largeMap, "Accept-Encoding", "gzip", "Range", "bytes=0-9999"),
		"the head": with(s, "HEAD", largeMap, "Accept-Encoding", "gzip"),
		"short":    with(s, "GET", "/version", "Accept-Encoding", "gzip"),
		"weights":  with(s, "GET", "/v1/bundles/"+statistics+"/encoder.onnx", "Accept-Encoding", "gzip"),
		"no route": with(s, "GET", "/nothing", "Accept-Encoding", "gzip"),
	} {
		if w.Header().Get("Content-Encoding") != "" || w.Code >= 500 {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
}

// TestCrossOrigin: pages of other origins may ask only where that is allowed, and
// need no key to find out.
func TestCrossOrigin(t *testing.T) {
	keys, err := server.ParseKeys("k read,predict " + server.HashKey("secret"))
	if err != nil {
		t.Fatal(err)
	}
	allowing := func(origins ...string) http.Handler {
		return newServer(t, func(c *server.Config) { c.Origins, c.Keys = origins, keys })
	}
	const lab = "https://lab.example"
	preflight := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type, x-api-key"}
	for name, c := range map[string]struct {
		s            http.Handler
		origin, want string
	}{
		"off":     {allowing(), lab, ""},
		"allowed": {allowing("https://other.example", lab), lab, lab},
		"another": {allowing("https://other.example"), lab, ""},
		"all":     {allowing("*"), lab, "*"},
		"none":    {allowing("*"), "", ""},
	} {
		w := with(c.s, "OPTIONS", "/v1/predict", append(preflight, "Origin", c.origin)...)
		h := w.Header()
		if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != c.want {
			t.Errorf("%s: %d %v", name, w.Code, h)
		}
		if given := h.Get("Access-Control-Allow-Headers"); (c.want != "") != strings.Contains(given, "X-Api-Key") || (c.want != "") != (h.Get("Access-Control-Allow-Methods") != "") {
			t.Errorf("%s: %v", name, h)
		}
		w = with(c.s, "GET", "/v1/bundles", "Origin", c.origin)
		if w.Code != http.StatusUnauthorized || w.Header().Get("Access-Control-Allow-Origin") != c.want {
			t.Errorf("%s: an error is %d %v", name, w.Code, w.Header())
		}
	}
}

// TestCaching: what changes is not kept; what rarely does is asked for again with
// its tag.
func TestCaching(t *testing.T) {
	s := newServer(t, nil)
	for path, want := range map[string]string{"/": "no-cache", "/app/style.css": "no-cache", "/docs": "no-cache", "/openapi.json": "no-cache", largeMap: "no-cache",
		"/v1/bundles/" + statistics + "/encoder.onnx": "no-cache", "/v1/bundles": "no-store", "/readyz": "no-store", "/nothing": "no-store"} {
		w := with(s, "GET", path)
		h := w.Header()
		if h.Get("Cache-Control") != want || h.Get("X-Content-Type-Options") != "nosniff" || (h.Get("ETag") != "") != (want == "no-cache") {
			t.Errorf("%s: %v", path, h)
		}
		head := with(s, "HEAD", path)
		if head.Code != w.Code || head.Header().Get("Content-Type") != h.Get("Content-Type") || head.Header().Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
		}
		if tag := h.Get("ETag"); tag != "" {
			if again := with(s, "GET", path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s again: %d", path, again.Code)
			}
		}
	}
}

// TestNoRoute: whatever is wrong with a path or method, the answer is a problem.
func TestNoRoute(t *testing.T) {
	s := newServer(t, nil)
	for _, path := range []string{"/nothing", "/v1/nothing", "/v1/bundles/", "/v1/bundles/a", "/v1/bundles/a/b/c", "/app/../etc/passwd", "//"} {
		checkProblem(t, with(s, "GET", path), http.StatusNotFound, "not_found")
	}
	for _, c := range [][2]string{{"GET", "/v1/predict"}, {"PUT", "/v1/bundles"}, {"DELETE", "/"}, {"POST", "/livez"}, {"TRACE", "/version"}, {"PATCH", "/v1/recover"}} {
		w := with(s, c[0], c[1])
		checkProblem(t, w, http.StatusMethodNotAllowed, "method_not_allowed")
		if w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c[0], c[1])
		}
	}
}
