package cachetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// Options say what is special about a cache under test.
type Options struct {
	// Another opens, as a second process would, what the latest call of Run's
	// open has made. The suite then works through both. Nil: one process.
	Another func(t *testing.T, clock func() time.Time) cache.Cache

	// NoEnds: the cache does not say when a value ends: Ends is zero.
	NoEnds bool

	// Round is what a ttl is rounded up to, time.Second for instance. 0: it is
	// kept as it is.
	Round time.Duration

	// Advance, unless nil, is called whenever time passes: a cache whose values
	// end by a clock of its own must let them age by d. The suite then allows
	// for the real time that has passed since.
	Advance func(t *testing.T, d time.Duration)

	// MaxValue is the size of the largest value that is tried (0: 1 MB).
	MaxValue int

	// FoldsKeys: the cache's table compares keys without case, as Django's does
	// on MySQL. A variant of a taken key may then be refused, also with
	// ErrExists, but nothing may find or change the other's value.
	FoldsKeys bool

	// Writers is how many goroutines write at once (0: 8).
	Writers int
}

// Run puts a cache through the suite. open returns an empty cache whose time is
// clock's; it is called once for each case, one after another.
func Run(t *testing.T, open func(t *testing.T, clock func() time.Time) cache.Cache, opts Options) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := newEnv(t, t.Context(), opts)
			if opts.Advance != nil {
				e.clock.passes = func(d time.Duration) { opts.Advance(t, d) }
			}
			e.a = open(t, e.clock.now)
			e.b = e.a
			if opts.Another != nil {
				e.b = opts.Another(t, e.clock.now)
			}
			c.run(e)
		})
	}
}

// contractCase is one part of the contract.
type contractCase struct {
	name string
	run  func(e *env)
}

var cases = slices.Concat(storeCases, valueCases, timeCases, raceCases)

// tester is what the suite needs of a *testing.T. The package's own test has
// another one, which collects what the suite says of broken caches.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// env is what a case works with: one cache, seen by two processes or one.
type env struct {
	tester
	opts  Options
	ctx   context.Context
	clock *clock
	a, b  cache.Cache
}

func newEnv(t tester, ctx context.Context, opts Options) *env {
	if opts.Writers == 0 {
		opts.Writers = 8
	}
	if opts.MaxValue == 0 {
		opts.MaxValue = 1 << 20
	}
	return &env{tester: t, opts: opts, ctx: ctx, clock: &clock{present: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)}}
}

// slack is how far the cache's time may have run away from the suite's.
func (e *env) slack() time.Duration {
	if e.opts.Advance != nil {
		return 10 * time.Second // its own clock goes on
	}
	return 0
}

// broken reports that a sentence of the contract does not hold.
func (e *env) broken(rule, format string, args ...any) {
	e.Helper()
	e.Errorf("%s\n\tbut: %s", rule, fmt.Sprintf(format, args...))
}

// wants checks an error, and that it is no other of the contract's.
func (e *env) wants(rule, what string, err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.broken(rule, "%s: %v, not %v", what, err, want)
	}
}

// mustAdd adds a value that the case goes on with.
func (e *env) mustAdd(c cache.Cache, key, value string, ttl time.Duration) cache.Item {
	e.Helper()
	item, err := c.Add(e.ctx, key, value, ttl)
	if err != nil {
		e.broken(ruleAdd, "Add of a free key: %v", err)
		e.Fatalf("the case can't go on")
	}
	return item
}

// mustSwap swaps a value that the case goes on with.
func (e *env) mustSwap(c cache.Cache, key string, old cache.Item, value string) cache.Item {
	e.Helper()
	item, err := c.Swap(e.ctx, key, old, value, time.Hour)
	if err != nil {
		e.broken(ruleSwap, "Swap of what is stored: %v", err)
		e.Fatalf("the case can't go on")
	}
	return item
}

// mustGet reads a value that the case goes on with.
func (e *env) mustGet(c cache.Cache, key string) cache.Item {
	e.Helper()
	item, err := c.Get(e.ctx, key)
	if err != nil {
		e.broken(ruleGet, "%v", err)
		e.Fatalf("the case can't go on")
	}
	return item
}

// holds checks that the key has that value, for both processes.
func (e *env) holds(rule, key, want string) {
	e.Helper()
	for _, c := range []cache.Cache{e.a, e.b} {
		switch got, err := c.Get(e.ctx, key); {
		case err != nil:
			e.broken(rule, "Get: %v", err)
		case got.Value != want:
			e.broken(rule, "the value is %.60q (%d bytes), not %.60q (%d)", got.Value, len(got.Value), want, len(want))
		}
	}
}

// absent checks that the key has no value, for both processes.
func (e *env) absent(rule, key string) {
	e.Helper()
	for _, c := range []cache.Cache{e.a, e.b} {
		if got, err := c.Get(e.ctx, key); !errors.Is(err, cache.ErrMiss) {
			e.broken(rule, "Get: %.60q, %v", got.Value, err)
		}
	}
}

// clock is the time that the cache is told.
type clock struct {
	mu      sync.Mutex
	present time.Time
	passes  func(time.Duration)
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.present = c.present.Add(d)
	c.mu.Unlock()
	if c.passes != nil {
		c.passes(d)
	}
}
