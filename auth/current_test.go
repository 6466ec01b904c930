package auth_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/signing"
)

// Who a session is taken to be, and what becomes of it.
func TestWhoIsLoggedIn(t *testing.T) {
	set := func(name string, value any) func(*site, *sessions.Session) {
		return func(_ *site, session *sessions.Session) { session.Set(name, value) }
	}
	without := func(name string) func(*site, *sessions.Session) {
		return func(_ *site, session *sessions.Session) { session.Delete(name) }
	}
	user := func(change func(*auth.User)) func(*site, *sessions.Session) {
		return func(s *site, _ *sessions.Session) { s.users.set("alice", change) }
	}
	for _, row := range []struct {
		name string
		then func(*site, *sessions.Session)
		who  string
		kept bool
	}{
		{"as it is", func(*site, *sessions.Session) {}, "alice", true},
		{"an integer for the ID", set("_auth_user_id", 1), "alice", true},
		{"no ID", without("_auth_user_id"), "", true},
		{"no backend", without("_auth_user_backend"), "", true},
		{"a backend that is not configured", set("_auth_user_backend", "old.Backend"), "", true},
		{"a list for the backend", set("_auth_user_backend", []int{1}), "", true},
		{"an unknown ID", set("_auth_user_id", "77"), "", true},
		{"an object for the ID", set("_auth_user_id", map[string]int{}), "", true},
		{"no hash", without("_auth_user_hash"), "", false},
		{"an empty hash", set("_auth_user_hash", ""), "", false},
		{"null for the hash", set("_auth_user_hash", nil), "", false},
		{"another hash", set("_auth_user_hash", strings.Repeat("0", 64)), "", false},
		{"the hash in capitals", func(_ *site, session *sessions.Session) {
			session.Set("_auth_user_hash", strings.ToUpper(sessions.Get(session, "_auth_user_hash", "")))
		}, "", false},
		{"another user's ID", set("_auth_user_id", "2"), "", false},
		{"a changed password", user(func(u *auth.User) { u.Password = "plain$new" }), "", false},
		{"not active any more", user(func(u *auth.User) { u.Active = false }), "", true},
		{"not active, a changed password", user(func(u *auth.User) { u.Active, u.Password = false, "x" }), "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			session := s.session(s.login("alice", nil))
			row.then(s, session)
			check(t, session.Save(t.Context()))
			s.store.calls()
			equal(t, "who", s.who(session.Key()), row.who)
			equal(t, "the session is kept", s.exists(session.Key()), row.kept)
			if want := map[bool]string{true: "", false: "delete"}[row.kept]; s.store.calls() != want {
				t.Errorf("writes, want %q", want)
			}
		})
	}
}

// A new secret key, with the old one as a fallback, logs nobody out; the session
// is renewed. Without the fallback its hash is wrong.
func TestSecretKeyFallbacks(t *testing.T) {
	fallbacks := func(keys ...string) change {
		return func(st *sessions.Settings, _ *auth.Options) { st.SecretKeyFallbacks = keys }
	}
	old := auth.SessionHash(oldSecret, "plain$alice")
	for _, row := range []struct {
		name   string
		change change
		want   string
	}{
		{"the only fallback", fallbacks(oldSecret), "alice"},
		{"the first of two", fallbacks(oldSecret, "x"), "alice"},
		{"the last of two", fallbacks("x", oldSecret), "alice"},
		{"no fallback", fallbacks(), ""},
		{"another fallback", fallbacks("x"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, row.change)
			session := s.session(s.login("alice", map[string]any{"cart": 1}))
			session.Set("_auth_user_hash", old)
			check(t, session.Save(t.Context()))
			key := session.Key()
			u, err := s.auth.User(t.Context(), session)
			check(t, err)
			if u == nil {
				equal(t, "who", "", row.want)
				equal(t, "the session lives", s.exists(key), false)
				return
			}
			equal(t, "who", u.Username, row.want)
			equal(t, "the old key lives", s.exists(key), false)
			equal(t, "hash", sessions.Get(s.session(session.Key()), "_auth_user_hash", ""), auth.SessionHash(siteSecret, "plain$alice"))
			equal(t, "cart", sessions.Get(session, "cart", 0), 1)
		})
	}
}

