package tests

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// openRedis is a client of its own, as a process has one.
func openRedis(t testing.TB, s *testserver.RedisServer) *redis.Cache {
	t.Helper()
	c, closeClient, err := redis.Open(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeClient)
	return c
}

// startRedis is a server, and how each process opens it.
func startRedis(t testing.TB) func() cache.Cache {
	r := testserver.Redis(t, testserver.RedisOptions{})
	return func() cache.Cache { return openRedis(t, r) }
}

func startMemcached(t testing.TB) func() cache.Cache {
	s := testserver.Memcached(t)
	return func() cache.Cache {
		c, err := memcached.Open(memcached.Options{Servers: []string{s.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// TestCachedDB puts the pair through the suite on real servers, in two processes.
func TestCachedDB(t *testing.T) {
	for _, pair := range []struct {
		name  string
		db    func(testing.TB) sqlServer
		cache func(testing.TB) func() cache.Cache
	}{
		{"PostgreSQL and Redis", sqlServers[0].start, startRedis},
		{"MariaDB and memcached", sqlServers[1].start, startMemcached},
		{"SQLite and Redis", func(t testing.TB) sqlServer {
			return sqlServer{drivers[0].name, "file:" + t.TempDir() + "/sessions.db" + drivers[0].options}
		}, startRedis},
	} {
		t.Run(pair.name, func(t *testing.T) {
			server, open := pair.db(t), pair.cache(t)
			one, two := open(), open()
			var db *sql.DB
			var e engine.CachedDBEngine
			cases := 0
			enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
				cases++
				db = server.open(t)
				e = engine.CachedDB(db, one)
				e.Database.Table = fmt.Sprintf("sessions_%d", cases)
				e.Keys = cache.Keys{Prefix: fmt.Sprint("case", cases)}
				return e
			}, enginetest.Options{
				Name: "cached_db",
				Another: func(t *testing.T, _ sessions.Settings) sessions.Engine {
					other := e
					other.Database.DB, other.Cache = server.open(t), two
					return other
				},
				Names:     func(t *testing.T) []string { return column(t, db, "SELECT session_key FROM "+e.Database.Table) },
				FoldsKeys: server.driver == "mysql",
			})
		})
	}
}

// account is what was acknowledged of the sessions that the visitors use, and
// what went wrong.
type account struct {
	keys   []string
	acked  []atomic.Int64 // by session: the count that was acknowledged last
	asked  atomic.Int64
	failed atomic.Int64
	stale  atomic.Int64
	mu     sync.Mutex
	took   []time.Duration
	why    map[string]int // the failures
}

// visit is one request of a visitor: now a look, now a change.
func (a *account) visit(t *testing.T, srv *httptest.Server, i int, change bool) {
	path := "/"
	if change {
		path = "/?change=1"
	}
	before := a.acked[i].Load()
	begin := time.Now()
	status, body, _ := get(t, srv, path, a.keys[i])
	took := time.Since(begin)
	a.asked.Add(1)
	a.mu.Lock()
	a.took = append(a.took, took)
	if status != http.StatusOK {
		a.why[fmt.Sprint(status, " change=", change)]++
	}
	a.mu.Unlock()
	n, err := strconv.ParseInt(strings.TrimSpace(body), 10, 64)
	switch {
	case status != http.StatusOK:
		a.failed.Add(1)
	case err != nil:
		t.Errorf("the page says %q", body)
	case n < before:
		a.stale.Add(1)
		t.Errorf("a read of %d after %d was acknowledged", n, before)
	case change:
		for old := a.acked[i].Load(); old < n && !a.acked[i].CompareAndSwap(old, n); old = a.acked[i].Load() {
		}
	}
}

// siege lets visitors come to two processes until harm is done.
func siege(t *testing.T, e func() engine.CachedDBEngine, harm func()) *account {
	t.Helper()
	a := &account{why: map[string]int{}, acked: make([]atomic.Int64, 200)}
	var servers []*httptest.Server
	for range 2 {
		m := manager(t, settings(), e())
		servers = append(servers, serve(t, m, func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if r.URL.Query().Has("change") {
				sessions.Update(s, "n", func(n int64) int64 { return n + 1 })
				if s.Save(r.Context()) != nil {
					return // the middleware answers
				}
			}
			fmt.Fprint(w, sessions.Get(s, "n", int64(-1)))
		}))
		for len(a.keys) < len(a.acked) {
			a.keys = append(a.keys, stored(t, m, map[string]any{"n": 0}))
		}
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 1))
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(r.IntN(10)) * time.Millisecond):
				}
				a.visit(t, servers[r.IntN(2)], r.IntN(len(a.keys)), r.IntN(3) == 0)
			}
		})
	}
	harm()
	close(stop)
	all.Wait()
	another := manager(t, settings(), e())
	for i, key := range a.keys { // the account
		s := loaded(t, another, key)
		if got := sessions.Get(s, "n", int64(-1)); got < a.acked[i].Load() {
			t.Errorf("lost: session %d has %d, and %d was acknowledged", i, got, a.acked[i].Load())
		}
	}
	slices.Sort(a.took)
	t.Logf("%d requests, %d failed %v, %d stale, p50 %v, p99 %v, longest %v", a.asked.Load(), a.failed.Load(), a.why, a.stale.Load(),
		a.took[len(a.took)/2].Round(10*time.Microsecond), a.took[len(a.took)*99/100].Round(10*time.Microsecond), a.took[len(a.took)-1].Round(time.Millisecond))
	return a
}

