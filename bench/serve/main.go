// Command serve measures a running rnnrepd over loopback: how long one request
// takes, how many a second it answers, and whether bad uploads harm it.
//
//	go run ./bench/serve -url http://127.0.0.1:8080/v1/predict -model m.onnx -for 10s -c 4 -hostile 0.2
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	p := &poster{}
	flag.StringVar(&p.url, "url", "http://127.0.0.1:8080/v1/predict", "route to post to")
	file := flag.String("model", "", "ONNX file to post")
	length := flag.Duration("for", 5*time.Second, "how long to post")
	clients := flag.Int("c", 1, "connections")
	flag.Float64Var(&p.hostile, "hostile", 0, "share of uploads that are damaged or far too large")
	first := flag.Duration("first", 0, "only wait, for so long, for the first answer and tell when it came")
	flag.Parse()
	var err error
	if p.model, err = os.ReadFile(*file); err != nil {
		log.Fatal(err)
	}
	p.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients}}
	if *first > 0 {
		p.waitForFirst(*first)
		return
	}
	for range 20 { // warm
		if s := p.post(p.model); s.err != nil || s.status != http.StatusOK {
			log.Fatalf("status %d, %v", s.status, s.err)
		}
	}
	p.load(*length, *clients)
}

type poster struct {
	url     string
	model   []byte
	hostile float64
	client  *http.Client
}

// sample is what became of one request.
type sample struct {
	status int
	err    error
	took   time.Duration
	bad    bool // a hostile upload
}

// post sends a body and reads the answer to its end.
func (p *poster) post(body []byte) (s sample) {
	start := time.Now()
	resp, err := p.client.Post(p.url, "application/onnx", bytes.NewReader(body))
	if err != nil {
		return sample{err: err}
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return sample{status: resp.StatusCode, err: err, took: time.Since(start)}
}

// waitForFirst tells how long it took until the server answered at all.
func (p *poster) waitForFirst(longest time.Duration) {
	start := time.Now()
	for time.Since(start) < longest {
		if s := p.post(p.model); s.err == nil && s.status == http.StatusOK {
			fmt.Printf("first answer %s after the start of the client\n", time.Since(start).Round(time.Millisecond))
			return
		}
		time.Sleep(time.Millisecond)
	}
	log.Fatalf("no answer within %s", longest)
}

// upload is the model, or now and then something worse.
func (p *poster) upload(r *rand.Rand) (body []byte, bad bool) {
	if r.Float64() >= p.hostile {
		return p.model, false
	}
	switch r.IntN(5) {
	case 0:
		return p.model[:r.IntN(len(p.model)-1)], true
	case 1:
		return make([]byte, 65<<20), true
	case 2:
		return nil, true
	case 3:
		noise := make([]byte, r.IntN(1<<20))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return noise, true
	}
	damaged := bytes.Clone(p.model)
	for range 1 + r.IntN(20) {
		damaged[r.IntN(len(damaged))] = byte(r.Uint32())
	}
	return damaged, true
}

// load posts over that many connections for so long.
func (p *poster) load(length time.Duration, clients int) {
	var mu sync.Mutex
	var all []sample
	var wg sync.WaitGroup
	start := time.Now()
	for c := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(c)))
			for time.Since(start) < length {
				body, bad := p.upload(r)
				s := p.post(body)
				s.bad = bad
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	report(all, time.Since(start), clients)
}

// report prints times of good uploads, and statuses if any was not 200. The
// server may cut off an upload that is too large: that is no failure.
func report(all []sample, took time.Duration, clients int) {
	var times []time.Duration
	statuses := map[string]int{}
	for _, s := range all {
		switch {
		case s.err != nil && s.bad:
			statuses["cut off"]++
		case s.err != nil:
			statuses["failed: "+s.err.Error()]++
		default:
			statuses[fmt.Sprint(s.status)]++
		}
		if !s.bad && s.err == nil {
			times = append(times, s.took)
		}
	}
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[int(q*float64(len(times)-1))].Round(time.Microsecond) }
	fmt.Printf("%3d connections: %5.0f requests/s, p50 %v, p90 %v, p99 %v, max %v", clients, float64(len(all))/took.Seconds(), at(.5), at(.9), at(.99), at(1))
	if len(statuses) > 1 || statuses["200"] == 0 {
		fmt.Printf(", %v", statuses)
	}
	fmt.Println()
}
