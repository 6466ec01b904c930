package main

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// traffic saves about a thousand times a second, for as long as f runs. Requests
// come when they come, not when the last one has been answered: one that was due
// while its worker still waited for another has waited since then.
func traffic(h http.Handler, cookies []string, f func()) sample {
	const (
		workers = 64
		pause   = 64 * time.Millisecond // on average
	)
	stop := make(chan struct{})
	waits := make([][]time.Duration, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			w := &discard{header: http.Header{}}
			due := time.Now()
			for n := i; ; n += workers {
				due = due.Add(time.Duration(rand.ExpFloat64() * float64(pause)))
				begin := due
				if wait := time.Until(due); wait > 0 {
					select {
					case <-stop:
						return
					case <-time.After(wait):
					}
					begin = time.Now() // what the timer is late by is not the store's
				}
				clear(w.header)
				h.ServeHTTP(w, request(opSave, cookies[n%len(cookies)]))
				waits[i] = append(waits[i], time.Since(begin))
			}
		})
	}
	f()
	close(stop)
	wg.Wait()
	var sum, n float64
	for _, some := range waits {
		for _, d := range some {
			sum += float64(d)
			n++
		}
	}
	return sample{ns: sum / max(n, 1), p99: slowest(waits)}
}
