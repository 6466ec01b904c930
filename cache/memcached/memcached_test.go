package memcached_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, o memcached.Options) *memcached.Cache {
	t.Helper()
	c, err := memcached.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// start starts n servers, and returns their addresses too.
func start(t testing.TB, n int) (servers []*testserver.MemcachedServer, addresses []string) {
	t.Helper()
	for range n {
		s := testserver.Memcached(t)
		servers, addresses = append(servers, s), append(addresses, s.Addr)
	}
	return servers, addresses
}

// do sends a request to a server, past the cache, and returns the first line of
// the answer.
func do(t testing.TB, s *testserver.MemcachedServer, format string, args ...any) string {
	t.Helper()
	line, err := s.Do(context.WithoutCancel(t.Context()), fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// put stores a value of one line past the cache.
func put(t testing.TB, s *testserver.MemcachedServer, key, value string, flags, exptime int) {
	t.Helper()
	if line := do(t, s, "set %s %d %d %d\r\n%s\r\n", key, flags, exptime, len(value), value); line != "STORED" {
		t.Fatalf("set: %s", line)
	}
}

// left is how many seconds a value has left; -1: it has no end, -2: there is
// none.
func left(t testing.TB, s *testserver.MemcachedServer, key string) int {
	t.Helper()
	line := do(t, s, "mg %s t\r\n", key)
	if line == "EN" {
		return -2
	}
	var seconds int
	if _, err := fmt.Sscanf(line, "HD t%d", &seconds); err != nil {
		t.Fatalf("mg: %q", line)
	}
	return seconds
}

// ager lets values grow older: the suite's clock is not the server's.
type ager struct {
	servers []*testserver.MemcachedServer
	mu      sync.Mutex
	keys    map[string]bool // every one that was ever used
}

func (a *ager) make(key, prefix string, version int) string {
	key = cache.Keys{Prefix: prefix, Version: version}.Make(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[key] = true
	return key
}

// age takes d from what each value has left. The server says that in whole
// seconds, and gives up to three more than it was asked for.
func (a *ager) age(t *testing.T, d time.Duration) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.keys {
		if strings.ContainsAny(key, " ") {
			continue
		}
		for _, s := range a.servers {
			seconds := left(t, s, key)
			switch rest := seconds - int(d/time.Second); {
			case seconds < 0:
			case rest <= 3:
				do(t, s, "delete %s\r\n", key)
			default:
				do(t, s, "touch %s %d\r\n", key, rest)
			}
		}
	}
}

// suite runs the engine's suite on two clients, as two processes would have them.
func suite(t *testing.T, servers []*testserver.MemcachedServer, o memcached.Options) {
	t.Helper()
	one, two := open(t, o), open(t, o)
	clock := &ager{servers: servers, keys: map[string]bool{}}
	n := 0
	keys := func() cache.Keys { return cache.Keys{Prefix: fmt.Sprint("site", n), Function: clock.make} }
	enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine {
		n++
		return engine.CacheEngine{Cache: one, Keys: keys()}
	}, enginetest.Options{
		NoExpiry:     true,
		ClearsItself: true,
		Another: func(*testing.T, sessions.Settings) sessions.Engine {
			return engine.CacheEngine{Cache: two, Keys: keys()}
		},
		Advance: clock.age,
	})
}

func TestSessions(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		servers, addresses := start(t, 1)
		suite(t, servers, memcached.Options{Servers: addresses})
	})
	t.Run("three servers", func(t *testing.T) {
		servers, addresses := start(t, 3)
		suite(t, servers, memcached.Options{Servers: addresses})
	})
	t.Run("three servers, modula", func(t *testing.T) {
		servers, addresses := start(t, 3)
		suite(t, servers, memcached.Options{Servers: addresses, Distribution: memcached.Modula})
	})
	t.Run("socket", func(t *testing.T) {
		servers, addresses := start(t, 1)
		suite(t, servers, memcached.Options{Servers: []string{"unix:" + socket(t, addresses[0])}})
	})
	t.Run("TLS", func(t *testing.T) {
		servers, addresses := start(t, 1)
		address, config, _ := secured(t, addresses[0])
		suite(t, servers, memcached.Options{Servers: []string{address}, TLS: config})
	})
}

// socket is a Unix socket behind which a server listens.
func socket(t testing.TB, address string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mc") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	relay(t, listener, address)
	return dir + "/s"
}

// secured is an address where a server is spoken to with TLS, how a client trusts
// it, and how many connections there were.
func secured(t testing.TB, address string) (string, *tls.Config, *atomic.Int64) {
	t.Helper()
	identity := httptest.NewTLSServer(nil) // for its certificate
	defer identity.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: identity.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	accepted := relay(t, listener, address)
	return listener.Addr().String(), identity.Client().Transport.(*http.Transport).TLSClientConfig, accepted
}

// relay passes on to a server what a listener hears. It counts the connections.
func relay(t testing.TB, listener net.Listener, address string) *atomic.Int64 {
	var accepted atomic.Int64
	var all sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		to.Close()
		from.Close()
	}
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			all.Go(func() { pass(server, client) })
			all.Go(func() { pass(client, server) })
		}
	})
	return &accepted
}

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
	is(t, "Add", cache.Item{}, err, "", memcached.ErrTooLarge)
	if _, err := c.Add(ctx, "k", "kept", time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err = c.Add(ctx, "k", huge, time.Hour)
	is(t, "Add over another", cache.Item{}, err, "", memcached.ErrTooLarge)
	old, err := c.Get(ctx, "k")
	is(t, "Get", old, err, "kept", nil)
	_, err = c.Swap(ctx, "k", old, huge, time.Hour)
	is(t, "Swap", cache.Item{}, err, "", memcached.ErrTooLarge)
	_, err = c.Swap(ctx, "k", cache.Item{Value: "kept"}, huge, time.Hour)
	is(t, "Swap by the bytes", cache.Item{}, err, "", memcached.ErrTooLarge)
	is(t, "Set", cache.Item{}, c.Set(ctx, "k", huge, time.Hour), "", memcached.ErrTooLarge)
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
	st.Logger = slog.New(slog.DiscardHandler)
	st.SecretKey = strings.Repeat("secret", 10)
	return st
}

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
