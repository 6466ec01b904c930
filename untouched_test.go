package sessions_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// TestFirstUseAfterTheHeaders: a session that nobody had asked for anything when the
// headers went is as any other after them.
func TestFirstUseAfterTheHeaders(t *testing.T) {
	for _, row := range []struct {
		name    string
		visitor bool // one who has a session
		status  int
		save    bool // in the handler
		want    error
		stored  string
	}{
		{"saved late", true, http.StatusOK, false, nil, `old{"a":1,"b":2}`},
		{"not after a status of 500", true, http.StatusInternalServerError, false, nil, `old{"a":1}`},
		{"a new visitor's cookie can't be sent", false, http.StatusOK, true, sessions.ErrCookieNotSent, `old{"a":1}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"a": 1})
			cookie := ""
			if row.visitor {
				cookie = "sessionid=" + key
			}
			s.get(cookie, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(row.status)
				session, err := sessions.FromContext(r.Context())
				if err != nil {
					t.Fatal(err)
				}
				session.Set("b", 2)
				if row.save {
					wantError(t, "Save", session.Save(r.Context()), row.want)
				}
			}))
			equal(t, "stored", s.stored(key), row.stored)
		})
	}
}

// TestUseAfterTheRequest: what a handler keeps is closed, and can't make the server
// answer again, whether or not the request had used the session.
func TestUseAfterTheRequest(t *testing.T) {
	for _, reads := range []bool{false, true} {
		s := newSite(t)
		key := s.visitor(map[string]any{"a": 1})
		var kept *sessions.Session
		var keptWriter http.ResponseWriter
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "sessionid="+key)
		w := httptest.NewRecorder()
		s.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			kept, keptWriter = s.Session(r.Context()), w
			if reads {
				if err := kept.Load(r.Context()); err != nil {
					t.Error(err)
				}
				sessions.Get(kept, "a", 0)
				w.WriteHeader(http.StatusOK)
			}
		})).ServeHTTP(w, r)
		wantError(t, "Load", kept.Load(t.Context()), sessions.ErrClosed)
		kept.Set("b", 2)
		wantError(t, "Set", kept.Err(), sessions.ErrClosed)
		_, _ = keptWriter.Write([]byte("late"))
		equal(t, "status", w.Code, http.StatusOK)
		equal(t, "body", w.Body.String(), "late")
		equal(t, "stored", s.stored(key), `old{"a":1}`)
	}
}

// TestDoneOfARequestThatReads: it is closed when the handler returns.
func TestDoneOfARequestThatReads(t *testing.T) {
	s := newSite(t)
	var kept *sessions.Session
	s.get("sessionid="+s.visitor(map[string]any{"a": 1}), sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, session *sessions.Session) {
		kept = session
		w.WriteHeader(http.StatusOK)
		equal(t, "in the request", ends(session), "open")
	}))
	equal(t, "after it", ends(kept), "ended: ")
}

// TestReadingBeginsTheDeadline: a session from before Timeouts.Absolute was set is
// given its end by the first request that reads it.
func TestReadingBeginsTheDeadline(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	m := s.beside(timeouts(sessions.Timeouts{Absolute: time.Hour}))
	serve(m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, session *sessions.Session) {
		sessions.Get(session, "a", 0)
	})), "sessionid="+key)
	stored := open(t, m, key)
	equal(t, "deadline", stored.Deadline(), siteNow.Add(time.Hour))
}

// TestCloseUnused: a session may be closed that nobody has used.
func TestCloseUnused(t *testing.T) {
	s := newSite(t).Open("")
	s.Close()
	wantError(t, "Load", s.Load(t.Context()), sessions.ErrClosed)
}
