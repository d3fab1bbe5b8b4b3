package server

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rnnrep/internal/errs"
)

// metrics counts what the server does, for GET /metrics in Prometheus' text
// format. Labels take few values: routes, not paths.
type metrics struct {
	mu        sync.Mutex
	started   time.Time
	requests  map[requestLabels]int64
	refused   map[errs.Code]int64
	durations map[string]*histogram // by route
	stages    map[string]*histogram // upload, queue, read, embed
	batches   *histogram            // RNNs that went through an encoder together
	received  int64                 // bytes of models
}

type requestLabels struct {
	route, method string
	status        int
}

// histogram counts observations up to each bound, and above the last.
type histogram struct {
	bounds []float64
	counts []int64
	sum    float64
	total  int64
}

var (
	secondBounds = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30}
	batchBounds  = []float64{1, 2, 4, 8, 16, 32, 64, 128}
)

func newHistogram(bounds []float64) *histogram {
	return &histogram{bounds: bounds, counts: make([]int64, len(bounds))}
}

func (h *histogram) observe(v float64) {
	if i, _ := slices.BinarySearch(h.bounds, v); i < len(h.bounds) {
		h.counts[i]++
	}
	h.sum += v
	h.total++
}

func newMetrics() *metrics {
	m := &metrics{started: time.Now(), requests: map[requestLabels]int64{}, refused: map[errs.Code]int64{},
		durations: map[string]*histogram{}, stages: map[string]*histogram{}, batches: newHistogram(batchBounds)}
	for _, s := range stageNames {
		m.stages[s] = newHistogram(secondBounds)
	}
	return m
}

// finish counts a request that has been answered.
func (m *metrics) finish(r *http.Request, c *call, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[requestLabels{c.route, methodLabel(r.Method), c.status}]++
	h := m.durations[c.route]
	if h == nil {
		h = newHistogram(secondBounds)
		m.durations[c.route] = h
	}
	h.observe(took.Seconds())
	if c.refused != "" {
		m.refused[c.refused]++
	}
	m.received += c.received
	for i, d := range c.stages() {
		if d > 0 {
			m.stages[stageNames[i]].observe(d.Seconds())
		}
	}
	if c.group > 0 {
		m.batches.observe(float64(c.group))
	}
}

// methodLabel keeps clients from inventing labels.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// exposition writes Prometheus' text format, version 0.0.4.
type exposition struct{ bytes.Buffer }

func (e *exposition) head(name, kind, help string) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes one line; labels are pairs of name and value.
func (e *exposition) sample(name string, value float64, labels ...string) {
	e.WriteString(name)
	for i := 0; i < len(labels); i += 2 {
		e.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		fmt.Fprintf(e, `%s="%s"`, labels[i], escapeLabel.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		e.WriteByte('}')
	}
	fmt.Fprintf(e, " %s\n", strconv.FormatFloat(value, 'g', -1, 64))
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (e *exposition) histogram(name string, h *histogram, labels ...string) {
	var below int64
	for i, b := range h.bounds {
		below += h.counts[i]
		e.sample(name+"_bucket", float64(below), append(slices.Clone(labels), "le", strconv.FormatFloat(b, 'g', -1, 64))...)
	}
	e.sample(name+"_bucket", float64(h.total), append(slices.Clone(labels), "le", "+Inf")...)
	e.sample(name+"_sum", h.sum, labels...)
	e.sample(name+"_count", float64(h.total), labels...)
}

// write writes all that was counted.
func (m *metrics) write(e *exposition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.head("rnnrepd_requests_total", "counter", "Requests answered.")
	byLabels := func(a, b requestLabels) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), a.status-b.status)
	}
	for _, l := range slices.SortedFunc(maps.Keys(m.requests), byLabels) {
		e.sample("rnnrepd_requests_total", float64(m.requests[l]), "route", l.route, "method", l.method, "status", strconv.Itoa(l.status))
	}
	e.head("rnnrepd_request_duration_seconds", "histogram", "Time from a request's head to the end of its answer.")
	for _, route := range slices.Sorted(maps.Keys(m.durations)) {
		e.histogram("rnnrepd_request_duration_seconds", m.durations[route], "route", route)
	}
	for _, s := range stageNames {
		name := "rnnrepd_" + s + "_duration_seconds"
		e.head(name, "histogram", stageHelp[s])
		e.histogram(name, m.stages[s])
	}
	e.head("rnnrepd_batch_size", "histogram", "RNNs that went through the encoder together, by RNN.")
	e.histogram("rnnrepd_batch_size", m.batches)
	e.head("rnnrepd_models_rejected_total", "counter", "Models refused, by code.")
	for _, code := range slices.Sorted(maps.Keys(m.refused)) {
		e.sample("rnnrepd_models_rejected_total", float64(m.refused[code]), "reason", string(code))
	}
	e.head("rnnrepd_received_bytes_total", "counter", "Bytes of models received.")
	e.sample("rnnrepd_received_bytes_total", float64(m.received))
	e.head("process_start_time_seconds", "gauge", "Start of the process since the Unix epoch.")
	e.sample("process_start_time_seconds", float64(m.started.UnixMilli())/1e3)
}

// showMetrics answers GET /metrics.
func (s *Server) showMetrics(w http.ResponseWriter, _ *http.Request, _ pathValues) error {
	e := &exposition{}
	s.metrics.write(e)
	e.head("rnnrepd_queue_size", "gauge", "RNNs that wait for an encoder.")
	e.sample("rnnrepd_queue_size", float64(s.queue.Waiting()))
	e.head("rnnrepd_requests_in_progress", "gauge", "Requests with a model that are in progress or wait.")
	e.sample("rnnrepd_requests_in_progress", float64(len(s.progress)))
	e.head("rnnrepd_uploads_in_progress", "gauge", "Requests whose model is coming in.")
	e.sample("rnnrepd_uploads_in_progress", float64(len(s.uploads)))
	e.head("rnnrepd_bundles", "gauge", "Bundles at hand.")
	e.sample("rnnrepd_bundles", float64(len(s.service.Bundles())))
	v := VersionInfo(s.config.Version)
	e.head("rnnrepd_build_info", "gauge", "The program; always 1.")
	e.sample("rnnrepd_build_info", 1, "version", v.Version, "go", v.Go, "commit", v.Commit, "kernels", v.Kernels)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	e.head("go_goroutines", "gauge", "Goroutines.")
	e.sample("go_goroutines", float64(runtime.NumGoroutine()))
	e.head("go_memstats_heap_alloc_bytes", "gauge", "Bytes of live heap objects.")
	e.sample("go_memstats_heap_alloc_bytes", float64(memory.HeapAlloc))
	e.head("go_memstats_sys_bytes", "gauge", "Bytes obtained from the system.")
	e.sample("go_memstats_sys_bytes", float64(memory.Sys))
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, err := w.Write(e.Bytes())
	return err
}
