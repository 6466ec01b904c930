package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// siteSecret is long enough not to be warned of.
const siteSecret = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"

// siteNow is where the tests' clock stands.
var siteNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A site is a Manager over a store whose calls are counted and can be made to
// fail, with a clock that the test moves and a log that it reads.
type site struct {
	*sessions.Manager
	store *spyStore
	log   *logBook
	clock *testClock
	t     testing.TB
}

// newSite makes a site with Django's defaults and no Secure flag; changes are
// made to the settings first.
func newSite(t testing.TB, changes ...func(*sessions.Settings)) *site {
	t.Helper()
	s := &site{log: &logBook{}, clock: &testClock{now: siteNow}, t: t}
	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieSecure = siteSecret, false
	st.Clock, st.Logger = s.clock.Now, s.log.logger()
	for _, change := range changes {
		change(&st)
	}
	e := &spyEngine{}
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	s.Manager, s.store = m, e.store
	return s
}

func saveEveryRequest(st *sessions.Settings) { st.SaveEveryRequest = true }

// visitor stores a session with those values and returns its key. The store's
// calls for it are not counted.
func (s *site) visitor(values map[string]any) string {
	s.t.Helper()
	session := s.Open("")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		session.Set(name, values[name])
	}
	if err := session.Save(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.store.reset()
	return session.Key()
}

// get sends one request through the middleware, without a network.
func (s *site) get(cookie string, next http.Handler) *http.Response {
	s.t.Helper()
	return serve(s.Handler(next), cookie)
}

// visit is get for a handler that works on its session.
func (s *site) visit(cookie string, f func(*sessions.Session, *http.Request)) *http.Response {
	s.t.Helper()
	return s.get(cookie, sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, session *sessions.Session) {
		f(session, r)
	}))
}

func serve(h http.Handler, cookie string) *http.Response {
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// stored is what the store holds: each live session's values, behind "old" for
// the one under key and "new" for any other.
func (s *site) stored(key string) string {
	s.t.Helper()
	var lines []string
	for _, k := range s.store.live() {
		session := s.Open(k)
		if err := session.Load(context.Background()); err != nil {
			s.t.Fatal(err)
		}
		name := "new"
		if k == key {
			name = "old"
		}
		lines = append(lines, name+sessionText(session))
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// sessionText is a session's dictionary as JSON.
func sessionText(session *sessions.Session) string {
	var members []string
	for name, raw := range session.Items() {
		members = append(members, fmt.Sprintf("%q:%s", name, raw))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// announced says what a response tells the browser of the cookie: "" nothing,
// "deleted", "old" the key it came with, "new" another one that is live.
func (s *site) announced(resp *http.Response, key string) string {
	s.t.Helper()
	lines := resp.Header.Values("Set-Cookie")
	if len(lines) == 0 {
		return ""
	}
	if len(lines) > 1 {
		return fmt.Sprintf("several: %q", lines)
	}
	pair, _, _ := strings.Cut(lines[0], ";")
	name, value, _ := strings.Cut(pair, "=")
	switch {
	case name != s.Settings().CookieName:
		return "another cookie: " + lines[0]
	case strings.Contains(lines[0], "Max-Age=0;"):
		return "deleted"
	case value == key:
		return "old"
	case slices.Contains(s.store.live(), value):
		return "new"
	}
	return "a key that is not stored"
}

// equal is the tests' one comparison.
func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// testClock stands until it is moved.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logBook keeps what is logged, one line an entry.
type logBook struct{ secrettest.Book }

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.MultiWriter(b, secrettest.Log()), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// count is the number of lines that contain text.
func (b *logBook) count(text string) int {
	n := 0
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// noKeyIn fails the test when a key that was ever stored, or one of those
// given, stands in the log.
func (s *site) noKeyIn(secrets ...string) {
	s.t.Helper()
	s.store.mu.Lock()
	for key := range s.store.keys {
		secrets = append(secrets, key)
	}
	s.store.mu.Unlock()
	text := s.log.String()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			s.t.Errorf("the key %q stands in the log:\n%s", secret, text)
		}
	}
}

var errStoreDown = errors.New("the store is down")
