package interop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// dated reports whether Keepsake sees when Django has saved a session, by the
// frozen clocks: a file's is the file system's.
func (s *stack) dated() bool { return s.table() || s.cookie() }

// Timeouts that Keepsake sets: Django ignores their names and gives them back, and
// its own saves move neither.
func goSetsTimeouts(x *pair) {
	now := time.Now().Truncate(time.Second)
	at := func(d time.Duration) { x.freeze(now.Add(d)) }
	defer x.freeze(time.Time{})
	put := func(t sessions.Timeouts) string {
		at(0)
		return x.put(x.sides, `{"a":1}`, func(s *sessions.Session) { s.SetTimeouts(t) })
	}
	change := func(key string, n int) string {
		return x.d.text("change", args{"key": key, "data": fmt.Sprintf(`{"b": %d}`, n)})
	}

	key := put(sessions.Timeouts{Absolute: 2 * time.Hour})
	for i, d := range []time.Duration{20 * time.Minute, time.Hour, 2*time.Hour - time.Second} {
		at(d)
		key = change(key, i)
		s := load(x, x.m, key)
		x.same("the deadline after Django's save", s.Deadline().Sub(now), 2*time.Hour)
		x.same("Django's value", sessions.Get(s, "b", -1), i)
	}
	at(2 * time.Hour)
	x.goneForGo("at the deadline", key)

	key = put(sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour})
	unused := put(sessions.Timeouts{Idle: 30 * time.Minute})
	at(20 * time.Minute)
	if x.stack.file() {
		return
	}
	key = change(key, 1)
	x.same("the idle time after Django's save", load(x, x.m, key).IdleTimeout(), 30*time.Minute)
	if x.stack.db() { // a cache's clock is its server's
		at(31 * time.Minute)
		x.goneForDjango("not used", unused)
	}
	if x.stack.dated() {
		at(49 * time.Minute)
		x.same("used by Django 29 minutes ago", sessions.Get(load(x, x.m, key), "b", -1), 1)
		at(50 * time.Minute)
		x.goneForGo("used by Django 30 minutes ago", key)
	}
	if x.stack.table() {
		x.goneForDjango("ended by Keepsake", key)
	}
}

// A session that Django made comes under the timeouts of Keepsake's settings with
// its first use here.
func djangosComeUnderTimeouts(x *pair) {
	now := time.Now().Truncate(time.Second)
	x.freeze(now)
	defer x.freeze(time.Time{})
	st := x.m.Settings()
	st.Timeouts = sessions.Timeouts{Absolute: 2 * time.Hour}
	m, err := sessions.New(st, x.ground.engine(standard))
	check(x, err)
	use := func(key string) (user, cookie string) {
		r := httptest.NewRequestWithContext(x.Context(), "GET", "/", nil)
		r.Header.Set("Cookie", st.CookieName+"="+key)
		w := httptest.NewRecorder()
		m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			fmt.Fprint(w, sessions.Get(s, "user", "nobody"))
		})).ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			key = c.Value
		}
		return w.Body.String(), key
	}

	key := x.d.text("create", args{"data": `{"user": "ann"}`})
	user, key := use(key)
	x.same("user", user, "ann")
	seen := x.d.load(key).Data
	x.same("Django has the deadline", strings.Contains(seen, fmt.Sprintf(`"_keepsake_until": %d`, now.Add(2*time.Hour).Unix())), true)
	x.freeze(now.Add(time.Hour))
	key = x.d.text("change", args{"key": key, "data": `{"b": 2}`})
	user, key = use(key)
	x.same("user, after Django's save", user, "ann")
	x.freeze(now.Add(2 * time.Hour))
	user, _ = use(key)
	x.same("user, at the deadline", user, "nobody")
}

// What is open at Go ends with a logout at Django, which tells nobody.
func djangoEndsWhatIsOpen(x *pair) {
	for what, end := range map[string]func(key string){
		"flush":     func(key string) { x.d.must("flush", args{"key": key}, nil) },
		"delete":    func(key string) { x.d.must("delete", args{"key": key}, nil) },
		"cycle_key": func(key string) { x.d.text("cycle", args{"key": key}) },
	} {
		key := x.d.text("create", args{"data": `{"a": 1}`})
		s := load(x, x.m, key)
		done := s.Done()
		stays := load(x, x.m, x.put(x.sides, `{"a":1}`))
		time.Sleep(100 * time.Millisecond)
		x.same(what+": open before", closed(done), false)
		x.d.text("change", args{"key": key, "data": `{"a": 2}`})
		time.Sleep(time.Second)
		x.same(what+": open after a save", closed(done), false)
		begin := time.Now()
		end(key)
		select {
		case <-done:
			x.Logf("%s by Django: ended after %v", what, time.Since(begin).Round(time.Millisecond))
		case <-time.After(20 * time.Second):
			x.Errorf("%s by Django ended nothing", what)
		}
		x.same(what, s.EndedBy(), sessions.EndGone)
		x.same("another session is open", closed(stays.Done()), false)
		s.Close()
		stays.Close()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Django's own logout and login views do what its stores do.
func TestDjangosLogoutEndsWhatIsOpen(t *testing.T) {
	m, d := both(t)
	s := load(t, m, d.text("login", nil))
	t.Cleanup(s.Close)
	s.Done()
	time.Sleep(time.Second)
	if closed(s.Done()) {
		t.Fatal(s.EndedBy())
	}
	begin := time.Now()
	d.must("logout", args{"key": s.Key()}, nil)
	select {
	case <-s.Done():
		t.Logf("ended %v after Django's logout", time.Since(begin).Round(time.Millisecond))
	case <-time.After(20 * time.Second):
		t.Error("not ended")
	}
}
