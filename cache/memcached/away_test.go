package memcached_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
)

// failing makes a call of each kind, which has to fail and say nothing about what
// is stored. Before each it calls prepare.
func failing(t *testing.T, ctx context.Context, c *memcached.Cache, key string, old cache.Item, prepare func()) (errs []error) {
	t.Helper()
	for _, call := range []struct {
		name string
		make func() error
	}{
		{"Get", func() error { _, err := c.Get(ctx, key); return err }},
		{"Add", func() error { _, err := c.Add(ctx, key, "v", time.Hour); return err }},
		{"Swap", func() error { _, err := c.Swap(ctx, key, old, "w", time.Hour); return err }},
		{"Set", func() error { return c.Set(ctx, key, "x", time.Hour) }},
		{"Delete", func() error { return c.Delete(ctx, key) }},
	} {
		prepare()
		err := call.make()
		if err == nil || errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrExists) || errors.Is(err, cache.ErrConflict) {
			t.Errorf("%s: %v", call.name, err)
		}
		errs = append(errs, err)
	}
	return errs
}

// TestServerAway: without its server every call is an error, and never a miss;
// keys of other servers are served. Afterwards it works on at once.
func TestServerAway(t *testing.T) {
	servers, addresses := start(t, 2)
	c := open(t, memcached.Options{Servers: addresses, Timeout: time.Second})
	ctx := t.Context()
	keys := [2]string{}
	for i := 0; keys[0] == "" || keys[1] == ""; i++ {
		key := fmt.Sprint("k", i)
		if _, err := c.Add(ctx, key, "v", time.Hour); err != nil {
			t.Fatal(err)
		}
		for n, s := range servers {
			if left(t, s, key) > 0 {
				keys[n] = key
			}
		}
	}
	old, err := c.Get(ctx, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	present := func(when string) {
		t.Helper()
		got, err := c.Get(ctx, keys[1])
		is(t, when+": the other server", got, err, "v", nil)
	}

	servers[0].Freeze()
	begin := time.Now()
	failing(t, ctx, c, keys[0], old, func() {})
	present("frozen")
	if waited := time.Since(begin); waited > 15*time.Second {
		t.Errorf("five calls took %v", waited)
	}
	servers[0].Thaw()
	if _, err := c.Get(ctx, keys[0]); err != nil && !errors.Is(err, cache.ErrMiss) {
		t.Errorf("thawed: %v", err)
	}

	servers[0].Kill()
	failing(t, ctx, c, keys[0], old, func() {})
	present("killed")
	servers[0].Start()
	_, err = c.Get(ctx, keys[0])
	is(t, "Get of what the server has lost", cache.Item{}, err, "", cache.ErrMiss)

	// Every idle connection is dead now, and is found to be so.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = c.Get(ctx, keys[0]) })
	}
	all.Wait()
	servers[0].Kill()
	servers[0].Start()
	for range 10 {
		if err := c.Set(ctx, keys[0], "new", time.Hour); err != nil {
			t.Errorf("Set after a restart: %v", err)
		}
	}
	present("restarted")
}

// TestRestartedServerCounts: a server that has restarted counts its versions from
// one again; a number of before must not be taken for one of now.
func TestRestartedServerCounts(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	put(t, servers[0], "k", "before", 1, 0)
	old, err := c.Get(t.Context(), "k")
	is(t, "Get", old, err, "before", nil)
	servers[0].Kill()
	servers[0].Start()
	put(t, servers[0], "k", "after", 1, 0) // again the first value
	if line := do(t, servers[0], "gets k\r\n"); line != "VALUE k 1 5 1" {
		t.Fatalf("the test has no point: %s", line)
	}
	got, err := c.Swap(t.Context(), "k", old, "lost update", time.Hour)
	is(t, "Swap", got, err, "after", cache.ErrConflict)
}

// TestContext: a context that ends is obeyed at once, before and during a call.
func TestContext(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses, Timeout: time.Minute})
	put(t, servers[0], "k", "v", 1, 0)
	old, err := c.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	unchanged := func() { // and there is a connection to send something on
		t.Helper()
		got, err := c.Get(t.Context(), "k")
		is(t, "Get", got, err, "v", nil)
	}
	for _, err := range failing(t, ended, c, "k", old, unchanged) {
		if !errors.Is(err, context.Canceled) || errors.Is(err, cache.ErrUnknownOutcome) {
			t.Errorf("in an ended context: %v", err)
		}
	}
	unchanged()

	servers[0].Freeze()
	for _, end := range []struct {
		context func() (context.Context, context.CancelFunc)
		err     error
	}{
		{func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}, context.Canceled},
		{func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		}, context.DeadlineExceeded},
	} {
		begin := time.Now()
		ctx, cancel := end.context()
		err := c.Set(ctx, "k", "w", time.Hour)
		cancel()
		if !errors.Is(err, end.err) || !errors.Is(err, cache.ErrUnknownOutcome) {
			t.Errorf("Set: %v", err)
		}
		ctx, cancel = end.context()
		_, err = c.Get(ctx, "k")
		cancel()
		if !errors.Is(err, end.err) || errors.Is(err, cache.ErrUnknownOutcome) {
			t.Errorf("Get: %v", err)
		}
		if waited := time.Since(begin); waited > 5*time.Second {
			t.Errorf("it waited %v", waited)
		}
	}
	servers[0].Thaw()
}

// TestTLS: a server that can't prove who it is gets nothing; one that has gone is
// noticed, as without TLS.
func TestTLS(t *testing.T) {
	servers, addresses := start(t, 1)
	address, config, accepted := secured(t, addresses[0])
	stranger := open(t, memcached.Options{Servers: []string{address}, TLS: &tls.Config{}})
	if err := stranger.Set(t.Context(), "k", "v", time.Hour); err == nil || errors.Is(err, cache.ErrUnknownOutcome) {
		t.Errorf("Set on a stranger: %v", err)
	}
	c := open(t, memcached.Options{Servers: []string{address}, TLS: config})
	for range 3 {
		before := accepted.Load()
		for range 5 {
			if err := c.Set(t.Context(), "k", "v", time.Hour); err != nil {
				t.Errorf("Set: %v", err)
			}
		}
		if n := accepted.Load() - before; n != 1 {
			t.Errorf("five calls took %d connections", n)
		}
		servers[0].Kill()
		servers[0].Start()
		time.Sleep(50 * time.Millisecond) // until the relay has noticed
	}
}

// TestClose: a cache that is closed fails.
func TestClose(t *testing.T) {
	_, addresses := start(t, 1)
	c, err := memcached.Open(memcached.Options{Servers: addresses})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Add(t.Context(), "k", "v", time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := c.Get(t.Context(), "k"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Get after Close: %v", err)
	}
}
