package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is Linux's unit of CPU time in /proc, whatever the kernel's own.
const tick = 10 * time.Millisecond

// usage is CPU time: the server's, this program's and the whole machine's.
type usage struct{ server, client, machine time.Duration }

// usage reads what /proc tells; zero where it tells nothing.
func (p *poster) usage() (u usage) {
	u.server = ticks(fmt.Sprintf("/proc/%d/stat", p.pid), 13, 14)
	u.machine = ticks("/proc/stat", 1, 2, 3, 6, 7)
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil {
		u.client = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	}
	return u
}

// ticks adds up fields of the first line of a file, counted from 0.
func ticks(file string, fields ...int) (sum time.Duration) {
	text, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	words := strings.Fields(line)
	for _, f := range fields {
		if f < len(words) {
			n, _ := strconv.ParseInt(words[f], 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// printUsage tells what CPU time requests took, and how much others used: the
// numbers count for little where that is much.
func (p *poster) printUsage(before usage, took time.Duration, requests int) {
	if p.pid == 0 {
		return
	}
	now := p.usage()
	server, client := now.server-before.server, now.client-before.client
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(max(1, requests)) }
	fmt.Printf("  CPU a request: server %.2f ms, client %.2f ms; other programs used %.1f of %d cores\n", each(server), each(client),
		max(0, (now.machine-before.machine-server-client).Seconds())/took.Seconds(), runtime.NumCPU())
}

// series tells at every interval how the server is.
func (p *poster) series(r *report, start time.Time, every time.Duration, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(every):
		}
		fmt.Printf("%6s  memory %3d MiB  goroutines %4s  requests %8d  %s\n", time.Since(start).Round(time.Second), p.memory()>>10, p.metric("go_goroutines"), r.count(), r.counts())
	}
}

// memory is the server's resident memory in KiB.
func (p *poster) memory() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	words := strings.Fields(after)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(words[0], 10, 64)
	return n
}

// metric is one of the server's metrics, "" if it cannot be had.
func (p *poster) metric(name string) string {
	at, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	resp, err := p.client.Get(at.ResolveReference(&url.URL{Path: "/metrics"}).String())
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	_, after, _ := strings.Cut(string(text), "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")
	return value
}