// Of two requests with a hash under a former key both have their user; when a
// logout comes first, there is none.
func TestRenewedInParallel(t *testing.T) {
	for _, row := range []struct {
		name string
		want string
		do   func(s *site, other *sessions.Session) error
	}{
		{"renewed", "alice", func(s *site, other *sessions.Session) error {
			_, err := s.auth.User(t.Context(), other)
			return err
		}},
		{"logged out", "", func(s *site, other *sessions.Session) error { return s.auth.Logout(t.Context(), other) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings, _ *auth.Options) { st.SecretKeyFallbacks = []string{oldSecret} })
			session := s.session(s.login("alice", nil))
			session.Set("_auth_user_hash", auth.SessionHash(oldSecret, "plain$alice"))
			check(t, session.Save(t.Context()))
			late := s.session(session.Key())
			check(t, row.do(s, session))
			u, err := s.auth.User(t.Context(), late)
			check(t, err)
			who := ""
			if u != nil {
				who = u.Username
			}
			equal(t, "who", who, row.want)
		})
	}
}

// Django 3.2 with DEFAULT_HASHING_ALGORITHM = "sha1".
func TestReadSHA1(t *testing.T) {
	sum, err := signing.SaltedHMAC("django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", "plain$alice", siteSecret, "sha1")
	check(t, err)
	for _, read := range []bool{true, false} {
		s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.ReadSHA1 = read })
		session := s.session(s.login("alice", nil))
		session.Set("_auth_user_hash", hex.EncodeToString(sum))
		check(t, session.Save(t.Context()))
		equal(t, "who", s.who(session.Key()) == "alice", read)
		equal(t, "the session is kept as it is", s.exists(session.Key()), read)
	}
}

// When something fails nobody is anonymous: it is an error, and a 503.
func TestSecurity42_FailuresAreErrors(t *testing.T) {
	failure := errors.New("no connection")
	for _, row := range []struct {
		name string
		fail func(*site)
	}{
		{"the store, loading", func(s *site) { s.store.fail["load"] = failure }},
		{"the users", func(s *site) { s.users.fail = failure }},
		{"the store, flushing", func(s *site) {
			s.store.fail["delete"] = failure
			s.users.setPassword("alice", "new")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := s.login("alice", nil)
			row.fail(s)
			u, err := s.auth.User(t.Context(), s.Open(key))
			is(t, "User", err, failure)
			if u != nil {
				t.Errorf("user %v", u)
			}
			for _, h := range []http.Handler{
				s.auth.RequireLogin(unreachable(t)),
				s.auth.Handler(auth.HandlerFunc(func(http.ResponseWriter, *http.Request, *sessions.Session, *auth.User) {
					t.Error("the handler was called")
				})),
			} {
				resp := s.serve(httptest.NewRequest("GET", "/", nil), key, h)
				equal(t, "status", resp.StatusCode, http.StatusServiceUnavailable)
				equal(t, "cookies", len(resp.Cookies()), 0)
			}
			// An error is not remembered, and the login not lost.
			s.store.fail, s.users.fail = map[string]error{}, nil
			s.users.setPassword("alice", "alice")
			equal(t, "who, afterwards", s.who(key), "alice")
		})
	}
}

func unreachable(t *testing.T) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
}

// A request asks for its user once, and not at all if nobody wants to know.
func TestTheUserIsLookedUpOnce(t *testing.T) {
	s := newSite(t)
	key := s.login("alice", nil)
	s.users.lookups = 0
	s.serve(httptest.NewRequest("GET", "/", nil), key, s.auth.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	equal(t, "lookups without need", s.users.lookups, 0)

	s.serve(httptest.NewRequest("GET", "/", nil), key, s.auth.Handler(s.auth.RequireLogin(s.auth.RequireLogin(auth.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request, session *sessions.Session, u *auth.User) {
			again, err := auth.FromContext(r.Context())
			check(t, err)
			third, err := s.auth.User(r.Context(), session)
			check(t, err)
			if u == nil || again != u || third != u {
				t.Errorf("users %v, %v, %v", u, again, third)
			}
		})))))
	equal(t, "lookups", s.users.lookups, 1)

	// Login says who it is from then on.
	bob := s.users.named("bob")
	s.serve(httptest.NewRequest("GET", "/", nil), key, s.auth.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		check(t, s.auth.Login(r.Context(), s.Session(r.Context()), bob))
		u, err := auth.FromContext(r.Context())
		check(t, err)
		equal(t, "user", u.Username, "bob")
	})))
}

