package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// countsWrites is an engine that counts what its store is told to write.
type countsWrites struct {
	sessions.Engine
	payloads, expiries *atomic.Int32
}

func (e countsWrites) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := e.Engine.Open(st)
	b.Store = writeCounter{b.Store, e}
	return b, err
}

type writeCounter struct {
	sessions.Store
	engine countsWrites
}

func (s writeCounter) Unwrap() sessions.Store { return s.Store }

func (s writeCounter) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	if old.Data == new.Data {
		s.engine.expiries.Add(1)
	} else {
		s.engine.payloads.Add(1)
	}
	return s.Store.Replace(ctx, key, old, new)
}

// reads is a request that only looks into its session, and says whether there was
// one.
func reads(t testing.TB, m *sessions.Manager, key string) bool {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.Header.Set("Cookie", "sessionid="+key)
	w := httptest.NewRecorder()
	m.Handler(answer(func(_ *http.Request, s *sessions.Session) string { return sessions.Get(s, "user", "nobody") })).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String() == "ann"
}

// TestIdleWindow: a thousand requests that read, one a second, to two processes by
// turns. No value is written; an expiry once a minute.
func TestIdleWindow(t *testing.T) {
	for _, site := range sites {
		t.Run(site.name, func(t *testing.T) {
			now := time.Now()
			st := settings()
			st.Timeouts = sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 12 * time.Hour}
			st.Clock = func() time.Time { return now }
			open, count := site.start(t), countsWrites{nil, new(atomic.Int32), new(atomic.Int32)}
			var processes [2]*sessions.Manager
			for i := range processes {
				own := st
				count.Engine = open(t, &own)
				processes[i] = manager(t, own, count)
			}
			key := stored(t, processes[0], map[string]any{"user": "ann"})
			begin := time.Now()
			for i := range 1000 {
				now = now.Add(time.Second)
				if !reads(t, processes[i%2], key) {
					t.Fatalf("no session after %d s", i)
				}
			}
			payloads, expiries := count.payloads.Load(), count.expiries.Load()
			t.Logf("1000 requests in %v: %d writes of values, %d of the expiry", time.Since(begin).Round(time.Millisecond), payloads, expiries)
			want := int32(1000 / 60)
			if !site.dated { // each process knows of its own touches only, of none at its first request
				want = 2 * (1 + want)
			}
			if payloads != 0 || expiries < 1000/60 || expiries > want {
				t.Errorf("%d writes of values, %d of the expiry; want 0 and at most %d", payloads, expiries, want)
			}
		})
	}
}

// TestIdleWindowAtTheServer counts by a trigger what really arrives at a database.
func TestIdleWindowAtTheServer(t *testing.T) {
	const what = "CASE WHEN NEW.session_data = OLD.session_data THEN 'expiry' ELSE 'payload' END"
	for _, server := range []struct {
		name     string
		open     func(testing.TB) sqlServer
		triggers []string
	}{
		{"postgresql", postgres, []string{
			"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO writes VALUES (" + what + "); RETURN NEW; END $$",
			"CREATE TRIGGER note AFTER UPDATE ON django_session FOR EACH ROW EXECUTE FUNCTION note()",
		}},
		{"mariadb", mariadb(""), []string{
			"CREATE TRIGGER note AFTER UPDATE ON django_session FOR EACH ROW INSERT INTO writes VALUES (" + what + ")",
		}},
	} {
		t.Run(server.name, func(t *testing.T) {
			now := time.Now()
			st := settings()
			st.Timeouts, st.Clock = sessions.AAL2(), func() time.Time { return now }
			db := server.open(t).open(t)
			m := manager(t, st, engine.Database(db))
			for _, statement := range append([]string{"CREATE TABLE writes (what varchar(10))"}, server.triggers...) {
				exec(t, db, statement)
			}
			key := stored(t, m, map[string]any{"user": "ann"})
			for range 1000 {
				now = now.Add(time.Second)
				if !reads(t, m, key) {
					t.Fatal("no session")
				}
			}
			got := column(t, db, "SELECT CONCAT(what, ' ', COUNT(*)) FROM writes GROUP BY what")
			if text := strings.Join(got, ", "); text != "expiry 16" {
				t.Errorf("the server saw %s, want expiry 16", text)
			}
		})
	}
}

