package cachetest

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

const (
	ruleLinear    = "writers that Swap what they have read lose nothing"
	ruleOneWins   = "of several writers that start from the same item exactly one wins, the others get ErrConflict"
	ruleOneAdds   = "of several Adds of one key exactly one succeeds"
	ruleStaysDead = "what was deleted under the feet of writers stays deleted"
)

var raceCases = []contractCase{
	{"parallel counters", countersCase},
	{"one of several swaps", oneSwapCase},
	{"one of several adds", oneAddCase},
	{"one of several adds over what has ended", oneAddOverCase},
	{"delete among writers", deleteAmongWritersCase},
}

func (e *env) process(i int) cache.Cache {
	if i%2 == 1 {
		return e.b
	}
	return e.a
}

// parallel runs f in the goroutines of several writers, each on its process's
// cache.
func (e *env) parallel(f func(i int, c cache.Cache)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range e.opts.Writers {
		all.Go(func() {
			<-start
			f(i, e.process(i))
		})
	}
	close(start)
	all.Wait()
}

func countersCase(e *env) {
	const rounds = 15
	e.mustAdd(e.a, key1, "0", time.Hour)
	e.parallel(func(i int, c cache.Cache) {
		for range rounds {
			current, err := c.Get(e.ctx, key1)
			for attempt := 0; err == nil; attempt++ {
				if attempt == 10_000 {
					e.broken(ruleLinear, "writer %d has had %d conflicts on end", i, attempt)
					return
				}
				n, _ := strconv.Atoi(current.Value)
				runtime.Gosched() // let the others overtake
				current, err = c.Swap(e.ctx, key1, current, strconv.Itoa(n+1), time.Hour)
				if !errors.Is(err, cache.ErrConflict) {
					break
				}
				err = nil
			}
			if err != nil {
				e.broken(ruleLinear, "writer %d: %v", i, err)
				return
			}
		}
	})
	if got, err := e.a.Get(e.ctx, key1); err != nil || got.Value != strconv.Itoa(e.opts.Writers*rounds) {
		e.broken(ruleLinear, "%d increments made %.20q, %v", e.opts.Writers*rounds, got.Value, err)
	}
}

// winners counts those whose call succeeded, and knows the last of them.
type winners struct{ n, last atomic.Int64 }

func (w *winners) count(i int) {
	w.n.Add(1)
	w.last.Store(int64(i))
}

// exactlyOne checks that one has won, and that its value is stored.
func (e *env) exactlyOne(rule, key string, w *winners) {
	e.Helper()
	if n := w.n.Load(); n != 1 {
		e.broken(rule, "%d of %d did", n, e.opts.Writers)
		return
	}
	e.holds(rule, key, fmt.Sprint("writer ", w.last.Load()))
}

func oneSwapCase(e *env) {
	for round := range 10 {
		key := fmt.Sprintf("%s%d", key1, round)
		e.mustAdd(e.a, key, "0", time.Hour)
		old := make([]cache.Item, e.opts.Writers)
		for i := range old {
			old[i] = e.mustGet(e.process(i), key)
		}
		var won winners
		e.parallel(func(i int, c cache.Cache) {
			switch _, err := c.Swap(e.ctx, key, old[i], fmt.Sprint("writer ", i), time.Hour); {
			case err == nil:
				won.count(i)
			case !errors.Is(err, cache.ErrConflict):
				e.broken(ruleOneWins, "%v", err)
			}
		})
		e.exactlyOne(ruleOneWins, key, &won)
	}
}

func oneAddCase(e *env) {
	for round := range 10 {
		e.oneAdd(fmt.Sprintf("%s%d", key1, round))
	}
}

func oneAddOverCase(e *env) {
	const rounds = 10
	key := func(round int) string { return fmt.Sprintf("%s%d", key1, round) }
	for round := range rounds {
		e.mustAdd(e.a, key(round), "old", time.Minute)
	}
	e.clock.advance(time.Minute + e.opts.Round + e.slack())
	for round := range rounds {
		e.oneAdd(key(round))
	}
}

func (e *env) oneAdd(key string) {
	e.Helper()
	var won winners
	e.parallel(func(i int, c cache.Cache) {
		switch _, err := c.Add(e.ctx, key, fmt.Sprint("writer ", i), time.Hour); {
		case err == nil:
			won.count(i)
		case !errors.Is(err, cache.ErrExists):
			e.broken(ruleOneAdds, "%v", err)
		}
	})
	e.exactlyOne(ruleOneAdds, key, &won)
}

func deleteAmongWritersCase(e *env) {
	for round := range 5 {
		key := fmt.Sprintf("%s%d", key1, round)
		e.mustAdd(e.a, key, "0", time.Hour)
		begun := make(chan struct{})
		begin := sync.OnceFunc(func() { close(begun) })
		e.parallel(func(i int, c cache.Cache) {
			if i == 0 {
				<-begun
				if err := c.Delete(e.ctx, key); err != nil {
					e.broken(ruleDelete, "%v", err)
				}
				if _, err := c.Get(e.ctx, key); !errors.Is(err, cache.ErrMiss) {
					e.broken(ruleStaysDead, "Get: %v", err)
				}
				return
			}
			defer begin() // in any case
			current, err := c.Get(e.ctx, key)
			for n := 0; n < 100 && (err == nil || errors.Is(err, cache.ErrConflict)); n++ {
				if current, err = c.Swap(e.ctx, key, current, fmt.Sprint(i, n), time.Hour); err == nil {
					begin()
				}
				runtime.Gosched() // let the others overtake
			}
			if err != nil && !errors.Is(err, cache.ErrMiss) && !errors.Is(err, cache.ErrConflict) {
				e.broken(ruleStaysDead, "Swap: %v", err)
			}
		})
		e.absent(ruleStaysDead, key)
	}
}
