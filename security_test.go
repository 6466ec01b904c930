package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// The tests of this name are the statements of SECURITY.md, by their numbers.

// TestSecurity06_KeysComeInTheCookieOnly: a key in the URL, the body, or any other
// header opens nothing.
func TestSecurity06_KeysComeInTheCookieOnly(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"secret": 42})
	form := "sessionid=" + key
	for name, change := range map[string]func(*http.Request){
		"query":            func(r *http.Request) { r.URL.RawQuery = form },
		"path parameter":   func(r *http.Request) { r.URL.Path = "/;sessionid=" + key },
		"fragment":         func(r *http.Request) { r.URL.Fragment = form },
		"form":             func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"X-Session-ID":     func(r *http.Request) { r.Header.Set("X-Session-Id", key) },
		"Authorization":    func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) },
		"Cookie2":          func(r *http.Request) { r.Header.Set("Cookie2", form) },
		"Set-Cookie":       func(r *http.Request) { r.Header.Set("Set-Cookie", form) },
		"userinfo":         func(r *http.Request) { r.URL.User = url.UserPassword("sessionid", key) },
		"another's cookie": func(r *http.Request) { r.Header.Set("Cookie", "__Host-"+form) },
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(form))
		change(r)
		w := httptest.NewRecorder()
		s.Handler(showSession(func(*sessions.Session) {})).ServeHTTP(w, r)
		equal(t, name, w.Body.String(), "{}")
	}
	equal(t, "store calls", s.store.calls(), "")
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", form)
	w := httptest.NewRecorder()
	s.Handler(showSession(func(*sessions.Session) {})).ServeHTTP(w, r)
	equal(t, "the cookie", w.Body.String(), `{"secret":42}`)
}

// attributes are those of the response's one session cookie, by name.
func attributes(t *testing.T, resp *http.Response) map[string]string {
	t.Helper()
	lines := resp.Header.Values("Set-Cookie")
	if len(lines) != 1 {
		t.Fatalf("Set-Cookie: %q", lines)
	}
	found := map[string]string{}
	for i, part := range strings.Split(lines[0], "; ") {
		name, value, _ := strings.Cut(part, "=")
		if i == 0 {
			found["name"] = name
			continue
		}
		found[name] = value
	}
	return found
}

// TestSecurity11_CookieAttributes: every session cookie, hardened or not, is
// HttpOnly and Secure, and has a SameSite and a Path, and no Domain.
func TestSecurity11_CookieAttributes(t *testing.T) {
	write := func(s *sessions.Session, _ *http.Request) { s.Set("a", 1) }
	for name, preset := range map[string]sessions.Settings{"sessionid": sessions.DefaultSettings(), "__Host-sessionid": sessions.HardenedSettings()} {
		for what, visit := range map[string]func(*sessions.Session, *http.Request){
			"new": write,
			"at browser close": func(s *sessions.Session, _ *http.Request) {
				s.Set("a", 1)
				s.ExpireAtBrowserClose()
			},
			"rotated": func(s *sessions.Session, r *http.Request) {
				write(s, r)
				noError(t, s.CycleKey(r.Context()))
			},
		} {
			s := newSite(t, func(st *sessions.Settings) {
				preset.SecretKey, preset.Clock, preset.Logger = st.SecretKey, st.Clock, st.Logger
				*st = preset
			})
			got := attributes(t, s.visit("", visit))
			_, httpOnly := got["HttpOnly"]
			_, secure := got["Secure"]
			_, domain := got["Domain"]
			if got["name"] != name || !httpOnly || !secure || domain || got["SameSite"] != "Lax" || got["Path"] != "/" {
				t.Errorf("%s, %s: %v", name, what, got)
			}
		}
	}
}

// refused reports whether New refuses the settings, naming the setting.
func refused(t *testing.T, change func(*sessions.Settings), setting string) bool {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = siteSecret
	change(&st)
	m, err := sessions.New(st, engine.Memory())
	if (m == nil) != (err != nil) {
		t.Errorf("New returns %v and %v", m, err)
	}
	return err != nil && strings.Contains(err.Error(), setting)
}

// TestSecurity12_PrefixesAreEnforced: a cookie whose name promises something to
// the browser keeps the promise, or is refused by New; in any case of letters.
func TestSecurity12_PrefixesAreEnforced(t *testing.T) {
	for _, prefix := range []string{"__Host-", "__host-", "__HOST-", "__Secure-", "__secure-", "__SECURE-"} {
		host := strings.EqualFold(prefix, "__Host-")
		for what, row := range map[string]struct {
			change func(*sessions.Settings)
			want   bool
		}{
			"as it should be": {func(*sessions.Settings) {}, false},
			"not Secure":      {func(st *sessions.Settings) { st.CookieSecure = false }, true},
			"a domain":        {func(st *sessions.Settings) { st.CookieDomain = "example.com" }, host},
			"another path":    {func(st *sessions.Settings) { st.CookiePath = "/app/" }, host},
			"no path":         {func(st *sessions.Settings) { st.CookiePath = "" }, host},
		} {
			got := refused(t, func(st *sessions.Settings) {
				st.CookieName = prefix + "sid"
				row.change(st)
			}, "SESSION_COOKIE_NAME")
			equal(t, prefix+", "+what+", refused", got, row.want)
		}
	}
}

