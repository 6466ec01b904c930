package enginetest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
)

const (
	ruleMerge   = "parallel requests of one session lose nothing"
	ruleLogout  = "a logout is final: nothing brings the session back"
	ruleLogin   = "after CycleKey the new key has the session and the old one is dead"
	ruleSlides  = "ExpireAfter slides with each save"
	ruleFixed   = "ExpireAt is fixed"
	ruleDefault = "without an expiry of its own, and at browser close, the store keeps a session for CookieAge"
	ruleAdopt   = "a key that the store does not have is never adopted"
	ruleClears  = "Manager.ClearExpired deletes expired sessions and spares the others"
)

var sessionCases = []contractCase{
	{"session update", updateCase},
	{"session in parallel requests", parallelRequestsCase},
	{"session logout", logoutCase},
	{"session login", loginCase},
	{"session expiry", expiryCase},
	{"session never adopted", adoptCase},
}

var sessionClearCases = []contractCase{{"session clear expired", sessionClearCase}}

// stored makes a session with f's values and returns its key.
func (e *env) stored(m *sessions.Manager, f func(*sessions.Session)) string {
	e.Helper()
	s := m.Open("")
	f(s)
	if err := s.Save(e.ctx); err != nil {
		e.Fatalf("Save of a new session: %v", err)
	}
	return s.Key()
}

// loaded opens the session of that key and loads it.
func (e *env) loaded(m *sessions.Manager, key string) *sessions.Session {
	e.Helper()
	s := m.Open(key)
	if err := s.Load(e.ctx); err != nil {
		e.Fatalf("Load: %v", err)
	}
	return s
}

func (e *env) exists(rule string, m *sessions.Manager, key string, want bool) {
	e.Helper()
	if got, err := m.Exists(e.ctx, key); err != nil || got != want {
		e.broken(rule, "Exists: %v, %v", got, err)
	}
}

func adoptCase(e *env) {
	_, b := e.managers()
	u := e.loaded(b, strings.Repeat("x", 32))
	if u.Key() != "" || u.Len() != 0 {
		e.broken(ruleAdopt, "the session has %d values", u.Len())
	}
}

func updateCase(e *env) {
	a, b := e.managers()
	key := e.stored(a, func(s *sessions.Session) { s.Set("n", 1); s.Set("mine", "untouched") })
	one, two := e.loaded(a, key), e.loaded(b, key)
	for _, s := range []*sessions.Session{one, two} { // both have read 1
		sessions.Update(s, "n", func(n int) int { return n + 1 })
	}
	two.Set("two", true)
	one.Set("one", true)
	for _, s := range []*sessions.Session{one, two} {
		if err := s.Save(e.ctx); err != nil {
			e.broken(ruleMerge, "Save: %v", err)
		}
	}
	if n := sessions.Get(two, "n", 0); n != 3 || !two.Has("one") {
		e.broken(ruleMerge, "after Save the session shows n = %d", n)
	}
	for _, m := range []*sessions.Manager{a, b} {
		s := e.loaded(m, key)
		if got := fmt.Sprint(sessions.Get(s, "mine", ""), sessions.Get(s, "n", 0), s.Has("one"), s.Has("two")); got != "untouched3 true true" {
			e.broken(ruleMerge, "the session is %s", got)
		}
	}
}

func parallelRequestsCase(e *env) {
	a, b := e.managers()
	key := e.stored(a, func(s *sessions.Session) { s.Set("n", 0) })
	handler := sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set(r.URL.Query().Get("name"), 1)
		sessions.Update(s, "n", func(n int) int { return n + 1 })
	})
	handlers := []http.Handler{a.Handler(handler), b.Handler(handler)}
	var all sync.WaitGroup
	n := 3 * e.writers
	for i := range n {
		all.Go(func() {
			r := httptest.NewRequestWithContext(e.ctx, "GET", fmt.Sprint("/?name=k", i), nil)
			r.Header.Set("Cookie", "sessionid="+key)
			w := httptest.NewRecorder()
			handlers[i%2].ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				e.broken(ruleMerge, "a request was answered %d", w.Code)
			}
		})
	}
	all.Wait()
	s := e.loaded(b, key)
	if got := sessions.Get(s, "n", 0); got != n || s.Len() != n+1 {
		e.broken(ruleMerge, "%d requests made n = %d and %d names", n, got, s.Len()-1)
	}
}

func logoutCase(e *env) {
	a, b := e.managers()
	key := e.stored(a, func(s *sessions.Session) { s.Set("user", 1) })
	late, later := e.loaded(a, key), e.loaded(b, key)
	s := e.loaded(b, key)
	if err := s.Flush(e.ctx); err != nil {
		e.broken(ruleLogout, "Flush: %v", err)
	}
	if s.Key() != "" || s.Len() != 0 {
		e.broken(ruleLogout, "it still has %d values", s.Len())
	}
	late.Set("late", true)
	e.wants(ruleLogout, "Save in a parallel request", late.Save(e.ctx), sessions.ErrInterrupted)
	later.MarkModified()
	e.wants(ruleLogout, "Save of the expiry alone", later.Save(e.ctx), sessions.ErrInterrupted)
	e.wants(ruleLogout, "CycleKey", later.CycleKey(e.ctx), sessions.ErrInterrupted)
	e.exists(ruleLogout, a, key, false)
	e.exists(ruleLogout, b, key, false)
}