func TestWithoutTheMiddleware(t *testing.T) {
	s := newSite(t)
	_, err := auth.FromContext(t.Context())
	is(t, "FromContext", err, auth.ErrNoAuth)

	w := httptest.NewRecorder()
	auth.HandlerFunc(nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	equal(t, "without Auth.Handler", w.Code, http.StatusInternalServerError)

	w = httptest.NewRecorder()
	s.auth.RequireLogin(unreachable(t)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	equal(t, "without Manager.Handler", w.Code, http.StatusInternalServerError)
}

// A backend that asks for the user it is being asked for gets no deadlock.
func TestABackendThatAsks(t *testing.T) {
	asks := &askingBackend{ModelBackend: auth.ModelBackend{Users: newUsers()}}
	s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.Backends = []auth.Backend{asks} })
	key := s.login("alice", nil)
	s.serve(httptest.NewRequest("GET", "/", nil), key, s.auth.RequireLogin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	is(t, "asking", asks.err, auth.ErrNoAuth)
}

type askingBackend struct {
	auth.ModelBackend
	err error
}

func (b *askingBackend) User(ctx context.Context, id string) (*auth.User, error) {
	_, b.err = auth.FromContext(ctx)
	return b.ModelBackend.User(ctx, id)
}

// Users whose hash is another one: Django's get_session_auth_hash, overridden.
func TestSessionHasher(t *testing.T) {
	for _, hash := range []string{"own-", ""} {
		b := &ownHash{ModelBackend: auth.ModelBackend{Users: newUsers()}, prefix: hash}
		s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.Backends = []auth.Backend{b} })
		key := s.login("alice", nil)
		want := ""
		if hash != "" {
			want = hash + siteSecret
		}
		equal(t, "hash", sessions.Get(s.session(key), "_auth_user_hash", "x"), want)
		equal(t, "who", s.who(key), "alice")
		b.prefix = "other-"
		equal(t, "who, with another hash", s.who(key), "")
	}
}

// A fallback without a hash does not let in who has none.
func TestNoHashIsNoMatch(t *testing.T) {
	b := &ownHash{ModelBackend: auth.ModelBackend{Users: newUsers()}, prefix: "own-", lacks: oldSecret}
	s := newSite(t, func(st *sessions.Settings, o *auth.Options) {
		o.Backends, st.SecretKeyFallbacks = []auth.Backend{b}, []string{oldSecret}
	})
	session := s.session(s.login("alice", nil))
	session.Set("_auth_user_hash", "")
	check(t, session.Save(t.Context()))
	equal(t, "who", s.who(session.Key()), "")
}

type ownHash struct {
	auth.ModelBackend
	prefix string
	lacks  string // a secret under which there is no hash
}

func (b *ownHash) SessionAuthHash(_ *auth.User, secret string) string {
	if b.prefix == "" || secret == b.lacks {
		return ""
	}
	return b.prefix + secret
}

// A backend that returns nobody, or somebody else, is not trusted.
func TestBrokenBackends(t *testing.T) {
	for _, u := range []*auth.User{nil, {ID: "2", Active: true}} {
		s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.Backends = []auth.Backend{brokenBackend{u}} })
		session := s.session("")
		check(t, s.auth.Login(t.Context(), session, &auth.User{ID: "1", Active: true}))
		if got, err := s.auth.User(t.Context(), session); got != nil || err == nil {
			t.Errorf("user %v, error %v", got, err)
		}
	}
}

type brokenBackend struct{ user *auth.User }

func (brokenBackend) Name() string { return "broken" }
func (b brokenBackend) User(context.Context, string) (*auth.User, error) {
	return b.user, nil
}
