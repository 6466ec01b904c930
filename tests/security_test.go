package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// The tests of this name are the statements of SECURITY.md, by their numbers, on
// every engine that has a store.

// securityEngines make each engine anew.
var securityEngines = []struct {
	name  string
	clock bool // it ends sessions by Settings.Clock
	make  func(t *testing.T) sessions.Engine
}{
	{"memory", true, func(*testing.T) sessions.Engine { return engine.Memory() }},
	{"file", true, func(t *testing.T) sessions.Engine { return engine.File(t.TempDir()) }},
	{"db", true, func(t *testing.T) sessions.Engine { return engine.Database(securityDB(t)) }},
	{"db, hardened", true, func(t *testing.T) sessions.Engine { return engine.Hardened(engine.Database(securityDB(t))) }},
	{"cached_db", true, func(t *testing.T) sessions.Engine {
		return engine.CachedDB(securityDB(t), cache.NewLocal(cache.LocalOptions{}))
	}},
	{"cache", false, func(*testing.T) sessions.Engine { return engine.Cache(cache.NewLocal(cache.LocalOptions{})) }},
	{"cached_db on PostgreSQL", true, func(t *testing.T) sessions.Engine {
		server := sqlServers[0].start(t)
		return engine.CachedDB(server.open(t), cache.NewLocal(cache.LocalOptions{}))
	}},
	{"cache on Redis", false, func(t *testing.T) sessions.Engine {
		c, done, err := redis.Open(testserver.Redis(t, testserver.RedisOptions{Volatile: true}).URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(done)
		return engine.Cache(c)
	}},
	{"cache on Memcached", false, func(t *testing.T) sessions.Engine {
		c, err := memcached.Open(memcached.Options{Servers: []string{testserver.Memcached(t).Addr}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return engine.Cache(c)
	}},
}

func securityDB(t *testing.T) *sql.DB {
	return openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "sessions.db"))
}

// onEveryEngine runs f with a Manager of each.
func onEveryEngine(t *testing.T, change func(*sessions.Settings), f func(t *testing.T, m *sessions.Manager)) {
	for _, e := range securityEngines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			st := settings()
			if change != nil {
				change(&st)
			}
			m, err := sessions.New(st, e.make(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			f(t, m)
		})
	}
}

// visit sends one request with that key, and returns the session cookie of the
// response.
func visit(t *testing.T, m *sessions.Manager, key string, f func(*sessions.Session, *http.Request)) (status int, cookie *http.Cookie) {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "sessionid="+key)
	w := httptest.NewRecorder()
	m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) { f(s, r) })).ServeHTTP(w, r)
	resp := w.Result()
	for _, c := range resp.Cookies() {
		cookie = c
	}
	return resp.StatusCode, cookie
}

func exists(t *testing.T, m *sessions.Manager, key string) bool {
	t.Helper()
	found, err := m.Exists(context.WithoutCancel(t.Context()), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSecurity04_UnknownKeysAreNeverAdopted: a visitor who brings a key of her own
// choice gets another one when something is stored, and none else; with every way
// to store.
func TestSecurity04_UnknownKeysAreNeverAdopted(t *testing.T) {
	ways := map[string]func(*sessions.Session, *http.Request){
		"nothing": func(*sessions.Session, *http.Request) {},
		"read":    func(s *sessions.Session, _ *http.Request) { s.Has("a") },
		"set":     func(s *sessions.Session, _ *http.Request) { s.Set("a", 1) },
		"save": func(s *sessions.Session, r *http.Request) {
			s.Set("a", 1)
			_ = s.Save(r.Context())
		},
		"create":     func(s *sessions.Session, r *http.Request) { _ = s.Create(r.Context()) },
		"insert":     func(s *sessions.Session, r *http.Request) { _ = s.Insert(r.Context()) },
		"cycle":      func(s *sessions.Session, r *http.Request) { _ = s.CycleKey(r.Context()) },
		"mark":       func(s *sessions.Session, _ *http.Request) { s.MarkModified() },
		"flush, set": func(s *sessions.Session, r *http.Request) { _ = s.Flush(r.Context()); s.Set("a", 1) },
	}
	for _, every := range []bool{false, true} {
		onEveryEngine(t, func(st *sessions.Settings) { st.SaveEveryRequest = every }, func(t *testing.T, m *sessions.Manager) {
			n := 0
			for what, way := range ways {
				n++
				planted := strings.Repeat("x", 30) + fmt.Sprintf("%02d", n)
				status, cookie := visit(t, m, planted, way)
				if status != http.StatusOK || cookie != nil && cookie.Value == planted {
					t.Errorf("%s: status %d, cookie of the same key: %v", what, status, cookie != nil)
				}
				if exists(t, m, planted) {
					t.Errorf("%s: there is a session under the planted key", what)
				}
			}
		})
	}
}

// TestSecurity17_ExpiryIsTheServers: a session that has ended is refused, however
// good its cookie still is.
func TestSecurity17_ExpiryIsTheServers(t *testing.T) {
	engines := securityEngines
	for _, e := range append(engines, []struct {
		name  string
		clock bool
		make  func(*testing.T) sessions.Engine
	}{
		{"signed cookies", true, func(*testing.T) sessions.Engine { return engine.SignedCookies() }},
		{"encrypted cookies", true, func(*testing.T) sessions.Engine { return engine.EncryptedCookies() }},
	}...) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var ahead time.Duration
			life := 2 * time.Hour
			if !e.clock {
				life = 2 * time.Second // a server has its own clock, and may be a bit late
			}
			st := settings() // in which the cookie lives for two weeks
			st.Clock = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Add(ahead)
			}
			m, err := sessions.New(st, e.make(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, cookie := visit(t, m, "", func(s *sessions.Session, _ *http.Request) {
				s.Set("secret", 42)
				s.ExpireAfter(life)
			})
			sees := func() (found bool) {
				visit(t, m, cookie.Value, func(s *sessions.Session, _ *http.Request) { found = s.Has("secret") })
				return found
			}
			if !sees() {
				t.Fatal("it is not even there at first")
			}
			if e.clock {
				mu.Lock()
				ahead = life
				mu.Unlock()
			} else {
				time.Sleep(life + 3*time.Second)
			}
			if sees() {
				t.Error("an ended session is let in by its cookie")
			}
		})
	}
}

