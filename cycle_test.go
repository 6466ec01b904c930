package sessions_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/keepsake-go/sessions"
)

// setUser is a login as a handler of its own may have it: who is there, and what
// of the visitor's values goes on.
func setUser(id int) func(*sessions.Values, bool) error {
	return func(v *sessions.Values, _ bool) error {
		v.Delete("dropped")
		return v.Encode("user", id)
	}
}

// The new key and the values come with one call to the store.
func TestCycleKeyWithIsOneWrite(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"dropped": 1, "kept": 2})
	resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
		session.Set("before", 3)
		if err := session.CycleKeyWith(r.Context(), setUser(7)); err != nil {
			t.Error(err)
		}
	})
	equal(t, "calls", s.store.calls(), "load rotate")
	equal(t, "cookie", s.announced(resp, key), "new")
	equal(t, "stored", s.stored(key), `new{"kept":2,"before":3,"user":7}`)

	s = newSite(t)
	s.visit("", func(session *sessions.Session, r *http.Request) {
		if err := session.CycleKeyWith(r.Context(), setUser(7)); err != nil {
			t.Error(err)
		}
	})
	equal(t, "calls for a new visitor", s.store.calls(), "create")
	equal(t, "stored for a new visitor", s.stored(""), `new{"user":7}`)
}

// What could not be stored with a new key must not be stored under the old one,
// which others may know, even if the handler answers as if nothing had happened.
func TestCycleKeyWithLeavesNothingBehind(t *testing.T) {
	refused := errors.New("refused")
	for _, row := range []struct {
		name  string
		store error
		f     func(*sessions.Values, bool) error
		want  error
	}{
		{"the store fails", errors.New("no connection"), setUser(7), nil},
		{"the function refuses", nil, func(v *sessions.Values, _ bool) error {
			return errors.Join(v.Encode("user", 7), refused)
		}, refused},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"dropped": 1})
			s.store.failing("rotate", row.store)
			resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
				session.Set("before", 3)
				if err := session.CycleKeyWith(r.Context(), row.f); err == nil || row.want != nil && !errors.Is(err, row.want) {
					t.Errorf("error: %v", err)
				}
				equal(t, "has a user", session.Has("user"), false)
			})
			equal(t, "status", resp.StatusCode, http.StatusOK)
			equal(t, "stored", s.stored(key), `old{"dropped":1,"before":3}`)
		})
	}
}

// The function sees what parallel requests have stored meanwhile.
func TestCycleKeyWithSeesTheLatest(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"n": 1})
	var seen []int
	s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
		other := s.Open(key)
		if err := other.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		other.Set("n", 2)
		if err := other.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := session.CycleKeyWith(r.Context(), func(v *sessions.Values, ended bool) error {
			n := 0
			if _, err := v.Decode("n", &n); err != nil || ended {
				t.Errorf("error %v, ended %v", err, ended)
			}
			seen = append(seen, n)
			return v.Encode("double", 2*n)
		})
		if err != nil {
			t.Error(err)
		}
	})
	equal(t, "runs", len(seen), 2)
	equal(t, "stored", s.stored(key), `new{"n":2,"double":4}`)
}

// A login in a session that has gone meanwhile begins a new one, with nothing of
// the other; what the request has claimed of the old one is not claimed then.
func TestCycleKeyWithOfAnEndedSession(t *testing.T) {
	rotate := func(s *site, other *sessions.Session) error { return other.CycleKey(s.t.Context()) }
	flush := func(s *site, other *sessions.Session) error { return other.Flush(s.t.Context()) }
	for _, ending := range []struct {
		name string
		end  func(*site, *sessions.Session) error
		left string
	}{
		{"rotated", rotate, `new{"token":1} `},
		{"flushed", flush, ""},
	} {
		for _, row := range []struct {
			name     string
			inFlight bool
			edit     bool
			want     error
		}{
			{"before it was loaded", false, false, nil},
			{"in flight", true, false, nil},
			{"in flight with an edit", true, true, sessions.ErrInterrupted},
		} {
			t.Run(ending.name+", "+row.name, func(t *testing.T) {
				s := newSite(t)
				key := s.visitor(map[string]any{"token": 1})
				gone := func() {
					other := s.Open(key)
					if err := errors.Join(other.Load(t.Context()), ending.end(s, other)); err != nil {
						t.Fatal(err)
					}
				}
				if !row.inFlight {
					gone()
				}
				resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
					if row.inFlight {
						gone()
					}
					if row.edit {
						equal(t, "token", sessions.Pop(session, "token", 0), 1)
					}
					err := session.CycleKeyWith(r.Context(), setUser(7))
					if !errors.Is(err, row.want) {
						t.Errorf("error %v, want %v", err, row.want)
					}
				})
				if row.want != nil {
					equal(t, "status", resp.StatusCode, http.StatusBadRequest)
					return
				}
				equal(t, "cookie", s.announced(resp, key), "new")
				equal(t, "stored", s.stored(key), ending.left+`new{"user":7}`)
			})
		}
	}
}

// What is of no use to a new session refuses to begin one.
func TestCycleKeyWithKeepsAnEndedSessionEnded(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"user": 7})
	resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
		if err := s.Delete(r.Context(), key); err != nil {
			t.Fatal(err)
		}
		err := session.CycleKeyWith(r.Context(), func(v *sessions.Values, ended bool) error {
			if ended {
				return sessions.ErrInterrupted
			}
			return v.Encode("hash", "new")
		})
		if !errors.Is(err, sessions.ErrInterrupted) {
			t.Errorf("error %v", err)
		}
	})
	equal(t, "cookies", len(resp.Cookies()), 0)
	equal(t, "live sessions", len(s.store.live()), 0)
}
