package main

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// visitors makes n sessions by a handler, and returns their Cookie headers.
func visitors(h http.Handler, n int) ([]string, error) {
	var cookies []string
	for range n {
		w := &discard{header: http.Header{}}
		h.ServeHTTP(w, request(opNew, ""))
		if w.status >= 400 {
			return nil, fmt.Errorf("a new session is a %d", w.status)
		}
		cookie, _, _ := strings.Cut(w.header.Get("Set-Cookie"), ";")
		cookies = append(cookies, cookie)
	}
	return cookies, nil
}

func request(path, cookie string) *http.Request {
	r, err := http.NewRequest("GET", "http://127.0.0.1"+path, nil)
	if err != nil {
		panic(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

// inProcess calls a handler from so many workers, each for visitors of its own.
// As browsers do, they send the cookie that was set last. The processor's time is this
// process's.
func inProcess(name string, h http.Handler, op string, workers int, cookies []string) contestant {
	requests := make([][]*http.Request, workers)
	for i := range workers {
		requests[i] = []*http.Request{request(op, "")}
		if len(cookies) > 0 {
			requests[i] = nil
		}
	}
	for i, cookie := range cookies {
		requests[i%workers] = append(requests[i%workers], request(op, cookie))
	}
	return contestant{name, func(d time.Duration) (sample, error) {
		var before, after runtime.MemStats
		var done, failed atomic.Int64
		waits := make([][]time.Duration, workers)
		runtime.GC()
		runtime.ReadMemStats(&before)
		start, used := time.Now(), processorTime()
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				w := &discard{header: http.Header{}}
				var r http.Request // a copy, since gorilla keeps its session in the request
				n, last := 0, start
				for ; n%16 != 0 || time.Since(start) < d; n++ {
					clear(w.header)
					w.status = 0
					visitor := requests[i][n%len(requests[i])]
					r = *visitor
					h.ServeHTTP(w, &r)
					if set := w.header["Set-Cookie"]; len(set) > 0 && len(cookies) > 0 {
						cookie, _, _ := strings.Cut(set[0], ";")
						visitor.Header["Cookie"][0] = cookie
					}
					if w.status >= 400 {
						failed.Add(1)
					}
					if workers > 1 {
						now := time.Now()
						waits[i] = append(waits[i], now.Sub(last))
						last = now
					}
				}
				done.Add(int64(n))
			})
		}
		wg.Wait()
		n := float64(done.Load())
		s := sample{ns: float64(time.Since(start)) / n, cpu: float64(processorTime()-used) / n, p99: slowest(waits)}
		runtime.ReadMemStats(&after)
		s.allocs = float64(after.Mallocs-before.Mallocs) / n
		if f := failed.Load(); f > 0 {
			return sample{}, fmt.Errorf("%d of %d requests failed", f, done.Load())
		}
		return s, nil
	}}
}

// slowest is what the slowest hundredth of all waited at least.
func slowest(waits [][]time.Duration) float64 {
	all := slices.Concat(waits...)
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[len(all)*99/100])
}

// processorTime is what this process has used, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(errors.New("getrusage: " + err.Error()))
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