// TestSecurity19_OldKeysAreDead: when a rotation returns, the old key opens
// nothing, writes nothing, and is told no other one.
func TestSecurity19_OldKeysAreDead(t *testing.T) {
	onEveryEngine(t, nil, func(t *testing.T, m *sessions.Manager) {
		old := stored(t, m, map[string]any{"secret": 42})
		s := loaded(t, m, old)
		if err := s.CycleKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.Key() == old || !exists(t, m, s.Key()) || exists(t, m, old) {
			t.Error("the key is the same, or the wrong one is alive")
		}
		for _, write := range []bool{false, true} {
			status, cookie := visit(t, m, old, func(s *sessions.Session, _ *http.Request) {
				if s.Has("secret") {
					t.Error("the old key reads")
				}
				if write {
					s.Set("planted", 1)
				}
			})
			if cookie != nil || write != (status == http.StatusBadRequest) {
				t.Errorf("status %d, a cookie: %v", status, cookie != nil)
			}
		}
		if loaded(t, m, s.Key()).Has("planted") {
			t.Error("the old key writes")
		}
	})
}

// TestSecurity22_LogoutIsFinal: after an acknowledged logout nothing that was on its
// way makes the key valid again: no save, no rotation, no touch, no load that fills
// a cache.
func TestSecurity22_LogoutIsFinal(t *testing.T) {
	onEveryEngine(t, func(st *sessions.Settings) { st.Timeouts.Idle = 10 * time.Minute }, func(t *testing.T, m *sessions.Manager) {
		const rounds = 20
		for round := range rounds {
			key := stored(t, m, map[string]any{"n": 0})
			var ready, all sync.WaitGroup
			ready.Add(9)
			late := []func(*sessions.Session, *http.Request){
				func(s *sessions.Session, _ *http.Request) { s.Set("late", 1) },
				func(s *sessions.Session, _ *http.Request) { sessions.Update(s, "n", func(n int) int { return n + 1 }) },
				func(s *sessions.Session, _ *http.Request) { s.Has("n") },
				func(s *sessions.Session, _ *http.Request) { s.MarkModified() },
				func(s *sessions.Session, r *http.Request) { s.Set("late", 2); _ = s.Save(r.Context()) },
				func(s *sessions.Session, _ *http.Request) { s.Set("late", strings.Repeat("x", 10_000)) },
			}
			for i, f := range late {
				all.Go(func() {
					visit(t, m, key, func(s *sessions.Session, r *http.Request) { // which has loaded it
						ready.Done()
						ready.Wait()
						time.Sleep(time.Duration(i*round) * 20 * time.Microsecond)
						f(s, r)
					})
				})
			}
			for range 2 { // readers that may fill a cache
				all.Go(func() {
					ready.Done()
					ready.Wait()
					for range 5 {
						loaded(t, m, key)
					}
				})
			}
			var err error
			all.Go(func() {
				visit(t, m, key, func(s *sessions.Session, r *http.Request) {
					ready.Done()
					ready.Wait()
					time.Sleep(time.Duration(rounds-round) * 30 * time.Microsecond)
					if err = s.Flush(r.Context()); err == nil && exists(t, m, key) {
						t.Error("it is there right after the logout")
					}
				})
			})
			all.Wait()
			if err != nil {
				t.Fatalf("Flush: %v", err)
			}
			if exists(t, m, key) {
				t.Errorf("round %d: the session is back", round)
			}
		}
	})
}

