package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions"
)

// A handler that the middleware was forgotten around is told so, by name.
func TestMissingMiddleware(t *testing.T) {
	s := newSite(t)
	if _, err := sessions.FromContext(t.Context()); !errors.Is(err, sessions.ErrNoSession) {
		t.Errorf("FromContext: %v", err)
	}
	session := s.Session(t.Context())
	session.Set("a", 1)
	equal(t, "Get", sessions.Get(session, "a", 7), 7)
	for name, err := range map[string]error{
		"Load": session.Load(t.Context()), "Save": session.Save(t.Context()), "Flush": session.Flush(t.Context()),
		"CycleKey": session.CycleKey(t.Context()), "Err": session.Err(),
	} {
		if !errors.Is(err, sessions.ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
	}

	said := &logBook{}
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(said.logger())
	resp := serve(sessions.HandlerFunc(func(http.ResponseWriter, *http.Request, *sessions.Session) {
		t.Error("the handler was called")
	}), "sessionid="+strings.Repeat("k", 32))
	equal(t, "status", resp.StatusCode, 500)
	equal(t, "log lines", said.count("Manager.Handler"), 1)
	equal(t, "store calls", s.store.calls(), "")
}

// A goroutine that outlives its request gets an error, not another's session.
func TestSessionAfterItsRequest(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	var kept *sessions.Session
	s.visit("sessionid="+key, func(session *sessions.Session, _ *http.Request) {
		equal(t, "during the request", sessions.Get(session, "a", 0), 1)
		kept = session
	})
	s.store.reset()
	equal(t, "Get", sessions.Get(kept, "a", 7), 7)
	kept.Set("b", 2)
	for name, err := range map[string]error{
		"Load": kept.Load(t.Context()), "Save": kept.Save(t.Context()), "Flush": kept.Flush(t.Context()),
		"CycleKey": kept.CycleKey(t.Context()), "Err": kept.Err(),
	} {
		if !errors.Is(err, sessions.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "store calls", s.store.calls(), "")
	equal(t, "stored", s.stored(key), `old{"a":1}`)
}

// Several goroutines of one request share its session; with -race.
func TestGoroutinesOfOneRequest(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"n": 0})
	resp := s.visit("sessionid="+key, func(_ *sessions.Session, r *http.Request) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				session, err := sessions.FromContext(r.Context())
				if err != nil {
					t.Error(err)
					return
				}
				session.Set(fmt.Sprint("k", i), i)
				sessions.Update(session, "n", func(n int) int { return n + 1 })
				_, _, _ = session.Has("n"), session.Keys(), session.Modified()
			})
		}
		wg.Wait()
	})
	equal(t, "status", resp.StatusCode, 200)
	equal(t, "store calls", s.store.calls(), "load replace")
	session := s.Open(key)
	if err := session.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "n", sessions.Get(session, "n", 0), 16)
	equal(t, "values", session.Len(), 17)
}

// A client that hangs up has changed what it has changed.
func TestSecurity43_AClientThatHangsUpIsSaved(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("after the headers: ", late), func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"a": 1})
			ctx, hangUp := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("Cookie", "sessionid="+key)
			s.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
				if late {
					w.WriteHeader(200)
				}
				session.Set("paid", true)
				hangUp()
				<-r.Context().Done()
			})).ServeHTTP(httptest.NewRecorder(), r)
			equal(t, "stored", s.stored(key), `old{"a":1,"paid":true}`)
		})
	}
}

// One that hangs up during the load has not reached the handler.
func TestClientHangsUpDuringTheLoad(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	ctx, hangUp := context.WithCancel(t.Context())
	s.store.hook(func(string) { hangUp() })
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("Cookie", "sessionid="+key)
	w := httptest.NewRecorder()
	s.Handler(sessions.HandlerFunc(func(http.ResponseWriter, *http.Request, *sessions.Session) {
		t.Error("the handler was called without a session")
	})).ServeHTTP(w, r)
	equal(t, "status", w.Code, 503)
	equal(t, "cookie", w.Header().Get("Set-Cookie"), "")
	equal(t, "store calls", s.store.calls(), "load")
	s.store.hook(nil)
	equal(t, "stored", s.stored(key), `old{"a":1}`)
	s.noKeyIn()
}

// A failure to load is not remembered: a handler may try again, or do without.
func TestLoadFails(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	s.store.failing("load", errStoreDown)
	resp := s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if session, err := sessions.FromContext(r.Context()); session != nil || !errors.Is(err, errStoreDown) {
			t.Errorf("FromContext: %v, %v", session, err)
		}
		session := s.Session(r.Context())
		session.Set("lost", true) // on a session that is not loaded
		if err := session.Err(); !errors.Is(err, sessions.ErrNotLoaded) {
			t.Errorf("Err: %v", err)
		}
	}))
	equal(t, "status of a change that could not be made", resp.StatusCode, 503)

	resp = s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.FromContext(r.Context()); !errors.Is(err, errStoreDown) {
			t.Errorf("FromContext: %v", err)
		}
		_, _ = w.Write([]byte("without"))
	}))
	equal(t, "status of a handler that does without", resp.StatusCode, 200)
	equal(t, "cookie", s.announced(resp, key), "")

	resp = s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.FromContext(r.Context()); !errors.Is(err, errStoreDown) {
			t.Errorf("FromContext: %v", err)
		}
		s.store.failing("load", nil)
		session, err := sessions.FromContext(r.Context())
		if err != nil {
			t.Fatal(err)
		}
		session.Set("b", 2)
	}))
	equal(t, "status of a handler that tries again", resp.StatusCode, 200)
	equal(t, "cookie", s.announced(resp, key), "old")
	equal(t, "stored", s.stored(key), `old{"a":1,"b":2}`)
	s.noKeyIn()
}
