package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

// The tests of this name are the statements of SECURITY.md, by their numbers.

// TestSecurity19_ANewKeyAtEachLogin: a login gives the session another key, a
// second one of the same user too, and so does a change of the password; what was
// known before opens nothing.
func TestSecurity19_ANewKeyAtEachLogin(t *testing.T) {
	s := newSite(t)
	session := s.session("")
	session.Set("cart", 1)
	check(t, session.Save(t.Context()))
	for _, step := range []func() error{
		func() error { return s.auth.Login(t.Context(), session, s.users.named("alice")) },
		func() error { return s.auth.Login(t.Context(), session, s.users.named("alice")) },
		func() error { return s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("alice")) },
		func() error { return session.CycleKey(t.Context()) },
	} {
		before := session.Key()
		check(t, step())
		equal(t, "the same key", session.Key() == before, false)
		equal(t, "the old key lives", s.exists(before), false)
		equal(t, "who, with the old key", s.who(before), "")
		equal(t, "who", s.who(session.Key()), "alice")
	}
}

// TestSecurity27_PasswordChange: it ends the user's other sessions when they are
// used next, also those whose hash was made with a former secret key, and nobody
// else's.
func TestSecurity27_PasswordChange(t *testing.T) {
	s := newSite(t, func(st *sessions.Settings, _ *auth.Options) { st.SecretKeyFallbacks = []string{oldSecret} })
	here, there, bobs := s.login("alice", nil), s.login("alice", nil), s.login("bob", nil)
	former := s.session(s.login("alice", nil))
	former.Set("_auth_user_hash", auth.SessionHash(oldSecret, "plain$alice"))
	check(t, former.Save(t.Context()))
	session := s.session(here)
	s.users.setPassword("alice", "new")
	check(t, s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("alice")))
	equal(t, "who, there", s.who(there), "")
	equal(t, "who, under a former key", s.who(former.Key()), "")
	equal(t, "who, here", s.who(session.Key()), "alice")
	equal(t, "who, at bob's", s.who(bobs), "bob")
	equal(t, "there lives", s.exists(there), false)
}

// TestSecurity28_UsersWhoMayNot: all sessions of a user who is disabled or deleted
// are nobody's from the next request on, on all of the user's devices.
func TestSecurity28_UsersWhoMayNot(t *testing.T) {
	for what, end := range map[string]func(*site){
		"disabled": func(s *site) { s.users.set("alice", func(u *auth.User) { u.Active = false }) },
		"deleted":  func(s *site) { delete(s.users.all, "1") },
	} {
		s := newSite(t)
		keys := []string{s.login("alice", nil), s.login("alice", nil)}
		bobs := s.login("bob", nil)
		end(s)
		for _, key := range keys {
			equal(t, what+": who", s.who(key), "")
			resp := s.serve(httptest.NewRequest("GET", "/account/", nil), key, s.auth.RequireLogin(unreachable(t)))
			equal(t, what+": status", resp.StatusCode, http.StatusFound)
		}
		equal(t, what+": bob", s.who(bobs), "bob")
	}
}

// TestSecurity32_WhatAVisitorTakesAlong: with an allow-list nothing else of the time
// before a login is in the session after it; without one all is, as in Django.
func TestSecurity32_WhatAVisitorTakesAlong(t *testing.T) {
	for _, row := range []struct {
		keep                []string
		cart, coupon, rogue bool
	}{
		{nil, true, true, true},
		{[]string{}, false, false, false},
		{[]string{"cart"}, true, false, false},
		{[]string{"cart", "coupon", "none"}, true, true, false},
	} {
		s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.KeepAtLogin = row.keep })
		session := s.session(s.login("alice", map[string]any{"cart": 1, "coupon": "x", "is_admin": true}))
		equal(t, "cart", session.Has("cart"), row.cart)
		equal(t, "coupon", session.Has("coupon"), row.coupon)
		equal(t, "is_admin", session.Has("is_admin"), row.rogue)
		equal(t, "who", s.who(session.Key()), "alice")
	}
}

// TestSecurity45_ClearSiteData: a logout can ask the browser to forget the site.
func TestSecurity45_ClearSiteData(t *testing.T) {
	s := newSite(t)
	resp := s.serve(httptest.NewRequest("POST", "/logout/", nil), s.login("alice", nil),
		sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
			check(t, s.auth.Logout(r.Context(), session))
			auth.ClearSiteData(w.Header())
		}))
	equal(t, "Clear-Site-Data", resp.Header.Get("Clear-Site-Data"), `"cache", "cookies", "storage"`)
	equal(t, "cookie", resp.Cookies()[0].MaxAge, -1)
}