// TestSecurity23_CookiesCanBeRevoked: a copy of a cookie outlives a logout, unless
// Revoked refuses it; when that can't be asked, nobody is let in.
func TestSecurity23_CookiesCanBeRevoked(t *testing.T) {
	for name, opened := range map[string]func(func(context.Context, sessions.Values, time.Time) (bool, error)) sessions.Engine{
		"signed": func(f func(context.Context, sessions.Values, time.Time) (bool, error)) sessions.Engine {
			return engine.SignedCookiesEngine{Revoked: f}
		},
		"encrypted": func(f func(context.Context, sessions.Values, time.Time) (bool, error)) sessions.Engine {
			return engine.EncryptedCookiesEngine{Revoked: f}
		},
	} {
		t.Run(name, func(t *testing.T) {
			loggedOut, failure := map[string]bool{}, error(nil)
			var events []sessions.Event
			st := settings()
			st.OnEvent = func(_ context.Context, e sessions.Event) { events = append(events, e) }
			open := func(f func(context.Context, sessions.Values, time.Time) (bool, error)) *sessions.Manager {
				m, err := sessions.New(st, opened(f))
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			revoked := func(_ context.Context, values sessions.Values, written time.Time) (bool, error) {
				var id string
				if _, err := values.Decode("id", &id); err != nil || time.Since(written).Abs() > time.Minute {
					t.Errorf("asked about %q, written %v ago: %v", id, time.Since(written), err)
				}
				return loggedOut[id], failure
			}
			m, without := open(revoked), open(nil)
			_, cookie := visit(t, m, "", func(s *sessions.Session, _ *http.Request) { s.Set("id", "one") })
			_, other := visit(t, m, "", func(s *sessions.Session, _ *http.Request) { s.Set("id", "two") })
			sees := func(m *sessions.Manager, cookie *http.Cookie) (id string, status int) {
				status, _ = visit(t, m, cookie.Value, func(s *sessions.Session, _ *http.Request) { id = sessions.Get(s, "id", "") })
				return id, status
			}
			visit(t, m, cookie.Value, func(s *sessions.Session, r *http.Request) {
				loggedOut[sessions.Get(s, "id", "")] = true
				_ = s.Flush(r.Context())
			})
			if id, _ := sees(without, cookie); id != "one" {
				t.Error("without the hook the copy should still work; is the documentation right?")
			}
			events = nil
			if id, status := sees(m, cookie); id != "" || status != http.StatusOK {
				t.Errorf("the copy is let in: %q, %d", id, status)
			}
			if len(events) != 1 || events[0].Kind != sessions.EventEnded || events[0].Reason != sessions.EndRevoked {
				t.Errorf("events: %v", events)
			}
			if id, _ := sees(m, other); id != "two" {
				t.Error("another session is refused as well")
			}
			failure = errors.New("the list is away")
			if id, status := sees(m, other); id != "" || status != http.StatusServiceUnavailable {
				t.Errorf("without the list: %q, %d", id, status)
			}
		})
	}
}

// TestSecurity39_SQLIsBound: neither a key, nor a value, nor a name of a table is
// ever read as SQL, by none of the servers.
func TestSecurity39_SQLIsBound(t *testing.T) {
	const evil = "x'; DROP TABLE django_session; --"
	try := func(t *testing.T, db *sql.DB) {
		plain, err := sessions.New(settings(), engine.Database(db))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plain.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := stored(t, plain, map[string]any{evil: evil + `"` + "`" + "\\", "null": "\x00"})
		for _, cookie := range []string{evil, key + "'--", "' OR '1'='1", "%", key[:31] + "_"} {
			if s := loaded(t, plain, cookie); s.Len() != 0 {
				t.Errorf("%q opens a session", cookie)
			}
		}
		for _, table := range []string{evil, "a b", `a"b`, "a`b", "a]b", "a;b", "sélect", "select", "x'; --", "--", "a\\b", strings.Repeat("x", 50)} {
			m, err := sessions.New(settings(), engine.DatabaseEngine{DB: db, Table: table})
			if err != nil {
				continue // refused at the start
			}
			if _, err := m.Migrate(t.Context()); err != nil {
				t.Errorf("a table named %q was not refused, and fails: %v", table, err)
				continue
			}
			other := stored(t, m, map[string]any{"table": table})
			if got := sessions.Get(loaded(t, m, other), "table", ""); got != table || exists(t, plain, other) {
				t.Errorf("a table named %q: it reads %q", table, got)
			}
		}
		if got := sessions.Get(loaded(t, plain, key), evil, ""); !strings.HasPrefix(got, evil) {
			t.Errorf("the first session is now %q", got)
		}
	}
	t.Run("SQLite", func(t *testing.T) { try(t, securityDB(t)) })
	for _, server := range sqlServers {
		t.Run(server.name, func(t *testing.T) { try(t, server.start(t).open(t)) })
	}
}
