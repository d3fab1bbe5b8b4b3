package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// report counts what became of requests.
type report struct {
	mu       sync.Mutex
	statuses map[string]int
	took     []time.Duration // of good uploads that were answered
	total    int
	failed   int // 5xx, or good uploads without an answer of 200
}

func (r *report) add(s sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	switch {
	case s.err != nil && s.bad: // the server may cut off an upload that it does not want
		r.statuses["cut off"]++
	case s.err != nil:
		r.statuses["failed: "+s.err.Error()]++
	default:
		r.statuses[fmt.Sprint(s.status)]++
	}
	switch {
	case s.status >= 500, !s.bad && (s.err != nil || s.status != 200), errors.Is(s.err, syscall.ECONNREFUSED):
		r.failed++
	case !s.bad:
		r.took = append(r.took, s.took)
	}
}

func (r *report) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

func (r *report) failures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// counts lists the statuses.
func (r *report) counts() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(r.statuses)) {
		parts = append(parts, fmt.Sprintf("%s: %d", s, r.statuses[s]))
	}
	return strings.Join(parts, ", ")
}

// print tells the rate, the times of good uploads, and the statuses if any was
// not 200.
func (r *report) print(took time.Duration, p *poster) {
	rate := fmt.Sprintf("%5.0f requests/s", float64(r.count())/took.Seconds())
	if p.rate > 0 {
		rate += fmt.Sprintf(" of %.0f", p.rate)
	}
	fmt.Printf("%3d connections: %s", p.clients, rate)
	if slices.Sort(r.took); len(r.took) > 0 {
		at := func(q float64) time.Duration {
			return r.took[int(q*float64(len(r.took)-1))].Round(time.Microsecond)
		}
		fmt.Printf(", p50 %v, p90 %v, p99 %v (%.1f times p50), max %v", at(.5), at(.9), at(.99), float64(at(.99))/float64(at(.5)), at(1))
	}
	if len(r.statuses) > 1 || r.statuses["200"] == 0 {
		fmt.Printf(", %s", r.counts())
	}
	fmt.Println()
}
