package sessions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// check fails the test at once.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A session goes on where another one is, with what was not saved yet.
func TestBecome(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	from := s.Open(key)
	check(t, from.Load(t.Context()))
	from.Set("b", 2)

	to := s.Open("")
	to.Become(from)
	equal(t, "key", to.Key(), key)
	equal(t, "values", sessionText(to), `{"a":1,"b":2}`)
	equal(t, "modified", to.Modified(), true)
	to.Set("c", 3)
	equal(t, "the other one stays as it is", sessionText(from), `{"a":1,"b":2}`)
	s.store.reset()
	check(t, to.Save(t.Context()))
	equal(t, "one write", s.store.calls(), "replace")
	equal(t, "stored", s.stored(key), `old{"a":1,"b":2,"c":3}`)

	unloaded := s.Open("")
	unloaded.Become(s.Open(key))
	equal(t, "loaded", unloaded.Loaded(), false)
	equal(t, "key, unloaded", unloaded.Key(), key)
}

// After a change of settings a session goes on under another Manager.
func TestBecomeUnderOtherSettings(t *testing.T) {
	s := newSite(t)
	from := s.Open("")
	from.Set("a", 1)
	other := newSite(t, func(st *sessions.Settings) { st.CookieAge = time.Hour })
	to := other.Open("")
	to.Become(from)
	equal(t, "age", to.ExpiryAge(), time.Hour)
	check(t, to.Save(t.Context()))
	equal(t, "stored there", other.stored(to.Key()), `old{"a":1}`)
	equal(t, "stored here", s.stored(to.Key()), "")
}

// Copied into another store, under its key.
func TestBecomeAndInsert(t *testing.T) {
	s, other := newSite(t), newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	from := s.Open(key)
	check(t, from.Load(t.Context()))
	to := other.Open("")
	to.Become(from)
	check(t, to.Insert(t.Context()))
	equal(t, "the copy", other.stored(key), `old{"a":1}`)
	equal(t, "the original", s.stored(key), `old{"a":1}`)
}

// request.session = another: the response carries that one's cookie.
func TestBecomeInARequest(t *testing.T) {
	s := newSite(t)
	mine, others := s.visitor(map[string]any{"who": "me"}), s.visitor(map[string]any{"who": "other"})
	resp := s.visit("sessionid="+mine, func(session *sessions.Session, r *http.Request) {
		other := s.Open(others)
		check(t, other.Load(r.Context()))
		other.Set("seen", true)
		session.Become(other)
	})
	equal(t, "cookie", s.announced(resp, others), "old")
	equal(t, "stored", s.stored(others), `new{"who":"me"} old{"who":"other","seen":true}`)

	var kept *sessions.Session
	s.visit("sessionid="+mine, func(session *sessions.Session, _ *http.Request) { kept = session })
	later := s.Open("")
	later.Become(kept)
	equal(t, "beyond the request", sessionText(later), `{"who":"me"}`)
	equal(t, "no error is taken over", later.Err(), error(nil))
	kept.Become(later)
	wantError(t, "into a request that has ended", kept.Err(), sessions.ErrClosed)
}

func TestSetKey(t *testing.T) {
	s := newSite(t)
	key, err := s.NewKey(t.Context())
	check(t, err)
	session := s.Open("")
	session.Set("a", 1)
	session.SetKey("short")
	equal(t, "too short", session.Key(), "")
	session.SetKey(key)
	wantError(t, "Save where nothing is", session.Save(t.Context()), sessions.ErrInterrupted)
	check(t, session.Insert(t.Context()))
	wantError(t, "Insert where something is", session.Insert(t.Context()), sessions.ErrExists)

	other := s.Open("")
	other.Set("b", 2)
	other.SetKey(key)
	check(t, other.Save(t.Context()))
	equal(t, "in place of all that was there", s.stored(key), `old{"b":2}`)
	other.SetKey(key) // the same: nothing changes
	other.Set("c", 3)
	check(t, session.Load(t.Context()))
	check(t, other.Save(t.Context()))
	equal(t, "added", s.stored(key), `old{"b":2,"c":3}`)
}

func TestUnload(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	session := s.Open(key)
	check(t, session.Load(t.Context()))
	session.Set("lost", true)
	other := s.Open(key)
	check(t, other.Load(t.Context()))
	other.Set("a", 2)
	check(t, other.Save(t.Context()))
	session.Unload()
	equal(t, "loaded", session.Loaded(), false)
	equal(t, "modified stays", session.Modified(), true)
	check(t, session.Load(t.Context()))
	equal(t, "values", sessionText(session), `{"a":2}`)
}

// What a handler says of its session counts: Django's request.session.modified
// and accessed are attributes.
func TestSetFlags(t *testing.T) {
	for _, tt := range []struct {
		name               string
		do                 func(*sessions.Session)
		cookie, vary, want string
	}{
		{"changed", func(s *sessions.Session) { s.Set("a", 2) }, "old", "Cookie", `{"a":2}`},
		{"SetModified(false)", func(s *sessions.Session) { s.Set("a", 2); s.SetModified(false) }, "", "Cookie", `{"a":1}`},
		{"changed after it", func(s *sessions.Session) { s.Set("a", 2); s.SetModified(false); s.Set("b", 3) }, "old", "Cookie", `{"a":2,"b":3}`},
		{"SetModified(true)", func(s *sessions.Session) { s.SetModified(true) }, "old", "Cookie", `{"a":1}`},
		{"SetAccessed(false)", func(s *sessions.Session) { sessions.Get(s, "a", 0); s.SetAccessed(false) }, "", "", `{"a":1}`},
		{"SetAccessed(true)", func(s *sessions.Session) { s.SetAccessed(true) }, "", "Cookie", `{"a":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"a": 1})
			resp := s.visit("sessionid="+key, func(session *sessions.Session, _ *http.Request) { tt.do(session) })
			equal(t, "cookie", s.announced(resp, key), tt.cookie)
			equal(t, "Vary", resp.Header.Get("Vary"), tt.vary)
			equal(t, "stored", s.stored(key), "old"+tt.want)
		})
	}
}

// A response does not announce what was deleted before it.
func TestDeleteStoredInARequest(t *testing.T) {
	s := newSite(t)
	resp := s.visit("", func(session *sessions.Session, r *http.Request) {
		check(t, session.Create(r.Context()))
		check(t, session.DeleteStored(r.Context()))
	})
	equal(t, "status", resp.StatusCode, http.StatusBadRequest)
	equal(t, "cookies", len(resp.Cookies()), 0)
}
