package engine_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// TestCookieAgeSuite: with an age of its own an engine keeps every promise, the
// default expiry among them.
func TestCookieAgeSuite(t *testing.T) {
	var dir string
	for name, e := range map[string]struct {
		open func() sessions.Engine
		opts enginetest.Options
	}{
		"memory":  {engine.Memory, enginetest.Options{Name: "an age of its own"}},
		"file":    {func() sessions.Engine { return engine.File(dir) }, enginetest.Options{Name: "an age of its own"}},
		"cookies": {func() sessions.Engine { return engine.SignedCookies() }, enginetest.Options{Name: "an age of its own", NoStore: true}},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
				dir = t.TempDir()
				return engine.WithCookieAge(e.open(), 36*time.Hour)
			}, e.opts)
		})
	}
}

// TestCookieAge: what follows from an engine's own age, with every kind of
// engine. The settings' two weeks count nowhere, be the age shorter or longer.
func TestCookieAge(t *testing.T) {
	for _, age := range []time.Duration{30 * time.Minute, 60 * 24 * time.Hour} {
		t.Run(age.String(), func(t *testing.T) { testCookieAge(t, age) })
	}
}

func testCookieAge(t *testing.T, age time.Duration) {
	for name, e := range map[string]sessions.Engine{
		"memory":            engine.Memory(),
		"hardened memory":   engine.Hardened(engine.Memory()),
		"cache":             nil, // with a clock, below
		"file":              engine.File(t.TempDir()),
		"signed_cookies":    engine.SignedCookies(),
		"encrypted_cookies": engine.EncryptedCookies(),
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now().Truncate(time.Second)
			st := sessions.DefaultSettings()
			st.SecretKey = strings.Repeat("secret", 10)
			st.Logger = secrettest.Logger()
			st.Clock = func() time.Time { return now }
			if name == "cache" {
				e = engine.Cache(cache.NewLocal(cache.LocalOptions{Clock: st.Clock}))
			}
			st.SaveEveryRequest = true
			m, err := sessions.New(st, engine.WithCookieAge(e, age))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Settings().CookieAge; got != age {
				t.Errorf("the Manager's settings say %v", got)
			}
			cookie := ""
			visit := func(f func(*sessions.Session)) string {
				r := httptest.NewRequest("GET", "https://example.org/", nil)
				r.Header.Set("Cookie", cookie)
				w := httptest.NewRecorder()
				m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) { f(s) })).ServeHTTP(w, r)
				line := w.Header().Get("Set-Cookie")
				cookie, _, _ = strings.Cut(line, ";")
				return line
			}
			line := visit(func(s *sessions.Session) {
				s.Set("user", "ada")
				if s.ExpiryAge() != age || !s.ExpiryDate().Equal(now.Add(age)) {
					t.Errorf("it would live %v, until %v", s.ExpiryAge(), s.ExpiryDate())
				}
			})
			if !strings.Contains(line, fmt.Sprintf("Max-Age=%d;", int(age.Seconds()))) {
				t.Errorf("the cookie is %s", line)
			}
			sees := func(want string) {
				t.Helper()
				visit(func(s *sessions.Session) {
					if got := sessions.Get(s, "user", "nobody"); got != want {
						t.Errorf("after %v it reads %s, not %s", now, got, want)
					}
				})
			}
			before := cookie
			now = now.Add(age - 2*time.Second)
			sees("ada") // which renews it
			if name == "signed_cookies" || name == "encrypted_cookies" {
				renewed := cookie
				now = now.Add(4 * time.Second)
				cookie = before
				sees("nobody") // a copy that was not renewed
				now, cookie = now.Add(-4*time.Second), renewed
			}
			now = now.Add(age - 2*time.Second)
			sees("ada")
			last := cookie
			now = now.Add(age + 2*time.Second)
			cookie = last
			sees("nobody")
		})
	}
}

func TestCookieAgeRefuses(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = strings.Repeat("secret", 10)
	for _, e := range []sessions.Engine{
		engine.WithCookieAge(engine.Memory(), 0),
		engine.WithCookieAge(engine.Memory(), -time.Hour),
		engine.WithCookieAge(engine.Memory(), time.Millisecond),
		engine.WithCookieAge(engine.Memory(), 1500*time.Millisecond),
		engine.WithCookieAge(nil, time.Hour),
	} {
		if _, err := sessions.New(st, e); err == nil {
			t.Errorf("%+v is accepted", e)
		} else {
			t.Log(err)
		}
	}
}
