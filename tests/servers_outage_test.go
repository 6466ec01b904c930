package tests

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// outage is a server that the test may harm.
type outage interface {
	Stop()
	Kill()
	Start()
	Freeze()
	Thaw()
}

// TestOutages takes the server away in every way. While it is gone, requests
// fail: no session reads as ended, no cookie is touched. When it is back, all
// goes on, with everything that was acknowledged.
func TestOutages(t *testing.T) {
	for _, server := range []struct {
		name  string
		start func(testing.TB) (sqlServer, outage)
	}{
		{"postgresql", func(t testing.TB) (sqlServer, outage) {
			s := testserver.Postgres(t)
			return sqlServer{"pgx", s.URL()}, s
		}},
		{"mariadb", func(t testing.TB) (sqlServer, outage) {
			s := testserver.MariaDB(t)
			return sqlServer{"mysql", s.DSN("")}, s
		}},
	} {
		t.Run(server.name, func(t *testing.T) {
			db, s := server.start(t)
			st := settings()
			st.SaveTimeout = 2 * time.Second
			m := manager(t, st, engine.Database(db.open(t)))
			srv := serve(t, m, answer(func(_ *http.Request, s *sessions.Session) string {
				sessions.Update(s, "n", func(n int) int { return n + 1 })
				return ""
			}))
			srv.Client().Timeout = 20 * time.Second
			key := stored(t, m, map[string]any{"n": 0})
			saves := 0
			for _, fault := range []struct {
				name      string
				harm, end func()
				certain   bool // a save that failed was not done
			}{
				{"stopped", s.Stop, s.Start, true},
				{"killed", s.Kill, s.Start, true},
				{"frozen", s.Freeze, s.Thaw, false},
			} {
				held := m.Open(key)
				if err := held.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
				held.Set(fault.name, true)
				fault.harm()
				begin := time.Now()
				err := held.Save(t.Context())
				switch {
				case err == nil:
					t.Errorf("%s: saved", fault.name)
				case errors.Is(err, sessions.ErrNotFound), errors.Is(err, sessions.ErrInterrupted), errors.Is(err, sessions.ErrConflict):
					t.Errorf("%s: %v", fault.name, err)
				case !fault.certain && !errors.Is(err, sessions.ErrUnknownOutcome):
					t.Errorf("%s: the outcome is unknown, but: %v", fault.name, err)
				}
				t.Logf("%s: %v after %v", fault.name, err, time.Since(begin).Round(time.Millisecond))
				if fault.certain {
					status, _, cookie := get(t, srv, "/", key)
					if status != http.StatusServiceUnavailable || cookie != nil {
						t.Errorf("%s: status %d, cookie %v", fault.name, status, cookie)
					}
				}
				fault.end()
				for range 5 { // on each of the pool's broken connections
					if status, body, _ := get(t, srv, "/", key); status != http.StatusOK {
						t.Errorf("after it was %s: %d %s", fault.name, status, body)
						continue
					}
					saves++
				}
				got := loaded(t, m, key)
				if n := sessions.Get(got, "n", -1); n != saves {
					t.Errorf("after it was %s: n is %d after %d acknowledged saves", fault.name, n, saves)
				}
				if fault.certain && got.Has(fault.name) {
					t.Errorf("%s: the save that failed was done", fault.name)
				}
			}
		})
	}
}
