package sessions_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

func timeouts(t sessions.Timeouts) func(*sessions.Settings) {
	return func(st *sessions.Settings) { st.Timeouts = t }
}

func idle(d time.Duration) func(*sessions.Settings) { return timeouts(sessions.Timeouts{Idle: d}) }

func readOnly(s *sessions.Session, _ *http.Request) { s.Has("a") }

// alive reports whether the site still knows the session.
func (s *site) alive(key string) bool {
	s.t.Helper()
	ok, err := s.Exists(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	return ok
}

// maxAge is the life of a response's cookie, or "" without one.
func maxAge(resp *http.Response) string {
	_, rest, found := strings.Cut(resp.Header.Get("Set-Cookie"), "Max-Age=")
	if !found {
		return ""
	}
	age, _, _ := strings.Cut(rest, ";")
	return age
}

// A thousand requests, one a second, that only read: no value is written, and
// at most one expiry a minute.
func TestIdleWindowWrites(t *testing.T) {
	s := newSite(t, idle(30*time.Minute))
	key := s.visitor(map[string]any{"a": 1})
	const requests, interval = 1000, 60
	cookies := 0
	for range requests {
		s.clock.Advance(time.Second)
		resp := s.visit("sessionid="+key, readOnly)
		equal(t, "status", resp.StatusCode, 200)
		if age := maxAge(resp); age != "" {
			equal(t, "the cookie's age", age, "1800")
			cookies++
		}
	}
	calls := strings.Fields(s.store.calls())
	count := map[string]int{}
	for _, call := range calls {
		count[call]++
	}
	t.Logf("%d requests in %d s: %v, %d cookies", requests, requests, count, cookies)
	equal(t, "reads", count["load"], requests)
	equal(t, "expiry writes", count["touch"], requests/interval)
	equal(t, "cookies", cookies, count["touch"])
	equal(t, "calls of any kind", len(calls), requests+requests/interval)
	s.clock.Advance(29 * time.Minute)
	equal(t, "29 minutes later it lives", s.alive(key), true)
	s.clock.Advance(time.Minute)
	equal(t, "30 minutes later it lives", s.alive(key), false)
}

// Requests of one moment renew the expiry once.
func TestIdleParallelRequests(t *testing.T) {
	s := newSite(t, idle(30*time.Minute))
	key := s.visitor(map[string]any{"a": 1})
	s.clock.Advance(5 * time.Minute)
	var loaded, done sync.WaitGroup
	loaded.Add(16)
	for range 16 {
		done.Go(func() {
			resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
				readOnly(session, r)
				loaded.Done()
				loaded.Wait()
			})
			equal(t, "status", resp.StatusCode, 200)
		})
	}
	done.Wait()
	equal(t, "expiry writes", strings.Count(s.store.calls(), "touch"), 1)
}

