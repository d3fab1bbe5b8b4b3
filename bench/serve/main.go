// Command serve measures a running rnnrepd over loopback: how long one request
// takes, and how many a second it answers.
//
//	go run ./bench/serve -url http://127.0.0.1:8080/v1/predict -model m.onnx -n 2000 -c 1
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	log.SetFlags(0)
	url := flag.String("url", "http://127.0.0.1:8080/v1/predict", "route to post to")
	file := flag.String("model", "", "ONNX file to post")
	n := flag.Int("n", 2000, "requests")
	clients := flag.Int("c", 1, "connections")
	wait := flag.Duration("wait", 0, "how long to retry the first request, and report when it was answered")
	flag.Parse()
	data, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	p := poster{url: *url, data: data, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *clients}}}
	if *wait > 0 {
		p.first(*wait)
		return
	}
	for range 20 { // warm
		if _, err := p.post(); err != nil {
			log.Fatal(err)
		}
	}
	p.load(*n, *clients)
}

type poster struct {
	url    string
	data   []byte
	client *http.Client
}

// post sends the model and reads the answer to its end.
func (p poster) post() (time.Duration, error) {
	start := time.Now()
	resp, err := p.client.Post(p.url, "application/onnx", bytes.NewReader(p.data))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %s", resp.Status)
	}
	return time.Since(start), nil
}

// first reports how long it took until the server answered at all.
func (p poster) first(longest time.Duration) {
	start := time.Now()
	for time.Since(start) < longest {
		if _, err := p.post(); err == nil {
			fmt.Printf("first answer after %s\n", time.Since(start).Round(time.Millisecond))
			return
		}
		time.Sleep(time.Millisecond)
	}
	log.Fatalf("no answer within %s", longest)
}

// load posts n times over that many connections.
func (p poster) load(n, clients int) {
	var left atomic.Int64
	left.Store(int64(n))
	var mu sync.Mutex
	var all []time.Duration
	failed := 0
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				d, err := p.post()
				mu.Lock()
				if all = append(all, d); err != nil {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[int(q*float64(len(all)-1))].Round(time.Microsecond) }
	fmt.Printf("%d connections: %.0f requests/s, p50 %s, p90 %s, p99 %s, max %s, %d failed\n",
		clients, float64(n)/took.Seconds(), at(.5), at(.9), at(.99), at(1), failed)
}
