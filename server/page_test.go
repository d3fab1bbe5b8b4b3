package server_test

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"rnnrep/server"
	"rnnrep/server/web"
)

// TestPageNeedsNoKey, for it asks the visitor for one.
func TestPageNeedsNoKey(t *testing.T) {
	keys, err := server.ParseKeys("name predict " + server.HashKey("secret"))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(c *server.Config) { c.Keys = keys })
	for _, f := range web.Files() {
		if w := request(s, "GET", f.Path, "", nil); w.Code != http.StatusOK || w.Header().Get("Content-Type") != f.Type || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d %v", f.Path, w.Code, w.Header())
		}
		if w := request(s, "HEAD", f.Path, "", nil); w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", f.Path, w.Code)
		}
	}
	if d := openAPIOf(t, s); d.at("paths", "/") != nil {
		t.Error("the page is in the OpenAPI document")
	}
	if w := request(s, "GET", "/v1/bundles/"+statistics+"/map", "", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("the map without a key: %d", w.Code)
	}
}

// TestMapPlacesEmbeddings: a model's embedding can be placed among the members.
func TestMapPlacesEmbeddings(t *testing.T) {
	s := newServer(t, nil)
	for _, name := range []string{statistics, probing} {
		w := request(s, "GET", "/v1/bundles/"+name+"/map", "", nil)
		var m web.Map
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK || m.Bundle != name || len(m.Members) == 0 || len(m.Members) != m.Reference {
			t.Fatalf("%s: %d %v %+v", name, w.Code, err, m)
		}
		z := answerOf(t, post(s, "/v1/embed?bundle="+name, modelFile(t, trainedOn, 0))).Embedding
		if len(m.Mean) != len(z) {
			t.Fatalf("a mean of %d numbers for an embedding of %d", len(m.Mean), len(z))
		}
		for _, axis := range m.Axes {
			var x, norm float64
			for j, a := range axis {
				x, norm = x+a*(float64(z[j])-m.Mean[j]), norm+a*a
			}
			if math.Abs(norm-1) > 1e-6 || math.Abs(x) > 2 {
				t.Errorf("%s: an axis of length² %g, the embedding at %g", name, norm, x)
			}
		}
		r := newRequest("GET", "/v1/bundles/"+name+"/map", nil)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		if again := serve(s, r); again.Code != http.StatusNotModified {
			t.Errorf("%s: %d for what the client has", name, again.Code)
		}
	}
	checkProblem(t, request(s, "GET", "/v1/bundles/a/b/map", "", nil), 404, "unknown_bundle")
	if w := request(s, "GET", "/v1/bundles/"+statistics+"/map?x=1", "", nil); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "x") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