func TestSecurity24_TimeoutsAreTheServers(t *testing.T) {
	const ever = -1
	both := sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}
	for _, tt := range []struct {
		name     string
		settings sessions.Timeouts
		set      func(*sessions.Session)
		visits   func(*sessions.Session, *http.Request)
		every    time.Duration
		lives    time.Duration // the last visit that finds it
	}{
		{"used in time", sessions.Timeouts{Idle: 30 * time.Minute}, nil, readOnly, 29 * time.Minute, ever},
		{"not used in time", sessions.Timeouts{Idle: 30 * time.Minute}, nil, readOnly, 30 * time.Minute, 0},
		{"arriving is not using", sessions.Timeouts{Idle: 30 * time.Minute}, nil, func(*sessions.Session, *http.Request) {}, 10 * time.Minute, 20 * time.Minute},
		{"absolute, read", sessions.Timeouts{Absolute: 2 * time.Hour}, nil, readOnly, 10 * time.Minute, 110 * time.Minute},
		{"absolute, written", sessions.Timeouts{Absolute: 2 * time.Hour}, nil, func(s *sessions.Session, _ *http.Request) {
			sessions.Update(s, "n", func(n int) int { return n + 1 })
		}, 10 * time.Minute, 110 * time.Minute},
		{"absolute, cleared each time", sessions.Timeouts{Absolute: 2 * time.Hour}, nil, func(s *sessions.Session, _ *http.Request) {
			s.Clear()
			s.Set("a", 1)
		}, 10 * time.Minute, 110 * time.Minute},
		{"absolute, far expiry", sessions.Timeouts{Absolute: 2 * time.Hour}, func(s *sessions.Session) { s.ExpireAt(siteNow.Add(48 * time.Hour)) }, readOnly, 10 * time.Minute, 110 * time.Minute},
		{"both, read", both, nil, readOnly, 10 * time.Minute, 110 * time.Minute},
		{"both, saved by MarkModified", both, nil, func(s *sessions.Session, _ *http.Request) { s.MarkModified() }, 10 * time.Minute, 110 * time.Minute},
		{"both, idle first", both, nil, readOnly, 30 * time.Minute, 0},
		{"a nearer expiry", both, func(s *sessions.Session) { s.ExpireAt(siteNow.Add(time.Hour)) }, readOnly, 10 * time.Minute, 50 * time.Minute},
		{"the browser's close", both, (*sessions.Session).ExpireAtBrowserClose, readOnly, 10 * time.Minute, 110 * time.Minute},
		{"reading renews ExpireAfter", both, func(s *sessions.Session) { s.ExpireAfter(20 * time.Minute) }, readOnly, 10 * time.Minute, 110 * time.Minute},
		{"of its own: stricter", both, func(s *sessions.Session) { s.SetTimeouts(sessions.AAL3()) }, readOnly, 15 * time.Minute, 0},
		{"of its own: laxer", both, func(s *sessions.Session) { s.SetTimeouts(sessions.AAL2()) }, readOnly, 25 * time.Minute, 700 * time.Minute},
		{"of its own: none", both, func(s *sessions.Session) { s.SetTimeouts(sessions.Timeouts{}) }, readOnly, 24 * time.Hour, 13 * 24 * time.Hour},
		{"of its own, without any in the settings", sessions.Timeouts{}, func(s *sessions.Session) { s.SetTimeouts(both) }, readOnly, 10 * time.Minute, 110 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, timeouts(tt.settings))
			session := kept(t, s.Manager, func(session *sessions.Session) {
				session.Set("a", 1)
				if tt.set != nil {
					tt.set(session)
				}
			})
			key := session.Key()
			const horizon = 20 * 24 * time.Hour
			var lived time.Duration
			for lived+tt.every < horizon {
				s.clock.Advance(tt.every)
				resp := s.visit("sessionid="+key, tt.visits)
				equal(t, "status", resp.StatusCode, 200)
				if !s.alive(key) {
					if s.announced(resp, key) == "old" {
						t.Errorf("after %v the cookie is renewed of a session that has ended", lived)
					}
					break
				}
				lived += tt.every
				if age := maxAge(resp); age != "" {
					life, err := time.ParseDuration(age + "s")
					if until := s.storedUntil(key); err != nil || s.clock.Now().Add(life).After(until) {
						t.Errorf("after %v the cookie outlives the stored session: %v (%v), until %v", lived, life, err, until)
					}
				}
			}
			if tt.lives == ever {
				tt.lives = (horizon - 1).Truncate(tt.every)
			}
			equal(t, "lived", lived, tt.lives)
		})
	}
}

