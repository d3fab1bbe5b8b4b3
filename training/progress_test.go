package training

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "runs", 10, 2, 100)
	p.start = p.start.Add(-10 * time.Second)
	p.tick(150) // not yet time to print
	if out.Len() != 0 {
		t.Errorf("printed %q at once", out.String())
	}
	p.printed = p.printed.Add(-2 * printEvery)
	p.note("loss 0.5")
	p.tick(50)
	got := out.String()
	// 200 steps in 10 s, 600 are left.
	for _, want := range []string{"4.0 of 10 runs", "20 steps/s", "30s left", "loss 0.5\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	p.tick(600)
	p.finish()
	if last := strings.TrimPrefix(out.String(), got); !strings.HasPrefix(last, "10.0 of 10 runs") || strings.Contains(last, "left") {
		t.Errorf("at the end %q", last)
	}
}

func TestProgressWithoutParts(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, "runs", 4, 0, 1)
	p.start = p.start.Add(-2 * time.Second)
	p.tick(1)
	p.finish()
	if got := out.String(); !strings.HasPrefix(got, "1 of 4 runs, 0.5/s, 6s left") {
		t.Errorf("printed %q", got)
	}
}

// TestProgressIsQuiet: without a writer it counts all the same, from many goroutines.
func TestProgressIsQuiet(t *testing.T) {
	p := newProgress(nil, "runs", 100, 0, 1)
	p.printed = p.printed.Add(-2 * printEvery)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { p.tick(1) })
	}
	wg.Wait()
	p.finish()
	if p.done != 100 {
		t.Errorf("%d ticks", p.done)
	}
}
