package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

const aliceKeys = `_auth_user_id="1" _auth_user_backend="django.contrib.auth.backends.ModelBackend" _auth_user_hash _keepsake_auth_time=1772366400`

// What a session holds after a login, by what it held before; the store is
// written once, and the old key is dead.
func TestSecurity20_WhatALoginLeaves(t *testing.T) {
	visit := func(s *site) string {
		session := s.session("")
		session.SetAll(map[string]any{"cart": 1, "color": "red"})
		check(t, session.Save(t.Context()))
		return session.Key()
	}
	as := func(name string) func(*site) string {
		return func(s *site) string {
			session := s.session(s.login(name, nil))
			session.SetAll(map[string]any{"cart": 1, "color": "red"})
			check(t, session.Save(t.Context()))
			return session.Key()
		}
	}
	keep := func(names ...string) []change {
		return []change{func(_ *sessions.Settings, o *auth.Options) { o.KeepAtLogin = append([]string{}, names...) }}
	}
	for _, row := range []struct {
		name    string
		changes []change
		before  func(*site) string
		meddle  func(*site)
		want    string
		calls   string
	}{
		{"no session", nil, func(*site) string { return "" }, nil, aliceKeys, "create"},
		{"a visitor's", nil, visit, nil, `cart=1 color="red" ` + aliceKeys, "rotate"},
		{"a visitor's, some kept", keep("cart"), visit, nil, `cart=1 ` + aliceKeys, "rotate"},
		{"a visitor's, none kept", keep(), visit, nil, aliceKeys, "rotate"},
		{"the same user's", nil, as("alice"), nil, `cart=1 color="red" ` + aliceKeys, "rotate"},
		{"the same user's, none kept", keep(), as("alice"), nil, `cart=1 color="red" ` + aliceKeys, "rotate"},
		{"another user's", nil, as("bob"), nil, aliceKeys, "rotate"},
		{
			"the same user's, with another password", nil, as("alice"),
			func(s *site) { s.users.setPassword("alice", "new") },
			aliceKeys, "rotate",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, row.changes...)
			key := row.before(s)
			if row.meddle != nil {
				row.meddle(s)
			}
			session := s.session(key)
			s.store.calls()
			check(t, s.auth.Login(t.Context(), session, s.users.named("alice")))
			equal(t, "writes", s.store.calls(), row.calls)
			got := s.session(session.Key())
			wantSet(t, text(got), row.want)
			equal(t, "who", s.who(session.Key()), "alice")
			if key != "" {
				equal(t, "the old key lives", s.exists(key), false)
			}
			at := s.users.lastLogin["alice"]
			equal(t, "last_login", at, s.now)
		})
	}
}

// wantSet compares two texts but for the order of their words.
func wantSet(t testing.TB, got, want string) {
	t.Helper()
	g, w := strings.Fields(got), strings.Fields(want)
	seen := map[string]int{}
	for _, word := range g {
		seen[word]++
	}
	for _, word := range w {
		seen[word]--
	}
	for _, n := range seen {
		if n != 0 {
			t.Errorf("session:\n got %s\nwant %s", got, want)
			return
		}
	}
}

// Where a login fails nobody is logged in: not with the old key either, though the
// handler answers as if all were well.
func TestAFailedLogin(t *testing.T) {
	for _, row := range []struct {
		operation string
		err       error
		status    int
	}{
		{"rotate", errors.New("no connection"), 200},
		{"rotate", sessions.ErrUnknownOutcome, 503}, // the session may be anywhere
	} {
		s := newSite(t)
		session := s.session("")
		session.Set("cart", 1)
		check(t, session.Save(t.Context()))
		key := session.Key()
		s.store.fail[row.operation] = row.err
		resp := s.serve(httptest.NewRequest("POST", "/login/", nil), key, s.auth.Handler(auth.HandlerFunc(
			func(_ http.ResponseWriter, r *http.Request, session *sessions.Session, _ *auth.User) {
				session.Set("tries", 1)
				is(t, "login", s.auth.Login(r.Context(), session, s.users.named("alice")), row.err)
				u, err := s.auth.User(r.Context(), session)
				if u != nil || err != nil {
					t.Errorf("user %v, error %v", u, err)
				}
			})))
		equal(t, "status", resp.StatusCode, row.status)
		equal(t, "who", s.who(key), "")
	}
}

func TestLoginRefuses(t *testing.T) {
	two := func(_ *sessions.Settings, o *auth.Options) {
		users := newUsers()
		o.Backends = []auth.Backend{auth.ModelBackend{Users: users}, auth.ModelBackend{Users: users, Path: "site.Backend"}}
	}
	s := newSite(t, two)
	for _, row := range []struct {
		name string
		user *auth.User
		want error
	}{
		{"nobody", nil, auth.ErrNoUser},
		{"no ID", &auth.User{Active: true}, auth.ErrNoUser},
		{"not active", &auth.User{ID: "3", Backend: "site.Backend"}, auth.ErrInactive},
		{"of which backend?", &auth.User{ID: "1", Active: true}, auth.ErrBackend},
		{"unknown backend", &auth.User{ID: "1", Active: true, Backend: "x"}, auth.ErrBackend},
	} {
		session := s.session("")
		is(t, row.name, s.auth.Login(t.Context(), session, row.user), row.want)
		equal(t, row.name+": key", session.Key(), "")
	}
	session := s.session("")
	check(t, s.auth.Login(t.Context(), session, &auth.User{ID: "1", Password: "plain$alice", Active: true, Backend: "site.Backend"}))
	equal(t, "backend", sessions.Get(session, "_auth_user_backend", ""), "site.Backend")
}

