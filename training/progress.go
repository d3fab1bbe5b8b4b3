package training

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress prints how far a long job is, at most once in a while, with its rate
// and the time left. It is safe for concurrent use.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	what    string
	total   int // units
	each    int // ticks a unit
	done    int // ticks, those of former sessions included
	before  int // ticks of former sessions
	remark  string
	start   time.Time
	printed time.Time
}

// printEvery bounds how often progress prints.
const printEvery = 10 * time.Second

func newProgress(w io.Writer, what string, total, done, each int) *progress {
	now := time.Now()
	return &progress{w: w, what: what, total: total, each: each, done: done * each, before: done * each, start: now, printed: now}
}

// tick counts n more ticks.
func (p *progress) tick(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if time.Since(p.printed) >= printEvery {
		p.print()
	}
}

// note sets a remark to print along.
func (p *progress) note(remark string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remark = remark
}

func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print()
}

func (p *progress) print() {
	p.printed = time.Now()
	if p.w == nil {
		return
	}
	elapsed := time.Since(p.start).Seconds()
	rate := float64(p.done-p.before) / max(elapsed, 1e-9)
	line := fmt.Sprintf("%.1f of %d %s, %.3g steps/s", float64(p.done)/float64(p.each), p.total, p.what, rate)
	if p.each == 1 {
		line = fmt.Sprintf("%d of %d %s, %.3g/s", p.done, p.total, p.what, rate)
	}
	if left := p.total*p.each - p.done; rate > 0 && left > 0 {
		line += fmt.Sprintf(", %s left", (time.Duration(float64(left)/rate) * time.Second).Round(time.Second))
	}
	if p.remark != "" {
		line += ", " + p.remark
	}
	fmt.Fprintln(p.w, line)
}
