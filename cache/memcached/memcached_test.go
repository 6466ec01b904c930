package memcached_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// is checks what a call returned.
func is(t testing.TB, what string, got cache.Item, err error, value string, want error) {
	t.Helper()
	if got.Value != value || !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("%s: %.40q, %v; want %.40q, %v", what, got.Value, err, value, want)
	}
}

// TestSwap: only what is stored is replaced, whether it is known by its token or
// by its bytes.
func TestSwap(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	ctx := t.Context()
	none := cache.Item{Value: "a"}

	_, err := c.Swap(ctx, "k", none, "b", time.Hour)
	is(t, "Swap of nothing", cache.Item{}, err, "", cache.ErrMiss)
	put(t, servers[0], "k", "a", 1, 0)
	byToken, err := c.Get(ctx, "k")
	is(t, "Get", byToken, err, "a", nil)
	got, err := c.Swap(ctx, "k", none, "b", time.Hour)
	is(t, "Swap by the bytes", got, err, "b", nil)
	got, err = c.Swap(ctx, "k", none, "c", time.Hour)
	is(t, "Swap by other bytes", got, err, "b", cache.ErrConflict)
	put(t, servers[0], "k", "a", 1, 0)
	got, err = c.Swap(ctx, "k", byToken, "c", time.Hour)
	is(t, "Swap by the token of an equal value", got, err, "a", cache.ErrConflict)
	got, err = c.Swap(ctx, "k", got, "c", time.Hour)
	is(t, "Swap by what a conflict returned", got, err, "c", nil)
	got, err = c.Swap(ctx, "k", got, "d", time.Hour)
	is(t, "Swap by what Swap returned", got, err, "d", nil)

	old, _ := c.Get(ctx, "k")
	do(t, servers[0], "delete k\r\n")
	_, err = c.Swap(ctx, "k", old, "e", time.Hour)
	is(t, "Swap by the token of what is gone", cache.Item{}, err, "", cache.ErrMiss)

	// A ttl that is over removes, under the same condition.
	put(t, servers[0], "k", "a", 1, 0)
	old, _ = c.Get(ctx, "k")
	put(t, servers[0], "k", "b", 1, 0)
	for _, ttl := range []time.Duration{0, -time.Hour} {
		got, err = c.Swap(ctx, "k", old, "x", ttl)
		is(t, "Swap that removes another's value", got, err, "b", cache.ErrConflict)
	}
	if _, err = c.Swap(ctx, "k", got, "x", 0); err != nil {
		t.Errorf("Swap that removes: %v", err)
	}
	if line := do(t, servers[0], "get k\r\n"); line != "END" {
		t.Errorf("after its removal: %s", line)
	}
}

