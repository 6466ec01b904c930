// Package tests has the tests that need drivers or libraries which the module
// itself does not depend on.
package tests

import (
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// TestMain also sees that nothing of ours goes on when the tests have ended.
func TestMain(m *testing.M) {
	slog.SetDefault(secrettest.Logger())
	goleak.VerifyTestMain(m)
}

// drivers are the SQLite drivers that the engine works with, and how each is
// told to use WAL and to wait for locks.
var drivers = []struct{ name, options string }{
	{"sqlite", "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"},  // modernc.org/sqlite
	{"sqlite3", "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"}, // github.com/ncruces/go-sqlite3
}

// openFile opens a SQLite file, as one process does.
func openFile(t testing.TB, driver, options, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, "file:"+path+options)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func settings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = "the secret key of these tests, which is long enough for Django"
	st.CookieSecure = false
	st.SaveTimeout = time.Minute // a slow machine is no failure
	return st
}

// managers opens n Managers on one new SQLite file, each with a *sql.DB of its
// own, as n processes would.
func managers(t testing.TB, n int) []*sessions.Manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	var all []*sessions.Manager
	for range n {
		m, err := sessions.New(settings(), engine.Database(openFile(t, drivers[0].name, drivers[0].options, path)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// serve starts a server of m's on the loopback interface.
func serve(t testing.TB, m *sessions.Manager, h sessions.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(m.Handler(h))
	srv.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	t.Cleanup(srv.Close)
	return srv
}

// get asks a server with a session cookie and returns the response, read.
func get(t testing.TB, srv *httptest.Server, path, key string) (status int, body string, cookie *http.Cookie) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
	if err != nil {
		t.Error(err)
		return 0, "", nil
	}
	if key != "" {
		r.Header.Set("Cookie", "sessionid="+key)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Error(err)
		return 0, "", nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	for _, c := range resp.Cookies() {
		if c.Name == "sessionid" {
			cookie = c
		}
	}
	return resp.StatusCode, string(text), cookie
}

// stored makes a session and returns its key.
func stored(t testing.TB, m *sessions.Manager, values map[string]any) string {
	t.Helper()
	s := m.Open("")
	for name, value := range values {
		s.Set(name, value)
	}
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.Key()
}

// loaded returns the session of that key.
func loaded(t testing.TB, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is a handler that does something to the session, saves, and answers
// with what do returns: what a client reads has been saved.
func answer(do func(r *http.Request, s *sessions.Session) string) sessions.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		fmt.Fprint(w, do(r, s))
	}
}
