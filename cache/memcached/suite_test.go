package memcached_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
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
	keys    map[string]bool // every one that the present case has used
}

func (a *ager) make(key, prefix string, version int) string {
	key = cache.Keys{Prefix: prefix, Version: version}.Make(key)
	a.note(key)
	return key
}

func (a *ager) note(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[key] = true
}

// forget lets what earlier cases have used be as old as it is: the suite is quick,
// or else the server's own clock shows.
func (a *ager) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.keys)
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
			case rest > 30*24*3600: // more would be taken for a date
				do(t, s, "touch %s %d\r\n", key, time.Now().Unix()+int64(rest))
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
		clock.forget()
		return engine.CacheEngine{Cache: one, Keys: keys()}
	}, enginetest.Options{
		Name:         "cache on memcached",
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
