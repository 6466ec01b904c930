package main

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// burst is workload G: a visitor's browser sends ten requests at once, each of which
// changes another value. Its time is that from the first request to the last
// response. Whether all ten changes are there afterwards is counted, too.
func burst(name string, c *child) (contestant, *loss, error) {
	const parallel = 10
	lost := &loss{name: name}
	conns := make([]*conn, parallel)
	for i := range conns {
		var err error
		if conns[i], err = connect(c.addr); err != nil {
			return contestant{}, nil, err
		}
	}
	run := func(d time.Duration) (sample, error) {
		var spent time.Duration
		var waits []time.Duration
		n := 0
		for start := time.Now(); time.Since(start) < d || n == 0; n++ {
			status, cookie, body, err := conns[0].do(wire(opNew, ""))
			if err != nil || status != 200 {
				return sample{}, fmt.Errorf("a new session is a %d, %.80q: %w", status, body, err)
			}
			var wg sync.WaitGroup
			errs := make([]error, parallel)
			begin := time.Now()
			for i := range parallel {
				wg.Go(func() {
					status, _, body, err := conns[i].do(wire(opAdd+"?k="+adder+strconv.Itoa(i), cookie))
					if err != nil || status != 200 {
						errs[i] = fmt.Errorf("a %d, %.80q: %w", status, body, err)
					}
				})
			}
			wg.Wait()
			took := time.Since(begin)
			spent += took
			waits = append(waits, took)
			for _, err := range errs {
				if err != nil {
					lost.failed++
				} else {
					lost.acknowledged++
				}
			}
			kept, err := total(conns[0], cookie)
			if err != nil {
				return sample{}, err
			}
			lost.kept += kept
		}
		return sample{ns: float64(spent) / float64(n), p99: slowest([][]time.Duration{waits})}, nil
	}
	return contestant{name, run}, lost, nil
}

// total is the sum of what opAdd has counted in a session.
func total(c *conn, cookie string) (int, error) {
	status, _, body, err := c.do(wire(opSum, cookie))
	if err != nil || status != 200 {
		return 0, fmt.Errorf("the sum is a %d, %.80q: %w", status, body, err)
	}
	return strconv.Atoi(body)
}

// loss is what a contestant lost of the writes that it acknowledged.
type loss struct {
	name         string
	acknowledged int
	kept         int
	failed       int // answered with an error: those are no losses
	took         time.Duration
}

// losses lets so many workers write as often to one session, each to a value of its
// own, or all to the same.
func losses(name string, c *child, workers, writes int, same bool) (loss, error) {
	l := loss{name: name}
	first, err := connect(c.addr)
	if err != nil {
		return l, err
	}
	defer first.Close()
	status, cookie, body, err := first.do(wire(opNew, ""))
	if err != nil || status != 200 {
		return l, fmt.Errorf("a new session is a %d, %.80q: %w", status, body, err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for i := range workers {
		wg.Go(func() {
			conn, err := connect(c.addr)
			if err != nil {
				return
			}
			defer conn.Close()
			value := i
			if same {
				value = 0
			}
			request := wire(opAdd+"?k="+adder+strconv.Itoa(value), cookie)
			acknowledged, failed := 0, 0
			for range writes {
				if status, _, _, err := conn.do(request); err == nil && status == 200 {
					acknowledged++
				} else if failed++; err != nil {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			l.acknowledged += acknowledged
			l.failed += failed
		})
	}
	wg.Wait()
	l.took = time.Since(start)
	l.kept, err = total(first, cookie)
	return l, err
}