// A login stands although last_login could not be stored, and although the client
// has hung up.
func TestLastLoginIsNoCondition(t *testing.T) {
	s := newSite(t)
	s.users.failWrite = errors.New("read only")
	equal(t, "who", s.who(s.login("alice", nil)), "alice")
	if !strings.Contains(s.log.String(), "last_login was not stored") {
		t.Errorf("log: %s", s.log)
	}

	ctx, cancel := context.WithCancel(t.Context())
	session := s.session("")
	cancel()
	s.users.failWrite = nil
	check(t, s.auth.Login(ctx, session, s.users.named("bob")))
	equal(t, "last_login", s.users.lastLogin["bob"], s.now)
}

// USE_TZ off: dates are the clock's of TIME_ZONE.
func TestLastLoginInLocalTime(t *testing.T) {
	zone := time.FixedZone("", 3600)
	s := newSite(t, func(st *sessions.Settings, _ *auth.Options) { st.UseTZ, st.TimeZone = false, zone })
	s.login("alice", nil)
	equal(t, "last_login", s.users.lastLogin["alice"].Format(time.DateTime), "2026-03-01 13:00:00")
}

func TestLogout(t *testing.T) {
	s := newSite(t)
	key := s.login("alice", map[string]any{"cart": 1})
	var after string
	resp := s.serve(httptest.NewRequest("POST", "/logout/", nil), key, s.auth.Handler(auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, session *sessions.Session, u *auth.User) {
			equal(t, "user", u.ID, "1")
			check(t, s.auth.Logout(r.Context(), session))
			u, err := auth.FromContext(r.Context())
			if u != nil || err != nil {
				t.Errorf("user %v, error %v", u, err)
			}
			session.Set("goodbye", true)
			auth.ClearSiteData(w.Header())
		})))
	for _, c := range resp.Cookies() {
		after = c.Value
	}
	equal(t, "the old session lives", s.exists(key), false)
	equal(t, "the new session", text(s.session(after)), "goodbye=true")
	equal(t, "Clear-Site-Data", resp.Header.Get("Clear-Site-Data"), `"cache", "cookies", "storage"`)
}

// A logout that the store has not carried out is an error, and the user is still
// logged in.
func TestSecurity21_AFailedLogout(t *testing.T) {
	s := newSite(t)
	key := s.login("alice", nil)
	failure := errors.New("no connection")
	s.store.fail["delete"] = failure
	session := s.session(key)
	is(t, "logout", s.auth.Logout(t.Context(), session), failure)
	equal(t, "who", s.who(key), "alice")
}

func TestSecurity27_UpdateSessionAuthHash(t *testing.T) {
	s := newSite(t)
	mine, other := s.login("alice", map[string]any{"cart": 1}), s.login("alice", nil)
	bobs := s.login("bob", nil)
	session := s.session(mine)
	s.users.setPassword("alice", "new")
	check(t, s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("alice")))
	equal(t, "the old key lives", s.exists(mine), false)
	equal(t, "who, here", s.who(session.Key()), "alice")
	equal(t, "cart", sessions.Get(session, "cart", 0), 1)
	equal(t, "who, elsewhere", s.who(other), "")
	equal(t, "the other session lives", s.exists(other), false)

	// In another user's session it is only the key that changes.
	session = s.session(bobs)
	check(t, s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("alice")))
	equal(t, "who, at bob's", s.who(session.Key()), "bob")
	equal(t, "bob's old key lives", s.exists(bobs), false)

	// An ended session stays ended.
	session = s.session(session.Key())
	check(t, s.Delete(t.Context(), session.Key()))
	is(t, "update", s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("bob")), sessions.ErrInterrupted)
}

// A CSRF secret in the session is another one after a login, in the form that all
// Djangos read; none is made where there is none.
func TestSecurity47_CSRFSecretIsReplaced(t *testing.T) {
	s := newSite(t)
	for _, before := range []string{"Zq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oT", strings.Repeat("aB3", 21) + "x"} {
		session := s.session(s.login("alice", map[string]any{"_csrftoken": before}))
		after := sessions.Get(session, "_csrftoken", "")
		if after == before || len(after) != 64 || strings.Trim(after, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			t.Errorf("%d characters", len(after))
		}
		check(t, s.auth.Login(t.Context(), session, s.users.named("alice")))
		if sessions.Get(session, "_csrftoken", "") == after {
			t.Error("the second login has kept it")
		}
	}
	equal(t, "without one", s.session(s.login("alice", nil)).Has("_csrftoken"), false)
}

// What a user has open does not go on as another user's: not when another one logs
// in with the same browser, and not after a change of the password. The same user's
// next login is no end.
func TestLoginEndsWhatIsOpen(t *testing.T) {
	for _, c := range []struct {
		name, password string
		open           bool
	}{{"alice", "plain$alice", true}, {"bob", "plain$bob", false}, {"alice", "plain$new", false}} {
		s := newSite(t)
		key := s.login("alice", nil)
		stream, again := s.session(key), s.session(key)
		defer stream.Close()
		done := stream.Done()
		u := *s.users.named(c.name)
		u.Password = c.password
		check(t, s.auth.Login(t.Context(), again, &u))
		open := true
		select {
		case <-done:
			open = false
		default:
		}
		equal(t, c.name+" with "+c.password+": open", open, c.open)
	}
}