func loginCase(e *env) {
	a, b := e.managers()
	key := e.stored(a, func(s *sessions.Session) { s.Set("basket", 3) })
	other := e.loaded(b, key)
	s := e.loaded(a, key)
	s.Set("user", 7)
	between := e.loaded(b, key)
	between.Set("between", true)
	if err := between.Save(e.ctx); err != nil {
		e.broken(ruleMerge, "Save: %v", err)
	}
	if err := s.CycleKey(e.ctx); err != nil {
		e.broken(ruleLogin, "CycleKey: %v", err)
	}
	if s.Key() == key || !sessions.ValidKey(s.Key()) {
		e.broken(ruleLogin, "the key is not fresh")
	}
	e.exists(ruleLogin, b, key, false)
	e.exists(ruleLogin, b, s.Key(), true)
	got := e.loaded(b, s.Key())
	if text := fmt.Sprint(sessions.Get(got, "basket", 0), sessions.Get(got, "user", 0), got.Has("between")); text != "3 7 true" {
		e.broken(ruleLogin, "the session is %s", text)
	}
	out := e.loaded(b, key) // with the old key's cookie
	if out.Key() != "" || out.Len() != 0 {
		e.broken(ruleLogin, "the old key shows %d values", out.Len())
	}
	e.wants(ruleLogin, "a logout under the old key", other.Flush(e.ctx), sessions.ErrInterrupted)
	e.exists(ruleLogin, b, s.Key(), true)
	other.Set("other", 1)
	err := other.Save(e.ctx)
	e.wants(ruleLogin, "Save under the old key", err, sessions.ErrInterrupted)
	if !errors.Is(err, sessions.ErrRotated) {
		e.broken(ruleTrace, "Save under the old key: %v", err)
	}
}

func expiryCase(e *env) {
	a, b := e.managers()
	begin := e.clock.now()
	made := map[string]string{}
	for name, set := range map[string]func(*sessions.Session){
		"after":   func(s *sessions.Session) { s.ExpireAfter(10 * time.Minute) },
		"at":      func(s *sessions.Session) { s.ExpireAt(begin.Add(15 * time.Minute)) },
		"close":   func(s *sessions.Session) { s.ExpireAtBrowserClose() },
		"default": func(s *sessions.Session) {},
	} {
		made[name] = e.stored(a, func(s *sessions.Session) { s.Set("x", 1); set(s) })
	}
	save := func(name string) {
		e.Helper()
		s := e.loaded(b, made[name])
		s.MarkModified()
		if err := s.Save(e.ctx); err != nil {
			e.broken(ruleSlides, "Save of %s: %v", name, err)
		}
	}
	exists := func(rule, name string, want bool) {
		e.Helper()
		e.exists(rule, b, made[name], want)
	}
	e.clock.advance(9 * time.Minute)
	save("after")
	save("at")
	e.clock.advance(6*time.Minute - e.moment())
	exists(ruleSlides, "after", true)
	exists(ruleFixed, "at", true)
	e.clock.advance(e.moment()) // 15 minutes
	exists(ruleFixed, "at", false)
	exists(ruleSlides, "after", true)
	e.clock.advance(4 * time.Minute) // 19: 10 after its save
	exists(ruleSlides, "after", false)

	age := a.Settings().CookieAge
	shortly := max(time.Second, e.moment())
	e.clock.advance(begin.Add(age - shortly).Sub(e.clock.now()))
	exists(ruleDefault, "close", true)
	exists(ruleDefault, "default", true)
	save("default")
	e.clock.advance(shortly)
	exists(ruleDefault, "close", false)
	exists(ruleDefault, "default", true)
}

func sessionClearCase(e *env) {
	a, b := e.managers()
	live := e.stored(a, func(s *sessions.Session) { s.Set("x", 1) })
	for i := range 7 {
		e.stored(a, func(s *sessions.Session) { s.Set("x", i); s.ExpireAfter(time.Minute) })
	}
	e.clock.advance(2 * time.Minute)
	n, err := b.ClearExpired(e.ctx, nil)
	if e.clearsItself {
		n += 7
	}
	if err != nil || n != 7 {
		e.broken(ruleClears, "it deleted %d of 7, %v", n, err)
	}
	e.exists(ruleClears, a, live, true)
	if n, err := a.ClearExpired(e.ctx, nil); err != nil || n != 0 {
		e.broken(ruleClears, "and then %d, %v", n, err)
	}
}