// storedUntil is the stored expiry.
func (s *site) storedUntil(key string) time.Time {
	s.t.Helper()
	rec, err := s.store.inner.Load(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec.Expires
}

// The deadline counts from SetTimeouts, and survives a new key.
func TestDeadline(t *testing.T) {
	s := newSite(t, timeouts(sessions.Timeouts{Absolute: 2 * time.Hour}))
	session := kept(t, s.Manager, func(session *sessions.Session) { session.Set("a", 1) })
	equal(t, "deadline", session.Deadline().Sub(siteNow), 2*time.Hour)
	s.clock.Advance(time.Hour)
	if err := session.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "deadline with a new key", session.Deadline().Sub(siteNow), 2*time.Hour)
	equal(t, "age", session.ExpiryAge(), time.Hour)
	equal(t, "date", session.ExpiryDate().Sub(siteNow), 2*time.Hour)
	session.SetTimeouts(sessions.AAL2())
	if err := session.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "deadline after a login", session.Deadline().Sub(siteNow), 13*time.Hour)
	equal(t, "idle", session.IdleTimeout(), 30*time.Minute)
	equal(t, "stored", sessionText(session), fmt.Sprintf(`{"a":1,"_keepsake_until":%d,"_keepsake_idle":1800}`, siteNow.Add(13*time.Hour).Unix()))
	if err := session.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	session.Set("b", 1)
	if err := session.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "deadline after a logout", session.Deadline().Sub(siteNow), 3*time.Hour)
}