// TestSecurity13_CrossSiteCookiesAreSecure: SameSite=None and Partitioned without
// Secure are refused by New, for no browser would keep the cookie.
func TestSecurity13_CrossSiteCookiesAreSecure(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, sameSite := range []string{"None", "none", "NONE"} {
			equal(t, fmt.Sprint(sameSite, ", Secure: ", secure), refused(t, func(st *sessions.Settings) {
				st.CookieSameSite, st.CookieSecure = sameSite, secure
			}, "SESSION_COOKIE_SAMESITE"), !secure)
		}
		equal(t, fmt.Sprint("Partitioned, Secure: ", secure), refused(t, func(st *sessions.Settings) {
			st.Partitioned, st.CookieSecure = true, secure
		}, "Partitioned"), !secure)
	}
}

// TestSecurity14_DeletionCookie: Django's, byte for byte; hardened, with all the
// attributes that the cookie was set with.
func TestSecurity14_DeletionCookie(t *testing.T) {
	flush := func(s *sessions.Session, r *http.Request) { noError(t, s.Flush(r.Context())) }
	for want, change := range map[string]func(*sessions.Settings){
		`sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`: func(st *sessions.Settings) {
			st.CookieSecure = true
		},
		`sid=""; Domain=example.com; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/app/; SameSite=None; Secure`: func(st *sessions.Settings) {
			st.CookieName, st.CookieDomain, st.CookiePath, st.CookieSameSite, st.CookieSecure = "sid", "example.com", "/app/", "None", true
		},
		`__Host-sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Partitioned; Path=/; SameSite=Lax; Secure`: func(st *sessions.Settings) {
			clock, log := st.Clock, st.Logger
			*st = sessions.HardenedSettings()
			st.SecretKey, st.Clock, st.Logger, st.Partitioned = siteSecret, clock, log, true
		},
		`sid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`: func(st *sessions.Settings) {
			st.CookieName, st.Hardened, st.CookieHTTPOnly = "sid", true, false
		},
	} {
		s := newSite(t, change)
		key := s.visitor(map[string]any{"a": 1})
		name := s.Settings().CookieName
		equal(t, "deletion", s.visit(name+"="+key, flush).Header.Get("Set-Cookie"), want)
	}
}

// TestSecurity16_OneSetCookie: whatever happens in a request, and whatever the
// handler sends itself, the response has at most one cookie of the session's name.
func TestSecurity16_OneSetCookie(t *testing.T) {
	set := func(s *sessions.Session, r *http.Request) { s.Set("a", 2) }
	cycle := func(s *sessions.Session, r *http.Request) { noError(t, s.CycleKey(r.Context())) }
	flush := func(s *sessions.Session, r *http.Request) { noError(t, s.Flush(r.Context())) }
	save := func(s *sessions.Session, r *http.Request) { noError(t, s.Save(r.Context())) }
	steps := []func(*sessions.Session, *http.Request){set, cycle, flush, save}
	for n := range 4 * 4 * 4 * 4 { // every four of them
		for _, own := range []bool{false, true} {
			s := newSite(t, saveEveryRequest)
			key := s.visitor(map[string]any{"a": 1})
			resp := s.get("sessionid="+key, sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, session *sessions.Session) {
				for i := range 4 {
					steps[n>>(2*i)&3](session, r)
					if own {
						http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "own"})
					}
				}
			}))
			if lines := resp.Header.Values("Set-Cookie"); len(lines) != 1 || lines[0] == "sessionid=own" {
				t.Fatalf("steps %04b: %q", n, lines)
			}
		}
	}
}