// TestRemovalRace: of a removal and writers that start from one version exactly
// one wins.
func TestRemovalRace(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	for round := range 200 {
		put(t, servers[0], "k", "a", 1, 0)
		old, err := c.Get(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		var removeErr, writeErr error
		var all sync.WaitGroup
		all.Go(func() { _, removeErr = c.Swap(t.Context(), "k", old, "", 0) })
		all.Go(func() { _, writeErr = c.Swap(t.Context(), "k", old, "b", time.Hour) })
		all.Wait()
		item, err := c.Get(t.Context(), "k")
		removed := removeErr == nil && errors.Is(writeErr, cache.ErrMiss) && errors.Is(err, cache.ErrMiss)
		written := writeErr == nil && errors.Is(removeErr, cache.ErrConflict) && item.Value == "b"
		if !removed && !written {
			t.Fatalf("round %d: removal: %v, write: %v, then %q, %v", round, removeErr, writeErr, item.Value, err)
		}
	}
}

func TestAddSetDelete(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	ctx := t.Context()
	got, err := c.Add(ctx, "k", "a", time.Hour)
	is(t, "Add", got, err, "a", nil)
	_, err = c.Add(ctx, "k", "b", time.Hour)
	is(t, "Add again", cache.Item{}, err, "", cache.ErrExists)
	_, err = c.Add(ctx, "k", "b", 0)
	is(t, "Add of nothing", cache.Item{}, err, "", cache.ErrExists)
	for _, value := range []string{"c", "", "d\r\nEND\r\n", strings.Repeat("e", 900_000)} {
		if err := c.Set(ctx, "k", value, time.Hour); err != nil {
			t.Errorf("Set: %v", err)
		}
		got, err = c.Get(ctx, "k")
		is(t, "Get after Set", got, err, value, nil)
	}
	for range 2 {
		if err := c.Delete(ctx, "k"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		_, err = c.Get(ctx, "k")
		is(t, "Get after Delete", cache.Item{}, err, "", cache.ErrMiss)
	}
	if err := c.Set(ctx, "k", "new", cache.NoEnd); err != nil || left(t, servers[0], "k") != -1 {
		t.Errorf("Set without an end: %v, %d s left", err, left(t, servers[0], "k"))
	}
	if err := c.Set(ctx, "k", "new", 0); err != nil || left(t, servers[0], "k") != -2 {
		t.Errorf("Set with no time left: %v, %d s left", err, left(t, servers[0], "k"))
	}
	if _, err := c.Add(ctx, "k", "new", -1); err != nil || left(t, servers[0], "k") != -2 {
		t.Errorf("Add with no time left: %v, %d s left", err, left(t, servers[0], "k"))
	}
}

// TestExpiry: a value lasts as long as it is to, and little longer.
func TestExpiry(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	const day = 24 * time.Hour
	for _, ttl := range []time.Duration{time.Minute, 30*day - 2*time.Second, 30*day - 1, 30 * day, 30*day + 1, 31 * day, 365 * day} {
		if err := c.Set(t.Context(), "k", "v", ttl); err != nil {
			t.Fatal(err)
		}
		seconds := int(ttl / time.Second)
		if got := left(t, servers[0], "k"); got < seconds-1 || got > seconds+4 {
			t.Errorf("with a ttl of %v it has %d s left, not %d", ttl, got, seconds)
		}
	}
	for _, ttl := range []time.Duration{40 * 365 * day, cache.NoEnd - 1} { // later than memcached can count
		if err := c.Set(t.Context(), "k", "v", ttl); err != nil {
			t.Fatal(err)
		}
		if got := left(t, servers[0], "k"); got < 365*24*60*60 {
			t.Errorf("with a ttl of %v it has %d s left", ttl, got)
		}
	}

	// Short ones, at whatever point of the server's second.
	var all sync.WaitGroup
	for i := range 20 {
		key := fmt.Sprint("short", i)
		all.Go(func() {
			time.Sleep(time.Duration(i) * 50 * time.Millisecond)
			begin := time.Now()
			if err := c.Set(t.Context(), key, "v", time.Second); err != nil {
				t.Error(err)
			}
			for {
				_, err := c.Get(t.Context(), key)
				age := time.Since(begin)
				if err == nil && age < 10*time.Second {
					time.Sleep(20 * time.Millisecond)
					continue
				}
				if !errors.Is(err, cache.ErrMiss) || age < time.Second {
					t.Errorf("a value with a ttl of 1 s ended after %v: %v", age, err)
				}
				return
			}
		})
	}
	all.Wait()
}

// TestTooLarge: what the server does not take is an error, and what was stored
// stays.
func TestTooLarge(t *testing.T) {
	_, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	ctx := t.Context()
	huge := strings.Repeat("x", 1<<20)
	_, err := c.Add(ctx, "new", huge, time.Hour)
	is(t, "Add", cache.Item{}, err, "", cache.ErrTooLarge)
	if _, err := c.Add(ctx, "k", "kept", time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = c.Add(ctx, "k", huge, time.Hour)
	is(t, "Add over another", cache.Item{}, err, "", cache.ErrTooLarge)
	old, err := c.Get(ctx, "k")
	is(t, "Get", old, err, "kept", nil)
	_, err = c.Swap(ctx, "k", old, huge, time.Hour)
	is(t, "Swap", cache.Item{}, err, "", cache.ErrTooLarge)
	_, err = c.Swap(ctx, "k", cache.Item{Value: "kept"}, huge, time.Hour)
	is(t, "Swap by the bytes", cache.Item{}, err, "", cache.ErrTooLarge)
	is(t, "Set", cache.Item{}, c.Set(ctx, "k", huge, time.Hour), "", cache.ErrTooLarge)
	if errors.Is(err, cache.ErrUnknownOutcome) {
		t.Errorf("a refusal is known: %v", err)
	}
	got, err := c.Get(ctx, "k")
	is(t, "Get of what was stored", got, err, "kept", nil)
	_, err = c.Get(ctx, "new")
	is(t, "Get of what was not", cache.Item{}, err, "", cache.ErrMiss)
}

// TestFullServer: a server that may not drop anything refuses, and what was
// stored stays.
func TestFullServer(t *testing.T) {
	s := testserver.Memcached(t, "-M", "-m", "2", "-I", "512k")
	c := open(t, memcached.Options{Servers: []string{s.Addr}})
	value := strings.Repeat("x", 100_000)
	var err error
	n := 0
	for ; err == nil; n++ {
		if n == 1000 {
			t.Fatal("it takes everything")
		}
		_, err = c.Add(t.Context(), fmt.Sprint("k", n), value, time.Hour)
	}
	if !strings.Contains(err.Error(), "no room") || errors.Is(err, cache.ErrUnknownOutcome) {
		t.Errorf("Add: %v", err)
	}
	for i := range n - 1 {
		if err := c.Set(t.Context(), fmt.Sprint("k", i), value+"y", time.Hour); err != nil {
			got, err := c.Get(t.Context(), fmt.Sprint("k", i))
			is(t, "Get of what could not be replaced", got, err, value, nil)
		}
	}
}

// TestInvalidKeys: a key that the protocol can't carry is an error everywhere,
// and nothing is sent.
func TestInvalidKeys(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	ctx := t.Context()
	for _, key := range []string{"", "a b", "a\r\nflush_all", "a\tb", "a\x00", "a\x7f", strings.Repeat("k", 251), strings.Repeat("é", 126)} {
		_, getErr := c.Get(ctx, key)
		_, addErr := c.Add(ctx, key, "v", time.Hour)
		_, swapErr := c.Swap(ctx, key, cache.Item{Value: "v"}, "v", time.Hour)
		for what, err := range map[string]error{"Get": getErr, "Add": addErr, "Swap": swapErr, "Set": c.Set(ctx, key, "v", time.Hour), "Delete": c.Delete(ctx, key)} {
			if !errors.Is(err, memcached.ErrInvalidKey) || errors.Is(err, cache.ErrMiss) {
				t.Errorf("%s of %.20q: %v", what, key, err)
			}
		}
	}
	for _, key := range []string{strings.Repeat("k", 250), strings.Repeat("é", 125), "naïve:1:k"} {
		if _, err := c.Add(ctx, key, "v", time.Hour); err != nil {
			t.Errorf("Add of %.20q: %v", key, err)
		}
		got, err := c.Get(ctx, key)
		is(t, "Get", got, err, "v", nil)
	}
	if line := do(t, servers[0], "get a\r\n"); line != "END" {
		t.Errorf("something was sent: %s", line)
	}
}

// TestOthersValues: whatever another program stored comes back as bytes, and is
// replaced only by whoever has read it.
func TestOthersValues(t *testing.T) {
	servers, addresses := start(t, 1)
	c := open(t, memcached.Options{Servers: addresses})
	m, err := sessions.New(settings(), engine.Cache(c))
	if err != nil {
		t.Fatal(err)
	}
	for name, foreign := range map[string]struct {
		flags int
		value string
	}{
		"a text": {16, "a text"}, "an int": {2, "42"}, "a long": {4, "42"}, "bytes": {0, "\x80\x05"},
		"a pickled int": {1, "\x80\x05K\x2a."}, "garbled zlib": {9, "x\x9cgarbled"}, "unknown flags": {1 << 31, "?"},
	} {
		key := strings.Repeat("k", 32)
		stored := ":1:django.contrib.sessions.cache" + key
		put(t, servers[0], stored, foreign.value, foreign.flags, 0)
		got, err := c.Get(t.Context(), stored)
		is(t, name, got, err, foreign.value, nil)
		s := m.Open(key)
		if err := s.Load(t.Context()); err == nil && s.Len() != 0 {
			t.Errorf("%s: a session of %d values", name, s.Len())
		}
		got, err = c.Swap(t.Context(), stored, cache.Item{Value: "other"}, "new", time.Hour)
		is(t, name, got, err, foreign.value, cache.ErrConflict)
	}
}

func settings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.Logger = secrettest.Logger()
	st.SecretKey = strings.Repeat("secret", 10)
	return st
}

// TestNoVersions: a server that was started with -C says so at the first save, not
// that there is no end of other writers.
func TestNoVersions(t *testing.T) {
	c := open(t, memcached.Options{Servers: []string{testserver.Memcached(t, "-C").Addr}})
	st := sessions.DefaultSettings()
	st.SecretKey = strings.Repeat("no versions ", 5)
	m, err := sessions.New(st, engine.Cache(c))
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	s.Set("a", 1)
	if err := s.Save(t.Context()); err != nil { // which needs none
		t.Fatal(err)
	}
	s.Set("a", 2)
	for what, err := range map[string]error{"Save": s.Save(t.Context()), "Flush": s.Flush(t.Context())} {
		if err == nil || !strings.Contains(err.Error(), "without -C") || errors.Is(err, sessions.ErrConflict) || errors.Is(err, sessions.ErrUnknownOutcome) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