// django gives the site's store to a Manager that knows no timeouts.
func (s *site) django() *sessions.Manager {
	s.t.Helper()
	st := s.Settings()
	st.Timeouts = sessions.Timeouts{}
	m, err := sessions.New(st, &sharedEngine{s.store})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

type sharedEngine struct{ store sessions.Store }

func (e *sharedEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewSigned(st, codec.SignedOptions{})
	return sessions.Backend{Name: "shared", Store: e.store, Codec: c}, err
}

// djangoSaves writes the session as a Django does, with Django's expiry.
func (s *site) djangoSaves(key string) {
	s.t.Helper()
	rec, err := s.store.inner.Load(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	values, err := s.Decode(rec.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	values.Set(sessions.Member{Name: "django", JSON: fmt.Sprint(s.Settings().Clock().UnixNano())})
	data, err := s.Encode(values)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.store.inner.Replace(s.t.Context(), key, rec, sessions.Record{Data: data, Expires: s.Settings().Clock().Add(twoWeeks)}); err != nil {
		s.t.Fatal(err)
	}
}

// A Django that saves with its own expiry moves neither timeout.
func TestTimeoutsBesideDjango(t *testing.T) {
	s := newSite(t, timeouts(sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}))
	ends := func(what, key string, want bool) {
		t.Helper()
		equal(t, what+": lives", s.alive(key), !want)
		resp := s.visit("sessionid="+key, readOnly)
		equal(t, what+": status", resp.StatusCode, 200)
		equal(t, what+": cookie deleted", s.announced(resp, key) == "deleted", want)
		if want {
			// Ended for Django, too.
			ok, err := s.django().Exists(t.Context(), key)
			equal(t, what+": in Django", fmt.Sprint(ok, err), "false <nil>")
		}
	}

	key := s.visitor(map[string]any{"a": 1})
	for range 11 { // Django works on it all the time
		s.clock.Advance(10 * time.Minute)
		s.djangoSaves(key)
	}
	ends("absolute, before", key, false)
	s.djangoSaves(key)
	s.clock.Advance(10 * time.Minute)
	ends("absolute", key, true)

	key = s.visitor(map[string]any{"a": 1})
	s.djangoSaves(key)
	s.clock.Advance(29 * time.Minute)
	ends("idle since Django's save, before", key, false)
	equal(t, "the expiry is ours again", s.storedUntil(key).Sub(s.clock.Now()), 30*time.Minute)
	s.clock.Advance(29 * time.Minute)
	ends("idle since our reading, before", key, false)
	s.djangoSaves(key)
	s.clock.Advance(30 * time.Minute)
	ends("idle since Django's save", key, true)

	// One that a Django has made gets its deadline when it is first used here.
	made := kept(t, s.django(), func(session *sessions.Session) { session.Set("a", 1) })
	s.store.reset()
	resp := s.visit("sessionid="+made.Key(), readOnly)
	equal(t, "first use", s.store.calls()+" "+maxAge(resp), "load replace 1800")
	again := reload(t, s.Manager, made)
	equal(t, "deadline", again.Deadline().Sub(s.clock.Now()), 2*time.Hour)
}

// A clock that jumps: nothing goes beyond the deadline, and the next use puts
// the idle expiry right.
func TestSecurity26_ClocksMoveNoDeadline(t *testing.T) {
	s := newSite(t, timeouts(sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}))
	key := s.visitor(map[string]any{"a": 1})
	deadline := siteNow.Add(2 * time.Hour)
	visit := func(what string, jump, until time.Duration) {
		t.Helper()
		s.clock.Advance(jump)
		s.visit("sessionid="+key, readOnly)
		equal(t, what+": lives", s.alive(key), true)
		got := s.storedUntil(key)
		equal(t, what+": stored until", got.Sub(siteNow), until)
		if got.After(deadline) {
			t.Errorf("%s: beyond the deadline", what)
		}
	}
	visit("used", 20*time.Minute, 50*time.Minute)
	visit("back an hour", -time.Hour, -10*time.Minute)
	visit("back a year", -365*24*time.Hour, -365*24*time.Hour-10*time.Minute)
	s.clock.Advance(365 * 24 * time.Hour)
	equal(t, "forward a year", s.alive(key), false)

	s.clock.Advance(siteNow.Sub(s.clock.Now()))
	key = s.visitor(map[string]any{"a": 1})
	visit("forward within the idle time", 29*time.Minute, 59*time.Minute)
	visit("and back", -28*time.Minute, 31*time.Minute)
	for at := 11 * time.Minute; at < 2*time.Hour; at += 10 * time.Minute {
		visit("used on", 10*time.Minute, min(at+30*time.Minute, 2*time.Hour))
	}
	s.clock.Advance(deadline.Sub(s.clock.Now()))
	equal(t, "at the deadline", s.alive(key), false)
}

// Whatever comes between a request that reads and its touch, the request is
// answered, and what has ended stays ended.
func TestTouchLosesQuietly(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(*site, *sessions.Session) error
		logged    int
		lives     bool
	}{
		"a logout":  {func(_ *site, s *sessions.Session) error { return s.Flush(t.Context()) }, 0, false},
		"a login":   {func(_ *site, s *sessions.Session) error { return s.CycleKey(t.Context()) }, 0, false},
		"a save":    {func(_ *site, s *sessions.Session) error { s.Set("b", 2); return s.Save(t.Context()) }, 0, true},
		"a failure": {func(s *site, _ *sessions.Session) error { s.store.failing("touch", errStoreDown); return nil }, 1, true},
		"a lost outcome": {func(s *site, _ *sessions.Session) error {
			s.store.failing("touch", sessions.ErrUnknownOutcome)
			return nil
		}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, idle(30*time.Minute))
			key := s.visitor(map[string]any{"a": 1})
			s.clock.Advance(10 * time.Minute)
			resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
				readOnly(session, r)
				other := s.Open(key)
				if err := errors.Join(other.Load(r.Context()), tt.meanwhile(s, other)); err != nil {
					t.Error(err)
				}
			})
			equal(t, "status", resp.StatusCode, 200)
			equal(t, "cookie", s.announced(resp, key), "")
			equal(t, "lives", s.alive(key), tt.lives)
			equal(t, "log lines", s.log.count("not renewed"), tt.logged)
			s.noKeyIn()
		})
	}
}

// Responses with 500 and more renew nothing, as they save nothing.
func TestTouchStatus(t *testing.T) {
	for status, want := range map[int]string{200: "load touch", 404: "load touch", 500: "load"} {
		s := newSite(t, idle(30*time.Minute))
		key := s.visitor(map[string]any{"a": 1})
		s.clock.Advance(10 * time.Minute)
		s.get("sessionid="+key, sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
			readOnly(session, r)
			w.WriteHeader(status)
		}))
		equal(t, fmt.Sprint(status), s.store.calls(), want)
	}
}