// TestSecurity18_CachesKeepNoSession: a response that sends or deletes the cookie
// varies by it, with SaveEveryRequest too; hardened, no cache may keep it, whatever
// the handler says, and whatever its status.
func TestSecurity18_CachesKeepNoSession(t *testing.T) {
	for _, hardened := range []bool{false, true} {
		for _, every := range []bool{false, true} {
			for what, visit := range map[string]func(*sessions.Session, http.ResponseWriter, *http.Request){
				"untouched": func(*sessions.Session, http.ResponseWriter, *http.Request) {},
				"written":   func(s *sessions.Session, _ http.ResponseWriter, _ *http.Request) { s.Set("a", 2) },
				"rotated":   func(s *sessions.Session, _ http.ResponseWriter, r *http.Request) { noError(t, s.CycleKey(r.Context())) },
				"flushed":   func(s *sessions.Session, _ http.ResponseWriter, r *http.Request) { noError(t, s.Flush(r.Context())) },
				"rotated, 500": func(s *sessions.Session, w http.ResponseWriter, r *http.Request) {
					noError(t, s.CycleKey(r.Context()))
					w.WriteHeader(500)
				},
				"rotated, the save fails": func(s *sessions.Session, _ http.ResponseWriter, r *http.Request) {
					noError(t, s.CycleKey(r.Context()))
					s.Set("x", func() {})
				},
			} {
				s := newSite(t, func(st *sessions.Settings) { st.SaveEveryRequest, st.Hardened = every, hardened })
				key := s.visitor(map[string]any{"a": 1})
				resp := s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", "public, max-age=600")
					if what == "untouched" {
						return
					}
					session, err := sessions.FromContext(r.Context())
					noError(t, err)
					visit(session, w, r)
				}))
				name := fmt.Sprintf("%s, hardened: %v, every request: %v", what, hardened, every)
				sent := len(resp.Header.Values("Set-Cookie")) > 0
				equal(t, name+": a cookie", sent, what != "untouched" || every)
				if sent {
					equal(t, name+": Vary", resp.Header.Get("Vary"), "Cookie")
				}
				if hardened && sent {
					equal(t, name+": Cache-Control", resp.Header.Get("Cache-Control"), "no-store")
				} else if what != "rotated, the save fails" {
					equal(t, name+": Cache-Control", resp.Header.Get("Cache-Control"), "public, max-age=600")
				}
			}
		}
	}
}

// TestSecurity25_AbsoluteTimeoutsOfNIST: the presets end a session at their time,
// however much it is used, and not before.
func TestSecurity25_AbsoluteTimeoutsOfNIST(t *testing.T) {
	for _, row := range []struct {
		preset         sessions.Timeouts
		idle, absolute time.Duration
	}{
		{sessions.AAL1(), 0, 30 * 24 * time.Hour},
		{sessions.AAL2(), 30 * time.Minute, 12 * time.Hour},
		{sessions.AAL3(), 15 * time.Minute, 12 * time.Hour},
	} {
		s := newSite(t, timeouts(row.preset), func(st *sessions.Settings) { st.CookieAge = 60 * 24 * time.Hour })
		every := row.absolute / 100
		key, used := s.visitor(map[string]any{"a": 1}), time.Duration(0)
		for ; s.alive(key) && used < 2*row.absolute; used += every {
			s.visit("sessionid="+key, func(s *sessions.Session, _ *http.Request) { s.Set("a", used) })
			s.clock.Advance(every)
		}
		equal(t, "used on and on, it lives", used, row.absolute)
		if row.idle == 0 {
			continue
		}
		for _, unused := range []time.Duration{row.idle - time.Second, row.idle} {
			key := s.visitor(map[string]any{"a": 1})
			s.clock.Advance(unused)
			equal(t, fmt.Sprint("unused for ", unused), s.alive(key), unused < row.idle)
		}
	}
}

// TestSecurity41_FailedRequestsChangeNothing: neither a status of 500 or more nor a
// panic stores a change.
func TestSecurity41_FailedRequestsChangeNothing(t *testing.T) {
	for _, status := range []int{499, 500, 503, 599, 0} { // 0: a panic
		for _, new := range []bool{false, true} {
			s := newSite(t)
			key, cookie := s.visitor(map[string]any{"a": 1}), ""
			if !new {
				cookie = "sessionid=" + key
			}
			func() {
				defer func() { _ = recover() }()
				s.get(cookie, sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, session *sessions.Session) {
					session.Set("a", 2)
					if status == 0 {
						panic("handler")
					}
					w.WriteHeader(status)
				}))
			}()
			want := `old{"a":1}`
			if status == 499 && new {
				want = `new{"a":2} ` + want
			} else if status == 499 {
				want = `old{"a":2}`
			}
			equal(t, fmt.Sprint("status ", status, ", new visitor: ", new), s.stored(key), want)
		}
	}
}

