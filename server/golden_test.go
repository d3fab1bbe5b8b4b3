package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"rnnrep/rnn"
	"rnnrep/server"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// computed are the parts of an answer that encoders make. Their own tests check
// the values; here they must have the same form.
var computed = regexp.MustCompile(`^\$\.(embedding|predictions|neighbours|trust\.distance_quantile)`)

// TestGoldenResponses: every route's whole response body, field by field.
func TestGoldenResponses(t *testing.T) {
	s := newServer(t, func(c *server.Config) { c.MaxBytes = 1 << 20 })
	data := modelFile(t, trainedOn, 5)
	kind, inForm := form(t, part{"model", "snapshot.onnx", string(data)})
	bidirectional := trainedOn
	bidirectional.Layers = append([]rnn.Layer{}, bidirectional.Layers...)
	bidirectional.Layers[1].Bidirectional = true
	for name, r := range map[string]struct {
		method, path, kind string
		body               []byte
	}{
		"predict":         {"POST", "/v1/predict?bundle=" + probing, kind, inForm},
		"predict_outside": {"POST", "/v1/predict", "", modelFile(t, bidirectional, 0)},
		"embed":           {"POST", "/v1/embed?bundle=" + statistics, "", data},
		"inspect":         {"POST", "/v1/inspect", "", data},
		"bundles":         {"GET", "/v1/bundles", "", nil},
		"bundle":          {"GET", "/v1/bundles/" + statistics, "", nil},
		"not_found":       {"GET", "/v1", "", nil},
		"not_onnx":        {"POST", "/v1/predict", "", []byte("GIF89a, not a model")},
		"too_large":       {"POST", "/v1/predict", "", make([]byte, 1<<20+1)},
		"unknown_bundle":  {"POST", "/v1/predict?bundle=x", "", data},
	} {
		t.Run(name, func(t *testing.T) {
			w := request(s, r.method, r.path, r.kind, bytes.NewReader(r.body))
			checkGolden(t, filepath.Join("testdata", "golden", name+".json"), w.Body.Bytes())
		})
	}
}

func checkGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	compareJSON(t, "$", g, w)
}

// compareJSON compares values, or their kinds where they are computed; numbers
// within 1e-4 of each other are equal, since kernels add in different orders.
func compareJSON(t *testing.T, at string, got, want any) {
	t.Helper()
	if k, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); k != w {
		t.Errorf("%s: %v is a %s, want a %s", at, got, k, w)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		g := got.(map[string]any)
		for k := range g {
			if _, ok := want[k]; !ok {
				t.Errorf("%s.%s is new: %v", at, k, g[k])
			}
		}
		for k, v := range want {
			if _, ok := g[k]; !ok {
				t.Errorf("%s.%s is missing", at, k)
				continue
			}
			compareJSON(t, at+"."+k, g[k], v)
		}
	case []any:
		g := got.([]any)
		if len(g) != len(want) {
			t.Errorf("%s: %v, want %v", at, got, want)
			return
		}
		for i := range want {
			compareJSON(t, fmt.Sprintf("%s[%d]", at, i), g[i], want[i])
		}
	case float64:
		if g := got.(float64); !computed.MatchString(at) && math.Abs(g-want) > 1e-4*max(1, math.Abs(want)) {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	default:
		if got != want && !computed.MatchString(at) {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}
