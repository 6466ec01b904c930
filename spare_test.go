package sessions_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// fetches is visit for a request of which a browser says its Sec-Fetch-Mode.
func (s *site) fetches(mode, cookie string, f func(*sessions.Session, *http.Request)) *http.Response {
	s.t.Helper()
	inner := s.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, session *sessions.Session) { f(session, r) }))
	return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Sec-Fetch-Mode", mode)
		inner.ServeHTTP(w, r)
	}), cookie)
}

// A page's own request saves, and leaves the cookie alone that the browser has:
// its response may come after that of a login.
func TestSavesOfAPagesOwnRequests(t *testing.T) {
	edit := func(s *sessions.Session, _ *http.Request) { s.Set("b", 2) }
	week := func(st *sessions.Settings) { st.CookieAge = 100 * time.Hour }
	for _, row := range []struct {
		name, mode string
		settings   func(*sessions.Settings)
		after      time.Duration
		do         func(*sessions.Session, *http.Request)
		cookie     string
		moved      bool // the stored expiry
	}{
		{"a page", "navigate", week, time.Minute, edit, "old", true},
		{"who does not say", "", week, time.Minute, edit, "old", true},
		{"a fetch", "cors", week, time.Minute, edit, "", false},
		{"a fetch, a twentieth of its life later", "cors", week, 5 * time.Hour, edit, "old", true},
		{"a fetch, just before", "cors", week, 5*time.Hour - time.Second, edit, "", false},
		{"a fetch that marks it", "same-origin", week, time.Minute, func(s *sessions.Session, _ *http.Request) { s.MarkModified() }, "", false},
		{"a fetch that saves itself", "cors", week, time.Minute, func(s *sessions.Session, r *http.Request) {
			s.Set("b", 2)
			if err := s.Save(r.Context()); err != nil {
				t.Error(err)
			}
		}, "", false},
		{"a fetch that sets another expiry", "cors", week, time.Minute, func(s *sessions.Session, _ *http.Request) { s.ExpireAfter(99 * time.Hour) }, "old", true},
		{"a fetch that has it end with the browser", "cors", week, time.Minute, func(s *sessions.Session, _ *http.Request) { s.ExpireAtBrowserClose() }, "old", true},
		{"a fetch that clears", "cors", week, time.Minute, func(s *sessions.Session, _ *http.Request) { s.Clear(); s.Set("b", 2) }, "old", true},
		{"a fetch, where cookies end with the browser", "cors", func(st *sessions.Settings) { week(st); st.ExpireAtBrowserClose = true }, 50 * time.Hour, edit, "", true},
		{"a fetch that logs in", "cors", week, time.Minute, func(s *sessions.Session, r *http.Request) {
			if err := s.CycleKey(r.Context()); err != nil {
				t.Error(err)
			}
			s.Set("b", 2)
		}, "new", true},
		{"a fetch, saved every time", "cors", func(st *sessions.Settings) { week(st); st.SaveEveryRequest = true }, time.Minute, func(*sessions.Session, *http.Request) {}, "", false},
		{"a fetch, idle", "cors", func(st *sessions.Settings) { week(st); st.Timeouts.Idle = time.Hour }, 59 * time.Second, edit, "", false},
		{"a fetch, idle, an interval later", "cors", func(st *sessions.Settings) { week(st); st.Timeouts.Idle = time.Hour }, time.Minute, edit, "old", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, row.settings)
			key := s.visitor(map[string]any{"a": 1})
			before := s.storedUntil(key)
			s.clock.Advance(row.after)
			resp := s.fetches(row.mode, "sessionid="+key, row.do)
			equal(t, "status", resp.StatusCode, 200)
			equal(t, "cookie", s.announced(resp, key), row.cookie)
			for _, key := range s.store.live() {
				equal(t, "the expiry has moved", !s.storedUntil(key).Equal(before), row.moved)
				if age := maxAge(resp); age != "" {
					seconds, err := strconv.Atoi(age)
					equal(t, "error", err, nil)
					end := s.clock.Now().Add(time.Duration(seconds) * time.Second)
					equal(t, "the cookie outlives what is stored", end.After(s.storedUntil(key)), false)
				}
			}
		})
	}
}

// A page that is never left, and whose requests change the session every hour, keeps
// it for as long as it likes; its cookie ends when the session does.
func TestAPageThatIsNeverLeft(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"n": 0})
	ends, cookies := s.storedUntil(key), 0
	for hour := range 24 * 60 {
		s.clock.Advance(time.Hour)
		if !ends.After(s.clock.Now()) {
			t.Fatalf("the cookie has ended after %d hours", hour)
		}
		resp := s.fetches("cors", "sessionid="+key, func(s *sessions.Session, _ *http.Request) { s.Set("n", hour) })
		equal(t, "status", resp.StatusCode, 200)
		if age := maxAge(resp); age != "" {
			seconds, _ := strconv.Atoi(age)
			ends = s.clock.Now().Add(time.Duration(seconds) * time.Second)
			cookies++
		}
		equal(t, "the cookie and the session end together", ends.Equal(s.storedUntil(key)), true)
		if left := ends.Sub(s.clock.Now()); left < 13*24*time.Hour {
			t.Fatalf("only %v are left of two weeks", left)
		}
	}
	t.Logf("%d cookies in 60 days", cookies)
	equal(t, "few cookies", cookies < 100, true)
}