// A cookie that ends with the browser is not sent again.
func TestTouchAtBrowserClose(t *testing.T) {
	s := newSite(t, idle(30*time.Minute), func(st *sessions.Settings) { st.ExpireAtBrowserClose = true })
	key := s.visitor(map[string]any{"a": 1})
	s.clock.Advance(10 * time.Minute)
	resp := s.visit("sessionid="+key, readOnly)
	equal(t, "store", s.store.calls(), "load touch")
	equal(t, "cookie", s.announced(resp, key), "")
}

func TestTouchInterval(t *testing.T) {
	for _, tt := range []struct{ idle, setting, interval time.Duration }{
		{30 * time.Minute, 0, time.Minute},
		{10 * time.Minute, 0, 30 * time.Second},
		{10 * time.Second, 0, time.Second},
		{time.Second, 0, time.Second / 2},
		{30 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		{time.Minute, 5 * time.Minute, 30 * time.Second},
	} {
		s := newSite(t, idle(tt.idle), func(st *sessions.Settings) { st.TouchInterval = tt.setting })
		key := s.visitor(map[string]any{"a": 1})
		s.clock.Advance(tt.interval - time.Millisecond)
		s.visit("sessionid="+key, readOnly)
		s.clock.Advance(time.Millisecond)
		s.visit("sessionid="+key, readOnly)
		equal(t, fmt.Sprint(tt), s.store.calls(), "load load touch")
	}
}

func TestWrongTimeouts(t *testing.T) {
	for wrong, want := range map[sessions.Timeouts]string{
		{Idle: -time.Second}:                                 "Idle is negative",
		{Absolute: -time.Second}:                             "Absolute is negative",
		{Idle: time.Second / 2}:                              "Idle must be whole seconds",
		{Absolute: 1500 * time.Millisecond}:                  "Absolute must be whole seconds",
		{Idle: 2 * time.Hour, Absolute: time.Hour}:           "Idle (2h0m0s) is longer than Absolute (1h0m0s)",
		{Idle: sessions.AAL2().Absolute + 1, Absolute: 1e12}: "whole seconds",
	} {
		st := sessions.DefaultSettings()
		st.SecretKey, st.Timeouts = siteSecret, wrong
		if err := st.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate: %v, want %q", err, want)
		}
		s := newSite(t)
		resp := s.visit("", func(session *sessions.Session, _ *http.Request) { session.SetTimeouts(wrong) })
		equal(t, "status", resp.StatusCode, 500)
		equal(t, "stored", s.store.calls(), "")
	}
}

// What is stored under our names and means nothing is as if it were not there.
func TestForeignTimeouts(t *testing.T) {
	for _, junk := range []string{`"x"`, `1.5`, `null`, `[]`, `99999999999999999999`} {
		s := newSite(t, timeouts(sessions.AAL2()))
		session := kept(t, s.Manager, func(session *sessions.Session) {
			session.Set("_keepsake_idle", rawJSON(junk))
			session.Set("_keepsake_until", rawJSON(junk))
		})
		equal(t, junk+": idle", session.IdleTimeout(), 30*time.Minute)
		equal(t, junk+": deadline", session.Deadline().Sub(siteNow), 12*time.Hour)
	}
	s := newSite(t)
	session := kept(t, s.Manager, func(session *sessions.Session) {
		session.Set("_keepsake_idle", int64(1)<<62)
		session.Set("_keepsake_until", int64(1)<<62)
	})
	equal(t, "far away", session.ExpiryAge(), twoWeeks)
	session.Set("_keepsake_until", -int64(1)<<62)
	equal(t, "long ago", session.ExpiryDate().Year(), 1970)
}