// TestCachedDBOutages: whatever becomes of the cache, no request fails, nothing
// that was acknowledged is lost, and no read is older than what was acknowledged.
// Strict refuses writes meanwhile, and nothing else.
func TestCachedDBOutages(t *testing.T) {
	const firstHard = 3 // from here on Strict is tried, too
	for _, strict := range []bool{false, true} {
		for i, fault := range []struct {
			name string
			harm func(t *testing.T, r *testserver.RedisServer)
		}{
			{"restarted with what it has on the disk", func(_ *testing.T, r *testserver.RedisServer) {
				r.Kill()
				time.Sleep(time.Second)
				r.Start()
			}},
			{"flushed", func(t *testing.T, r *testserver.RedisServer) {
				for range 10 {
					command(t, r, "FLUSHALL")
					time.Sleep(50 * time.Millisecond)
				}
			}},
			{"its clients disconnected", func(t *testing.T, r *testserver.RedisServer) {
				for range 10 {
					command(t, r, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
					time.Sleep(50 * time.Millisecond)
				}
			}},
			{"restarted with a dump of before", func(t *testing.T, r *testserver.RedisServer) {
				command(t, r, "CONFIG", "SET", "appendonly", "no")
				command(t, r, "SAVE")
				time.Sleep(500 * time.Millisecond)
				r.Kill()
				r.Start()
			}},
			{"frozen", func(_ *testing.T, r *testserver.RedisServer) {
				r.Freeze()
				time.Sleep(2 * time.Second)
				r.Thaw()
			}},
		} {
			name := fault.name
			if strict {
				name += ", strict"
			}
			if strict && i < firstHard {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel() // they wait most of the time
				server, r := sqlServers[0].start(t), testserver.Redis(t, testserver.RedisOptions{Volatile: strings.Contains(fault.name, "dump")})
				prepared := manager(t, settings(), engine.Database(server.open(t)))
				if _, err := prepared.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				a := siege(t, func() engine.CachedDBEngine {
					e := engine.CachedDB(server.open(t), openRedis(t, r))
					e.Strict = strict
					return e
				}, func() {
					time.Sleep(300 * time.Millisecond)
					fault.harm(t, r)
					time.Sleep(5 * time.Second) // the recovery, and some life after it
				})
				if !strict && a.failed.Load() > 0 {
					t.Errorf("%d requests failed", a.failed.Load())
				}
				for why := range a.why {
					if strings.Contains(why, "false") || !strings.HasPrefix(why, "503 ") {
						t.Errorf("a request failed with %s", why)
					}
				}
			})
		}
	}
}

func command(t testing.TB, r *testserver.RedisServer, args ...string) any {
	t.Helper()
	reply, err := r.Do(t.Context(), args...)
	if err != nil {
		t.Error(err)
	}
	return reply
}