// TestSecurity44_GuessesCanBeCounted: the program can count unknown keys by
// address, and tell guesses from sessions that have just ended.
func TestSecurity44_GuessesCanBeCounted(t *testing.T) {
	guesses := map[string]int{}
	s := newSite(t, func(st *sessions.Settings) {
		st.OnEvent = func(ctx context.Context, e sessions.Event) {
			if e.Kind == sessions.EventUnknownKey {
				guesses[sessions.RequestFromContext(ctx).RemoteAddr]++
			}
		}
	})
	key := s.visitor(map[string]any{"a": 1})
	h := s.Handler(showSession(func(*sessions.Session) {}))
	for i, value := range []string{"guess", strings.Repeat("g", 32), strings.Repeat("h", 32), key, "", "../../etc"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.1:1"
		if i%2 == 1 {
			r.RemoteAddr = "192.0.2.2:2"
		}
		r.Header.Set("Cookie", "sessionid="+value)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	equal(t, "guesses", fmt.Sprint(guesses), "map[192.0.2.1:1:2 192.0.2.2:2:2]")
}

// TestSecurity46_ClientsAreWatched: the hook sees the old and the new client; by
// default a change is told and nothing else happens; the hook may refuse the
// request, or end the session.
func TestSecurity46_ClientsAreWatched(t *testing.T) {
	errStolen := errors.New("stolen?")
	var hook func(*http.Request, *sessions.Session) error
	var seen []string
	var events atomic.Int64
	s := newSite(t, func(st *sessions.Settings) {
		st.OnEvent = func(_ context.Context, e sessions.Event) {
			if e.Kind == sessions.EventClientChanged {
				events.Add(1)
			}
		}
	})
	h := s.Handler(s.WatchClients(sessions.ClientWatch{Changed: func(r *http.Request, session *sessions.Session, old, now sessions.Client) error {
		seen = append(seen, fmt.Sprint(old, now))
		if hook == nil {
			return nil
		}
		return hook(r, session)
	}}, showSession(func(*sessions.Session) {})))
	key := s.visitor(map[string]any{"a": 1})
	visit := func(address, agent, cookie string) *http.Response {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = net.JoinHostPort(address, "1234")
		r.Header.Set("User-Agent", agent)
		if cookie != "" {
			r.Header.Set("Cookie", "sessionid="+cookie)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	told := func(what string, resp *http.Response, status int, want string) {
		t.Helper()
		equal(t, what+": status", resp.StatusCode, status)
		equal(t, what+": the hook", strings.Join(seen, " "), want)
		seen = nil
	}
	long := strings.Repeat("x", 1<<20)
	told("nobody", visit("192.0.2.1", "A", ""), 200, "")
	told("the first", visit("192.0.2.1", "A", key), 200, "")
	s.store.reset()
	told("the same", visit("192.0.2.1", "A", key), 200, "")
	equal(t, "store calls for the same", s.store.calls(), "load")
	told("another network", visit("2001:db8::1", "A", key), 200, "{192.0.2.1 A} {2001:db8::1 A}")
	told("and there", visit("2001:db8::1", "A", key), 200, "")
	told("another program", visit("2001:db8::1", "B", key), 200, "{2001:db8::1 A} {2001:db8::1 B}")
	told("a very long name", visit("2001:db8::1", long, key), 200, "{2001:db8::1 B} {2001:db8::1 "+long[:256]+"}")
	equal(t, "alive", s.alive(key), true)
	equal(t, "events", events.Load(), 3)

	hook = func(*http.Request, *sessions.Session) error { return errStolen }
	for range 2 {
		resp := visit("192.0.2.9", "C", key)
		body, _ := io.ReadAll(resp.Body)
		equal(t, "refused", string(body), "Service Unavailable\n")
		seen = nil
	}
	hook = func(r *http.Request, session *sessions.Session) error { return session.Flush(r.Context()) }
	resp := visit("192.0.2.9", "C", key)
	equal(t, "ended", s.announced(resp, key), "deleted")
	equal(t, "alive", s.alive(key), false)
	equal(t, "stored", s.stored(key), "")
	if log := s.log.String(); strings.Contains(log, "192.0.2.") || strings.Contains(log, "2001:db8") || !strings.Contains(log, "client of a session") {
		t.Errorf("the log: %s", log)
	}
	s.noKeyIn()
}

// TestSecurity48_FuzzersRun: every fuzz target is found by scripts/fuzz, with a
// corpus in the repository; CI runs the checks, govulncheck among them.
func TestSecurity48_FuzzersRun(t *testing.T) {
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	found := 0
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range target.FindAllSubmatch(text, -1) {
			found++
			corpus, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "testdata", "fuzz", string(match[1]), "*"))
			if len(corpus) == 0 && !strings.Contains(string(text), "f.Add(") {
				t.Errorf("%s has no corpus", match[1])
			}
		}
		return nil
	})
	if err != nil || found < 20 {
		t.Errorf("%d fuzz targets, %v", found, err)
	}
	for file, wants := range map[string][]string{
		"scripts/fuzz":  {"scripts/modules", "-list '^Fuzz'"},
		"scripts/test":  {"-race", "scripts/leaks"},
		"scripts/check": {"govulncheck"},
		".ci/run":       {"make test", "make check"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s", file, want)
			}
		}
	}
}
