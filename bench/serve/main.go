// Command serve measures a running rnnrepd over loopback: how long one request
// takes, how many a second it answers, and whether bad uploads harm it.
//
//	go run ./bench/serve -url http://127.0.0.1:8080/v1/predict -model m.onnx -for 10s -c 4 -hostile 0.2
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	p := &poster{}
	flag.StringVar(&p.url, "url", "http://127.0.0.1:8080/v1/predict", "route to post to")
	file := flag.String("model", "", "ONNX file to post")
	length := flag.Duration("for", 5*time.Second, "how long to post")
	flag.IntVar(&p.clients, "c", 1, "connections")
	flag.Float64Var(&p.rate, "rate", 0, "requests a second, sent on time whether or not earlier ones are answered, as far as there are connections (0: one after the other)")
	flag.Float64Var(&p.hostile, "hostile", 0, "share of uploads that are damaged, misleading, abandoned or far too large")
	flag.IntVar(&p.pid, "pid", 0, "process of the server, to tell its CPU time and memory")
	every := flag.Duration("every", 0, "tell memory, goroutines and statuses so often; the exit code is 1 if a good upload failed or there was a 5xx")
	first := flag.Duration("first", 0, "only wait, for so long, for the first answer and tell when it came")
	flag.Parse()
	var err error
	if p.model, err = os.ReadFile(*file); err != nil {
		log.Fatal(err)
	}
	// The server closes a connection without a request after ten seconds; a POST on one that it is just closing would be lost.
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: p.clients, IdleConnTimeout: 5 * time.Second}}
	if *first > 0 {
		p.waitForFirst(*first)
		return
	}
	for range 20 { // warm
		if s := p.post(upload{body: p.model}); s.err != nil || s.status != http.StatusOK {
			log.Fatalf("status %d, %v", s.status, s.err)
		}
	}
	r := &report{statuses: map[string]int{}}
	before, start := p.usage(), time.Now()
	done := make(chan struct{})
	if *every > 0 {
		go p.series(r, start, *every, done)
	}
	p.load(*length, r)
	close(done)
	r.print(time.Since(start), p)
	p.printUsage(before, time.Since(start), r.count())
	if failures := r.failures(); *every > 0 && failures > 0 {
		log.Fatalf("%d answers were 5xx, or good uploads failed", failures)
	}
}

// waitForFirst tells how long it took until the server answered at all.
func (p *poster) waitForFirst(longest time.Duration) {
	start := time.Now()
	for time.Since(start) < longest {
		if s := p.post(upload{body: p.model}); s.err == nil && s.status == http.StatusOK {
			fmt.Printf("first answer %s after the start of the client\n", time.Since(start).Round(time.Millisecond))
			return
		}
		time.Sleep(time.Millisecond)
	}
	log.Fatalf("no answer within %s", longest)
}
