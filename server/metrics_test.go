package server_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rnnrep/server"
)

var sampleLine = regexp.MustCompile(`^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\})? ([-+.0-9eInf]+)$`)

// metricsOf reads the samples of GET /metrics and checks the format.
func metricsOf(t *testing.T, s *server.Server) map[string]float64 {
	t.Helper()
	w := request(s, "GET", "/metrics", "", nil)
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	samples, typed := map[string]float64{}, map[string]bool{}
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if words := strings.Fields(line); words[0] == "#" {
			if words[1] == "TYPE" {
				if typed[words[2]] {
					t.Errorf("%s comes twice", words[2])
				}
				typed[words[2]] = true
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no sample", line)
			continue
		}
		family := m[1]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if cut := strings.TrimSuffix(m[1], suffix); typed[cut] {
				family = cut
			}
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil || !typed[family] {
			t.Errorf("%q: %v, typed %v", line, err, typed[family])
		}
		if _, twice := samples[m[1]+m[2]]; twice {
			t.Errorf("%s%s comes twice", m[1], m[2])
		}
		samples[m[1]+m[2]] = v
	}
	return samples
}

func TestMetrics(t *testing.T) {
	s := newServer(t, nil)
	good := modelFile(t, trainedOn, 0)
	for range 3 {
		post(s, "/v1/predict", good)
	}
	post(s, "/v1/inspect", []byte("not a model"))
	post(s, "/v1/predict", nil)
	request(s, "GET", "/nowhere/at/all", "", nil)
	request(s, "BREW", "/"+strings.Repeat("x", 100), "", nil)
	request(s, "GET", "/v1/bundles/"+statistics, "", nil)
	got := metricsOf(t, s)
	for name, want := range map[string]float64{
		`rnnrepd_requests_total{route="/v1/predict",method="POST",status="200"}`:                   3,
		`rnnrepd_requests_total{route="/v1/predict",method="POST",status="400"}`:                   1,
		`rnnrepd_requests_total{route="/v1/inspect",method="POST",status="422"}`:                   1,
		`rnnrepd_requests_total{route="other",method="GET",status="404"}`:                          1,
		`rnnrepd_requests_total{route="other",method="other",status="404"}`:                        1,
		`rnnrepd_requests_total{route="/v1/bundles/{family}/{encoder}",method="GET",status="200"}`: 1,
		`rnnrepd_models_rejected_total{reason="not_onnx"}`:                                         1,
		`rnnrepd_request_duration_seconds_count{route="/v1/predict"}`:                              4,
		`rnnrepd_request_duration_seconds_bucket{route="/v1/predict",le="+Inf"}`:                   4,
		`rnnrepd_embed_duration_seconds_count`:                                                     3,
		`rnnrepd_batch_size_bucket{le="1"}`:                                                        3,
		`rnnrepd_batch_size_sum`:                                                                   3,
		`rnnrepd_received_bytes_total`:                                                             float64(3*len(good) + len("not a model")),
		`rnnrepd_queue_size`:                                                                       0,
		`rnnrepd_requests_in_progress`:                                                             0,
		`rnnrepd_bundles`:                                                                          2,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if got["go_goroutines"] < 1 || got["process_start_time_seconds"] < 1e9 {
		t.Errorf("%v", got)
	}
}
