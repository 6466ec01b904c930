package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// toldOf is a Tracker that writes down what it is told: keys by the letters that
// the test has given them.
type toldOf struct {
	mu    sync.Mutex
	lines []string
	names map[string]string
}

func (o *toldOf) name(key string) string {
	if key == "" {
		return "-"
	}
	if o.names[key] == "" {
		o.names[key] = string(rune('a' + len(o.names)))
	}
	return o.names[key]
}

func (o *toldOf) Seen(ctx context.Context, s *sessions.Session, u *auth.User, former string) {
	_, _ = auth.FromContext(ctx) // which must not wait for itself
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.name(former)
	o.lines = append(o.lines, "seen "+u.Username+" "+o.name(s.Key())+" "+before)
}

func (o *toldOf) Left(ctx context.Context, userID, key string) {
	_, _ = auth.FromContext(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, "left "+userID+" "+o.name(key))
}

// told are the lines since the last call.
func (o *toldOf) told() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.Join(o.lines, ", ")
	o.lines = nil
	return lines
}

// The Tracker is told of everything that becomes of a user's session, and of
// nobody else's.
func TestTracker(t *testing.T) {
	tracker := &toldOf{names: map[string]string{}}
	s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.Tracker = tracker })
	key := ""
	// request is one through both middlewares; it asks for the user where ask says so.
	request := func(ask bool, do func(r *http.Request, session *sessions.Session) error) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		resp := s.serve(r, key, s.auth.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, session *sessions.Session) {
			for range 2 {
				if ask {
					_, err := auth.FromContext(r.Context())
					check(t, err)
				}
			}
			if do != nil {
				check(t, do(r, session))
			}
		})))
		for _, c := range resp.Cookies() {
			if c.Name == "sessionid" {
				key = c.Value
			}
		}
	}
	told := func(what, want string) {
		t.Helper()
		if got := tracker.told(); got != want {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	login := func(name string) func(*http.Request, *sessions.Session) error {
		return func(r *http.Request, session *sessions.Session) error {
			return s.auth.Login(r.Context(), session, s.users.named(name))
		}
	}
	cycle := func(r *http.Request, session *sessions.Session) error { return session.CycleKey(r.Context()) }

	request(true, nil)
	request(true, func(_ *http.Request, session *sessions.Session) error { session.Set("cart", 1); return nil })
	request(true, cycle)
	told("a visitor", "")
	request(false, login("alice"))
	told("a login", "seen alice a -")
	request(true, nil)
	told("a visit", "seen alice a -")
	request(false, nil)
	told("a visit that does not ask for the user", "")
	request(true, login("alice"))
	told("a second login", "seen alice a -, seen alice b a")
	request(true, cycle)
	told("another key", "seen alice b -, seen alice c b")
	request(false, login("bob"))
	told("another user", "left 1 c, seen bob d -")
	request(true, func(r *http.Request, session *sessions.Session) error {
		s.users.setPassword("bob", "new")
		return s.auth.UpdateSessionAuthHash(r.Context(), session, s.users.named("bob"))
	})
	told("a change of the password", "seen bob d -, seen bob e d")
	request(true, func(r *http.Request, session *sessions.Session) error { return s.auth.Logout(r.Context(), session) })
	told("a logout", "seen bob e -, left 2 e")
	key = ""
	request(false, login("alice"))
	request(true, func(r *http.Request, session *sessions.Session) error { return session.Flush(r.Context()) })
	told("a flush", "seen alice f -, seen alice f -, left 1 f")
	key = ""
	request(false, login("alice"))
	told("a login", "seen alice g -")
	s.users.setPassword("alice", "new")
	request(true, nil)
	told("a visit after a change of the password", "left 1 g")
	key = ""
	request(false, login("alice"))
	tracker.told()
	s.store.fail["load"] = errors.New("no connection")
	s.serve(httptest.NewRequest("GET", "/", nil), key, s.auth.RequireLogin(http.NotFoundHandler()))
	told("a visit while the store is out of order", "")
}
