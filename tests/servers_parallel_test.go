package tests

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// TestParallelRequestsOnServers counts 200 visits, all at once and on one
// session, through real HTTP to two processes.
func TestParallelRequestsOnServers(t *testing.T) {
	const n = 200
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		var ms []*sessions.Manager
		var servers []*httptest.Server
		for range 2 {
			m := manager(t, settings(), engine.Database(server.open(t)))
			ms = append(ms, m)
			servers = append(servers, serve(t, m, answer(func(_ *http.Request, s *sessions.Session) string {
				sessions.Update(s, "visit_count", func(n int) int { return n + 1 })
				return ""
			})))
		}
		key := stored(t, ms[0], map[string]any{"visit_count": 0})
		begin := time.Now()
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				if status, body, _ := get(t, servers[i%2], "/", key); status != http.StatusOK {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		all.Wait()
		t.Logf("%d requests on one session took %v", n, time.Since(begin).Round(time.Millisecond))
		if got := sessions.Get(loaded(t, ms[1], key), "visit_count", -1); got != n {
			t.Errorf("visit_count is %d after %d visits", got, n)
		}
	})
}

// TestClearExpiredBesideWriters clears while another process renews the very
// sessions that are due: what it acknowledged lives, all else is gone.
func TestClearExpiredBesideWriters(t *testing.T) {
	const dead, due = 2500, 100 // more than one batch
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		writer := manager(t, settings(), engine.Database(server.open(t)))
		st := settings()
		st.Clock = func() time.Time { return time.Now().Add(time.Hour) } // that far ahead
		cleaner := manager(t, st, engine.Database(server.open(t)))
		short := func() *sessions.Session {
			s := writer.Open("")
			s.ExpireAfter(30 * time.Minute)
			if err := s.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			return s
		}
		var renewals []*sessions.Session
		for range due {
			renewals = append(renewals, short())
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range dead / 4 {
					short()
				}
			})
		}
		all.Wait()

		renewed := make([]bool, due)
		start := make(chan struct{})
		all.Go(func() {
			<-start
			for i, s := range renewals {
				s.ExpireByDefault()
				switch err := s.Save(t.Context()); {
				case err == nil:
					renewed[i] = true
				case !errors.Is(err, sessions.ErrInterrupted):
					t.Errorf("renewing: %v", err)
				}
			}
		})
		var batches, cleared atomic.Int64
		for range 2 { // two processes clear at the same time
			cleaner := manager(t, st, engine.Database(server.open(t)))
			all.Go(func() {
				<-start
				n, err := cleaner.ClearExpired(t.Context(), func(int) { batches.Add(1) })
				if err != nil {
					t.Errorf("ClearExpired: %v", err)
				}
				cleared.Add(int64(n))
			})
		}
		all.Go(func() { // and sessions begin
			<-start
			for range 200 {
				stored(t, writer, map[string]any{"a": 1})
			}
		})
		close(start)
		all.Wait()
		// It may have passed by rows that were being written.
		n, err := cleaner.ClearExpired(t.Context(), nil)
		if err != nil {
			t.Errorf("ClearExpired: %v", err)
		}
		living := 0
		for i, s := range renewals {
			exists, err := writer.Exists(t.Context(), s.Key())
			if err != nil || exists != renewed[i] {
				t.Errorf("session %d: renewed %v, exists %v, %v", i, renewed[i], exists, err)
			}
			if exists {
				living++
			}
		}
		t.Logf("%d batches; %d of %d sessions were renewed in time", batches.Load(), living, due)
		if got := int(cleared.Load()) + n; got != dead+due-living {
			t.Errorf("%d cleared, %d renewed of %d", got, living, dead+due)
		}
		if batches.Load() < 4 {
			t.Errorf("%d expired sessions went in %d batches", cleared.Load(), batches.Load())
		}
	})
}
