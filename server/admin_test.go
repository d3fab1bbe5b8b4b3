package server_test

import "testing"

// TestAdmin: profiles and metrics are there, models are not.
func TestAdmin(t *testing.T) {
	s := newServer(t, nil)
	post(s, "/v1/predict", modelFile(t, trainedOn, 0))
	a := s.Admin()
	for path, says := range map[string]string{"/metrics": `rnnrepd_requests_total{route="/v1/predict"`, "/readyz": "true", "/livez": "ok",
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile"} {
		if w := request(a, "GET", path, "", nil); w.Code != 200 || !contains(w.Body.String(), says) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	checkProblem(t, request(a, "POST", "/v1/predict", "", nil), 404, "not_found")
	checkProblem(t, request(s, "GET", "/debug/pprof/", "", nil), 404, "not_found")
}

// TestBundlesAreSwapped under the eyes of clients.
func TestBundlesAreSwapped(t *testing.T) {
	s := newServer(t, nil)
	data := modelFile(t, trainedOn, 0)
	both := testBundles(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			s.SetBundles(both[i%2:])
		}
	}()
	for range 100 {
		answerOf(t, post(s, "/v1/predict", data))
	}
	<-done
	s.SetBundles(both[1:])
	checkProblem(t, post(s, "/v1/predict?bundle="+statistics, data), 404, "unknown_bundle")
	if a := answerOf(t, post(s, "/v1/predict", data)); a.Bundle != probing {
		t.Errorf("bundle %s", a.Bundle)
	}
}
