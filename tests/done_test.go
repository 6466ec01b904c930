package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/pgnotify"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// events is an event stream that says hello, and why it ends.
func events(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	user := sessions.Get(s, "user", "nobody")
	done := s.Done()
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: hello %s\n\n", user)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-done:
		fmt.Fprintf(w, "data: %s\n\n", s.EndedBy())
	case <-r.Context().Done():
	}
}

// stream opens an event stream, and returns what reads its next event.
func stream(t testing.TB, srv *httptest.Server, key string) func() string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "sessionid="+key)
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if event, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return event
			}
		}
		return "the stream's end"
	}
	if hello := next(); hello != "hello ann" {
		t.Fatal(hello)
	}
	return next
}

// TestOpenStreams: event streams end when their session does, in the same
// process, in another one, and with nobody who tells; over HTTP/1.1 and HTTP/2. A
// login elsewhere leaves them open where it is told.
func TestOpenStreams(t *testing.T) {
	for _, site := range sites {
		t.Run(site.name, func(t *testing.T) {
			open := site.start(t)
			here, there := open.manager(t, settings()), open.manager(t, settings())
			for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
				srv := httptest.NewUnstartedServer(here.Handler(sessions.HandlerFunc(events)))
				srv.EnableHTTP2 = protocol == "HTTP/2"
				srv.StartTLS()
				t.Cleanup(srv.Close)

				for _, end := range []struct {
					name   string
					by     *sessions.Manager
					rotate bool
				}{{"here", here, false}, {"elsewhere", there, false}, {"elsewhere, after a login there", there, true}} {
					if end.rotate && !site.told {
						continue
					}
					key := stored(t, here, map[string]any{"user": "ann"})
					streams := []func() string{stream(t, srv, key), stream(t, srv, key)}
					other := stream(t, srv, stored(t, here, map[string]any{"user": "ann"}))
					time.Sleep(50 * time.Millisecond) // most are open for longer
					s := loaded(t, end.by, key)
					if end.rotate {
						time.Sleep(time.Second) // it has subscribed by now
						if err := s.CycleKey(t.Context()); err != nil {
							t.Fatal(err)
						}
						time.Sleep(3 * time.Second)
					}
					begin := time.Now()
					if err := s.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, next := range streams {
						why := next()
						took := time.Since(begin)
						t.Logf("%s, %s: %s after %v", protocol, end.name, why, took.Round(time.Millisecond))
						if why != "flushed" && (why != "gone" || end.by == here || end.rotate) {
							t.Errorf("%s, %s: ended by %q", protocol, end.name, why)
						}
						if took > 10*time.Second { // a second, on a machine that has the time
							t.Errorf("%s, %s: it took %v", protocol, end.name, took)
						}
					}
					quiet(t, other)
				}
			}
		})
	}
}

// quiet fails when something comes of a stream that goes on.
func quiet(t testing.TB, next func() string) {
	t.Helper()
	said := make(chan string, 1)
	go func() { said <- next() }() // ends with the test's request
	select {
	case why := <-said:
		t.Errorf("another session's stream says %s", why)
	case <-time.After(20 * time.Millisecond):
	}
}

// watched is a session that is open in a process, and its Done.
func watched(t testing.TB, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := loaded(t, m, key)
	t.Cleanup(s.Close)
	s.Done()
	return s
}

// endsWithin waits for s to end, and returns what it took.
func endsWithin(t testing.TB, s *sessions.Session, most time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	select {
	case <-s.Done():
	case <-time.After(most):
		t.Errorf("not ended after %v", most)
	}
	return time.Since(begin)
}

func staysOpen(t testing.TB, s *sessions.Session, d time.Duration) {
	t.Helper()
	select {
	case <-s.Done():
		t.Fatalf("ended by %q", s.EndedBy())
	case <-time.After(d):
	}
}

// Messages alone, without a look: the interval is an hour.
func TestEndsAreTold(t *testing.T) {
	for _, site := range sites {
		if !site.told {
			continue
		}
		t.Run(site.name, func(t *testing.T) {
			open := site.start(t)
			st := settings()
			st.WatchInterval = time.Hour
			here, there := open.manager(t, st), open.manager(t, st)
			key := stored(t, here, map[string]any{"user": "ann"})
			s := watched(t, here, key)
			staysOpen(t, s, time.Second) // it has subscribed by now
			if err := there.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			t.Logf("told after %v", endsWithin(t, s, 10*time.Second).Round(time.Microsecond))
			if s.EndedBy() != sessions.EndRevoked {
				t.Errorf("ended by %q", s.EndedBy())
			}
		})
	}
}

