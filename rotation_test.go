package sessions_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// A login gives the visitor a new key. Requests that still carry the old one
// can't take it away again.
func TestRequestsAroundARotation(t *testing.T) {
	read := func(_ *testing.T, s *sessions.Session, _ *http.Request) { _ = sessions.Get(s, "a", 0) }
	write := func(_ *testing.T, s *sessions.Session, _ *http.Request) { s.Set("late", true) }
	interrupted := func(what string, f func(*sessions.Session, context.Context) error) func(*testing.T, *sessions.Session, *http.Request) {
		return func(t *testing.T, s *sessions.Session, r *http.Request) {
			if err := f(s, r.Context()); !errors.Is(err, sessions.ErrInterrupted) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	flush := interrupted("Flush", (*sessions.Session).Flush)
	cycle := interrupted("CycleKey", (*sessions.Session).CycleKey)
	save := interrupted("Save", (*sessions.Session).Save)
	for _, row := range []struct {
		name    string
		every   bool
		loaded  bool // before the rotation: the request was in flight
		late    bool // after the trace is gone
		handler func(*testing.T, *sessions.Session, *http.Request)
		status  int
		cookie  string
	}{
		{"reads", false, false, false, read, 200, ""},
		{"writes", false, false, false, write, 400, ""},
		{"flushes", false, false, false, flush, 200, ""},
		{"saves", false, false, false, save, 200, ""},
		{"rotates", false, false, false, cycle, 200, ""},
		{"in flight, reads", false, true, false, read, 200, ""},
		{"in flight, flushes", false, true, false, flush, 200, ""},
		{"in flight, rotates", false, true, false, cycle, 200, ""},
		{"in flight, writes", false, true, false, write, 400, ""},
		{"every request, reads", true, false, false, read, 200, ""},
		{"every request, writes", true, false, false, write, 400, ""},
		{"every request, in flight, reads", true, true, false, read, 200, ""},
		{"every request, in flight, writes", true, true, false, write, 400, ""},
		{"reads when the trace is gone", false, false, true, read, 200, "deleted"},
		{"writes when the trace is gone", false, false, true, write, 200, "new"},
		{"every request, reads when the trace is gone", true, false, true, read, 200, "deleted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = row.every })
			key := s.visitor(map[string]any{"a": 1})
			login := func() {
				resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
					if err := session.CycleKey(r.Context()); err != nil {
						t.Error(err)
					}
				})
				equal(t, "the login's cookie", s.announced(resp, key), "new")
				s.clock.Advance(time.Second)
				if row.late {
					s.clock.Advance(sessions.RotationTrace)
				}
			}
			if !row.loaded {
				login()
			}
			resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
				if row.loaded {
					login()
				}
				row.handler(t, session, r)
			})
			equal(t, "status", resp.StatusCode, row.status)
			equal(t, "cookie", s.announced(resp, key), row.cookie)
			want := `new{"a":1}`
			if row.cookie == "new" {
				want += ` new{"late":true}`
			}
			equal(t, "stored", s.stored(key), want)
			s.noKeyIn()
		})
	}
}

// The session that a request deleted behind this one's back stays deleted.
func TestLoggedOutMeanwhile(t *testing.T) {
	for _, row := range []struct {
		name    string
		every   bool
		handler func(*sessions.Session)
		status  int
	}{
		{"writes", false, func(s *sessions.Session) { s.Set("b", 2) }, 400},
		{"reads", false, func(s *sessions.Session) { _ = s.Has("a") }, 200},
		{"every request, reads", true, func(s *sessions.Session) { _ = s.Has("a") }, 400}, // as Django
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest = row.every })
			key := s.visitor(map[string]any{"a": 1})
			resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
				s.visit("sessionid="+key, func(other *sessions.Session, r *http.Request) {
					if err := other.Flush(r.Context()); err != nil {
						t.Error(err)
					}
				})
				s.clock.Advance(time.Second)
				row.handler(session)
			})
			equal(t, "status", resp.StatusCode, row.status)
			equal(t, "cookie", s.announced(resp, key), "")
			equal(t, "stored", s.stored(key), "")
		})
	}
}
