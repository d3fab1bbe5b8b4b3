package server_test

import (
	"fmt"
	"strings"
	"testing"

	"rnnrep/server"
)

func TestAPIKeys(t *testing.T) {
	keys, err := server.ParseKeys(fmt.Sprintf("# who may do what\n\ntrainer predict %s\nboth predict,read %s\nviewer read %s\n",
		server.HashKey("t-secret"), server.HashKey("b-secret"), server.HashKey("v-secret")))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(c *server.Config) { c.Keys = keys })
	data := modelFile(t, trainedOn, 0)
	for _, c := range []struct {
		method, path, secret string
		status               int
	}{
		{"POST", "/v1/predict", "", 401}, {"POST", "/v1/predict", "wrong", 401}, {"POST", "/v1/predict", "v-secret", 403},
		{"POST", "/v1/predict", "t-secret", 200}, {"POST", "/v1/recover", "b-secret", 200},
		{"GET", "/v1/bundles", "", 401}, {"GET", "/v1/bundles", "t-secret", 403}, {"GET", "/v1/bundles", "v-secret", 200}, {"GET", "/v1/bundles", "b-secret", 200},
		{"GET", "/livez", "", 200}, {"GET", "/readyz", "", 200}, {"GET", "/version", "", 200}, {"GET", "/metrics", "", 200}, {"GET", "/openapi.json", "", 200},
		{"GET", "/none", "", 404},
	} {
		for _, header := range []string{"Authorization", "X-Api-Key"} {
			r := newRequest(c.method, c.path, data)
			switch {
			case c.secret == "":
			case header == "Authorization":
				r.Header.Set(header, "Bearer "+c.secret)
			default:
				r.Header.Set(header, c.secret)
			}
			w := serve(s, r)
			if w.Code != c.status {
				t.Errorf("%s %s with %q in %s: status %d, want %d", c.method, c.path, c.secret, header, w.Code, c.status)
			}
			switch c.status {
			case 401:
				if checkProblem(t, w, 401, "unauthorized"); !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("header %v", w.Header())
				}
			case 403:
				checkProblem(t, w, 403, "forbidden")
			}
		}
	}
}

func TestKeysFilesAreChecked(t *testing.T) {
	hash := server.HashKey("x")
	for text, says := range map[string]string{
		"": "no key", "# only a comment\n": "no key", "a predict": "2 words", "a predict secret": "sha256:HEX", "a predict sha256:abcd": "sha256:HEX",
		"a admin " + hash: `"admin"`, "a predict " + hash + "\nb read " + hash: "key of a",
	} {
		if _, err := server.ParseKeys(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
