package sessions_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// What a request costs the store, and what it makes of the response.
func TestStoreCalls(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	on := func(f func(s *sessions.Session, r *http.Request)) http.Handler {
		return sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) { f(s, r) })
	}
	loadOnly := on(func(*sessions.Session, *http.Request) {})
	read := on(func(s *sessions.Session, _ *http.Request) { _ = sessions.Get(s, "a", 0) })
	write := on(func(s *sessions.Session, _ *http.Request) { s.Set("b", 2) })
	save := on(func(s *sessions.Session, r *http.Request) {
		s.Set("b", 2)
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
	})
	const old, none, bogus = "old", "", "unknownkey0123456789"

	for _, row := range []struct {
		name      string
		every     bool
		cookie    string // old: the visitor's
		handler   http.Handler
		calls     string
		vary      string
		announced string
		stored    string
	}{
		{"untouched, no cookie", false, none, nothing, "", "", "", `old{"a":1}`},
		{"untouched", false, old, nothing, "", "", "", `old{"a":1}`},
		{"untouched, unknown key", false, bogus, nothing, "", "", "", `old{"a":1}`},
		{"loaded only, no cookie", false, none, loadOnly, "", "", "", `old{"a":1}`},
		{"loaded only", false, old, loadOnly, "load", "", "", `old{"a":1}`},
		{"read, no cookie", false, none, read, "", "Cookie", "", `old{"a":1}`},
		{"read", false, old, read, "load", "Cookie", "", `old{"a":1}`},
		{"read, unknown key", false, bogus, read, "load", "Cookie", "deleted", `old{"a":1}`},
		{"write", false, old, write, "load replace", "Cookie", "old", `old{"a":1,"b":2}`},
		{"write, no cookie", false, none, write, "create", "Cookie", "new", `new{"b":2} old{"a":1}`},
		{"write, unknown key", false, bogus, write, "load create", "Cookie", "new", `new{"b":2} old{"a":1}`},
		{"save", false, old, save, "load replace", "Cookie", "old", `old{"a":1,"b":2}`},
		{"save, no cookie", false, none, save, "create", "Cookie", "new", `new{"b":2} old{"a":1}`},
		{"saved and changed again", false, old, on(func(s *sessions.Session, r *http.Request) {
			s.Set("b", 2)
			if err := s.Save(r.Context()); err != nil {
				t.Error(err)
			}
			s.Set("c", 3)
		}), "load replace replace", "Cookie", "old", `old{"a":1,"b":2,"c":3}`},
		{
			"marked as modified", false, old, on(func(s *sessions.Session, _ *http.Request) { s.MarkModified() }),
			"load touch", "Cookie", "old", `old{"a":1}`,
		},
		{
			"marked as modified, no cookie", false, none, on(func(s *sessions.Session, _ *http.Request) { s.MarkModified() }),
			"", "", "", `old{"a":1}`,
		},
		{"two reads", false, old, on(func(s *sessions.Session, r *http.Request) {
			again, err := sessions.FromContext(r.Context())
			if err != nil || again != s {
				t.Errorf("FromContext gives %v, %v", again, err)
			}
			_ = sessions.Get(s, "a", 0)
		}), "load", "Cookie", "", `old{"a":1}`},

		{"every request, untouched, no cookie", true, none, nothing, "", "", "", `old{"a":1}`},
		{"every request, untouched", true, old, nothing, "load touch", "Cookie", "old", `old{"a":1}`},
		{"every request, untouched, unknown key", true, bogus, nothing, "load", "Cookie", "deleted", `old{"a":1}`},
		{"every request, read, no cookie", true, none, read, "", "Cookie", "", `old{"a":1}`},
		{"every request, read", true, old, read, "load touch", "Cookie", "old", `old{"a":1}`},
		{"every request, read, unknown key", true, bogus, read, "load", "Cookie", "deleted", `old{"a":1}`},
		{"every request, write", true, old, write, "load replace", "Cookie", "old", `old{"a":1,"b":2}`},
		{"every request, save", true, old, save, "load replace", "Cookie", "old", `old{"a":1,"b":2}`},
		{
			"every request, marked as modified, unknown key", true, bogus,
			on(func(s *sessions.Session, _ *http.Request) { s.MarkModified() }), "load", "Cookie", "deleted", `old{"a":1}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = row.every })
			key := s.visitor(map[string]any{"a": 1})
			s.clock.Advance(time.Minute) // else there is no expiry to move
			cookie := row.cookie
			switch cookie {
			case old:
				cookie = "sessionid=" + key
			case bogus:
				cookie = "sessionid=" + bogus
			}
			resp := s.get(cookie, row.handler)
			equal(t, "store calls", s.store.calls(), row.calls)
			equal(t, "status", resp.StatusCode, 200)
			equal(t, "Vary", resp.Header.Get("Vary"), row.vary)
			equal(t, "cookie", s.announced(resp, key), row.announced)
			equal(t, "stored", s.stored(key), row.stored)
			s.noKeyIn(bogus)
		})
	}
}

// The sliding window: each request moves the end of the session and of its
// cookie, and after the window without one the session is over.
func TestSaveEveryRequestSlides(t *testing.T) {
	s := newSite(t, saveEveryRequest, func(st *sessions.Settings) { st.CookieAge = 30 * time.Minute })
	key := s.visitor(map[string]any{"exam": 7})
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for range 5 { // together longer than the window
		s.clock.Advance(20 * time.Minute)
		resp := s.get("sessionid="+key, nothing)
		ends := s.clock.Now().Add(30 * time.Minute).Format(http.TimeFormat)
		equal(t, "cookie", resp.Header.Get("Set-Cookie"),
			"sessionid="+key+"; expires="+ends+"; HttpOnly; Max-Age=1800; Path=/; SameSite=Lax")
	}
	s.clock.Advance(30 * time.Minute)
	equal(t, "after the window", s.announced(s.get("sessionid="+key, nothing), key), "deleted")
	equal(t, "stored", s.stored(key), "")
}

// Two applications in one program, each with its own cookie.
func TestNestedManagers(t *testing.T) {
	outer := newSite(t)
	inner := newSite(t, func(st *sessions.Settings) { st.CookieName = "shopid" })
	outerKey, innerKey := outer.visitor(map[string]any{"who": "outer"}), inner.visitor(map[string]any{"who": "inner"})

	var stage *sessions.Session
	h := outer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.FromContext(r.Context())
		if err != nil || sessions.Get(s, "who", "") != "outer" {
			t.Errorf("between the two FromContext gives %v, %v", s, err)
		}
		if !errors.Is(inner.Session(r.Context()).Load(r.Context()), sessions.ErrNoSession) {
			t.Error("the inner session exists outside of its middleware")
		}
		stage = s
		inner.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
			innermost, err := sessions.FromContext(r.Context())
			if err != nil || innermost != s || sessions.Get(s, "who", "") != "inner" {
				t.Errorf("FromContext gives %v, %v", innermost, err)
			}
			if outer.Session(r.Context()) != stage || inner.Session(r.Context()) != s {
				t.Error("Session doesn't give each Manager's own")
			}
			outer.Session(r.Context()).Set("seen", 1)
			s.Set("seen", 2)
		})).ServeHTTP(w, r)
	}))
	resp := serve(h, "sessionid="+outerKey+"; shopid="+innerKey)

	equal(t, "outer", outer.stored(outerKey), `old{"who":"outer","seen":1}`)
	equal(t, "inner", inner.stored(innerKey), `old{"who":"inner","seen":2}`)
	equal(t, "Vary", strings.Join(resp.Header.Values("Vary"), "|"), "Cookie")
	var names []string
	for _, c := range resp.Cookies() {
		names = append(names, c.Name+"="+c.Value)
	}
	slices.Sort(names)
	equal(t, "cookies", strings.Join(names, " "), "sessionid="+outerKey+" shopid="+innerKey)
}

// Around a mux and around one of its handlers again: still one session.
func TestSameManagerTwice(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"n": 1})
	inner := s.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
		sessions.Update(session, "n", func(n int) int { return n + 1 })
		_, _ = w.Write([]byte("done"))
	}))
	resp := s.get("sessionid="+key, sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
		sessions.Update(session, "n", func(n int) int { return n * 10 })
		inner.ServeHTTP(w, r)
	}))
	equal(t, "store calls", s.store.calls(), "load replace")
	equal(t, "cookie", s.announced(resp, key), "old")
	equal(t, "stored", s.stored(key), `old{"n":11}`)
}