// TestTimeoutsOnServers: both timeouts at once, the settings' and those of a class
// of users, in real time on real servers.
func TestTimeoutsOnServers(t *testing.T) {
	const idle, absolute, staffIdle = 6 * time.Second, 14 * time.Second, 3 * time.Second
	for _, site := range sites {
		t.Run(site.name, func(t *testing.T) {
			st := settings()
			st.Timeouts = sessions.Timeouts{Idle: idle, Absolute: absolute}
			open := site.start(t)
			processes := [2]*sessions.Manager{open.manager(t, st), open.manager(t, st)}
			t.Parallel() // with the servers started one by one
			made := func(class *sessions.Timeouts) (string, time.Time) {
				s := processes[0].Open("")
				s.Set("user", "ann")
				if class != nil {
					s.SetTimeouts(*class)
				}
				if err := s.Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				return s.Key(), time.Now()
			}
			used, began := made(nil)
			unused, unusedSince := made(nil)
			staff, staffSince := made(&sessions.Timeouts{Idle: staffIdle})
			machine, _ := made(&sessions.Timeouts{})
			watch := watched(t, processes[1], used)

			// alive asks, and says what it should be unless the machine has dozed off
			// around that time. An idle time may be a touch's interval short.
			alive := func(what, key string, since time.Time, d time.Duration, want bool) {
				t.Helper()
				if want && time.Since(since) > d {
					t.Logf("%s: too late to tell", what)
					return
				}
				if got := reads(t, processes[1], key); got != want && (!want || time.Since(since) < d) {
					t.Errorf("%s, after %v: lives is %v", what, time.Since(since).Round(time.Millisecond), got)
				}
			}
			checked := false
			last := began
			for time.Since(began) < absolute-2*time.Second {
				time.Sleep(time.Second)
				alive("in use", used, last, idle/2, true)
				last = time.Now()
				if !checked && time.Since(staffSince) > staffIdle+time.Second {
					checked = true
					alive("staff, not used", staff, staffSince, staffIdle, false)
				}
			}
			alive("not used", unused, unusedSince, idle, false)
			endsWithin(t, watch, 10*time.Second)
			if took := time.Since(began); took < absolute-2*time.Second {
				t.Errorf("the open connection ended after %v", took)
			}
			time.Sleep(time.Until(began.Add(absolute + time.Second)))
			alive("at the deadline, in use", used, began, absolute, false)
			if !reads(t, processes[1], machine) {
				t.Error("one without timeouts has ended")
			}
		})
	}
}

// TestTimeoutsAndJumpsOnServers: whatever the clock does, no touch goes beyond the
// deadline, and the next use puts the idle expiry right.
func TestTimeoutsAndJumpsOnServers(t *testing.T) {
	for _, site := range sites {
		if !site.dated {
			continue // the server's own clock counts
		}
		t.Run(site.name, func(t *testing.T) {
			start := time.Now().Truncate(time.Second)
			now := start
			st := settings()
			st.Timeouts = sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}
			st.Clock = func() time.Time { return now }
			m := site.start(t).manager(t, st)
			key := stored(t, m, map[string]any{"user": "ann"})
			for _, step := range []struct {
				jump, until time.Duration // until is what is stored, from the start
			}{
				{20 * time.Minute, 50 * time.Minute},
				{-time.Hour, -10 * time.Minute},
				{-365 * 24 * time.Hour, -365*24*time.Hour - 10*time.Minute},
				{20 * time.Minute, -365*24*time.Hour + 10*time.Minute},
			} {
				now = now.Add(step.jump)
				if !reads(t, m, key) {
					t.Fatalf("gone after a jump of %v", step.jump)
				}
				if got := loaded(t, m, key).StoredUntil().Sub(start).Round(time.Second); got != step.until {
					t.Errorf("stored until %v after a jump of %v, want %v", got, step.jump, step.until)
				}
			}
			now = start.Add(time.Minute)
			if reads(t, m, key) {
				t.Error("it lives after a jump of a year")
			}

			now = start
			key = stored(t, m, map[string]any{"user": "ann"})
			for now.Before(start.Add(2*time.Hour - 10*time.Minute)) {
				now = now.Add(25 * time.Minute)
				if now.After(start.Add(2 * time.Hour)) {
					break
				}
				if !reads(t, m, key) {
					t.Fatalf("gone after %v", now.Sub(start))
				}
				now = now.Add(-5 * time.Minute)
				if !reads(t, m, key) {
					t.Fatalf("gone after %v and a jump back", now.Sub(start))
				}
				if end := loaded(t, m, key).StoredUntil(); end.After(start.Add(2*time.Hour + time.Second)) {
					t.Fatalf("stored until %v", fmt.Sprint(end.Sub(start)))
				}
			}
			now = start.Add(2 * time.Hour)
			if reads(t, m, key) {
				t.Error("it lives at the deadline")
			}
		})
	}
}