// A Redis that dies and comes back ends nothing, and then everything is looked at.
func TestDoneThroughAnOutage(t *testing.T) {
	r := testserver.Redis(t, testserver.RedisOptions{})
	server := mariadb("")(t)
	st := settings()
	open := func(st sessions.Settings) *sessions.Manager {
		return manager(t, st, engine.CachedDB(server.open(t), openRedis(t, r)))
	}
	st.WatchInterval = time.Hour
	here := open(st)
	there := manager(t, settings(), engine.Database(server.open(t))) // tells nobody
	key, other := stored(t, here, map[string]any{"a": 1}), stored(t, here, map[string]any{"a": 1})
	ended, open2 := watched(t, here, key), watched(t, here, other)
	staysOpen(t, ended, time.Second)
	r.Kill()
	staysOpen(t, ended, time.Second)
	if err := there.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	staysOpen(t, ended, 100*time.Millisecond)
	r.Start()
	t.Logf("ended %v after the server was back", endsWithin(t, ended, 30*time.Second).Round(time.Millisecond))
	staysOpen(t, open2, 100*time.Millisecond)
}

// PostgreSQL ends the connection that listens: another one does.
func TestListenAgain(t *testing.T) {
	server := sqlServer{"pgx", testserver.SharedPostgres(t).URL()}
	db := server.open(t)
	st := settings()
	st.WatchInterval = time.Hour
	st.Notifier = pgnotify.New(db)
	here := manager(t, st, engine.Database(db))
	there := manager(t, st, engine.Database(server.open(t)))
	key, second := stored(t, here, map[string]any{"a": 1}), stored(t, here, map[string]any{"a": 1})
	s, next := watched(t, here, key), watched(t, here, second)
	staysOpen(t, s, time.Second)
	exec(t, server.open(t), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
	staysOpen(t, s, 2*time.Second)
	for _, session := range []*sessions.Session{s, next} {
		if err := there.Delete(t.Context(), session.Key()); err != nil {
			t.Fatal(err)
		}
		t.Logf("told after %v", endsWithin(t, session, 10*time.Second).Round(time.Microsecond))
		if session.EndedBy() != sessions.EndRevoked {
			t.Errorf("ended by %q", session.EndedBy())
		}
	}
}

// What is subscribed to is what is published, on the server's own terms.
func TestNotifiers(t *testing.T) {
	for name, n := range map[string]sessions.Notifier{
		"redis":      openRedis(t, testserver.Redis(t, testserver.RedisOptions{})),
		"postgresql": pgnotify.New(sqlServer{"pgx", testserver.SharedPostgres(t).URL()}.open(t)),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ready, got, ended := make(chan struct{}), make(chan string, 10), make(chan error, 1)
			go func() {
				ended <- n.Subscribe(ctx, "keepsake_one", func() { close(ready) }, func(m string) { got <- m })
			}()
			<-ready
			for _, message := range []struct{ channel, text string }{{"keepsake_two", "no"}, {"keepsake_one", "ended a b"}, {"keepsake_one", "rotated c d"}} {
				if err := n.Publish(t.Context(), message.channel, message.text); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := <-got, <-got; a != "ended a b" || b != "rotated c d" {
				t.Errorf("%q, %q", a, b)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

var _ sessions.Notifier = (*redis.Cache)(nil)

// One statement for all: a database with a thousand open connections is asked a
// few times a second, whatever their number.
func TestProbe(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		st := settings()
		b, err := engine.Database(server.open(t)).Open(st)
		if err != nil {
			t.Fatal(err)
		}
		m := manager(t, st, engine.Database(server.open(t)))
		prober, ok := sessions.Capability[sessions.Prober](b.Store)
		if !ok {
			t.Fatal("no Prober")
		}
		var keys []string
		for range 256 {
			keys = append(keys, stored(t, m, map[string]any{"a": 1}))
		}
		if err := m.Delete(t.Context(), keys[0]); err != nil {
			t.Fatal(err)
		}
		s := loaded(t, m, keys[1])
		s.ExpireAfter(-time.Second)
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 100, 256} {
			found, err := prober.Probe(t.Context(), keys[:n])
			if err != nil {
				t.Fatal(err)
			}
			if want := max(n-2, 0); len(found) != want {
				t.Errorf("%d of %d were found, not %d", len(found), n, want)
			}
			for key, at := range found {
				if rec, err := b.Store.Load(t.Context(), key); err != nil || !rec.Expires.Equal(at) {
					t.Fatalf("Probe says %v, Load %v %v", at, rec.Expires, err)
				}
			}
		}
	})
}
