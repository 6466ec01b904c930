package engine_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// visitor is a browser in front of a handler: it keeps the last cookie.
type visitor struct {
	t      *testing.T
	m      *sessions.Manager
	cookie string
}

// visit sends a request whose handler does what work says.
func (v *visitor) visit(work func(s *sessions.Session)) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest("GET", "https://example.org/", nil)
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	w := httptest.NewRecorder()
	v.m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) { work(s) })).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookie = c.Name + "=" + c.Value
		if c.MaxAge < 0 {
			v.cookie = ""
		}
	}
	return w
}

// cookieSite is a Manager on a cookie engine with a clock that can be set.
func cookieSite(t *testing.T, e sessions.Engine, change func(*sessions.Settings)) (*visitor, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for tests of cookie engines, long enough for Django"
	st.Clock = func() time.Time { return now }
	st.Logger = secrettest.Logger()
	if change != nil {
		change(&st)
	}
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, m: m}, &now
}

var cookieEngines = map[string]sessions.Engine{
	"signed":    engine.SignedCookies(),
	"encrypted": engine.EncryptedCookies(),
}

// TestCookieEngines puts them through the suite, in one process and in two.
func TestCookieEngines(t *testing.T) {
	for name, e := range cookieEngines {
		open := func(*testing.T, sessions.Settings) sessions.Engine { return e }
		t.Run(name+"/1", func(t *testing.T) { enginetest.Run(t, open, enginetest.Options{Name: "cookies", NoStore: true}) })
		t.Run(name+"/2", func(t *testing.T) {
			enginetest.Run(t, open, enginetest.Options{Name: "cookies", NoStore: true, Another: open})
		})
	}
}

func get(t *testing.T, v *visitor, name string) string {
	t.Helper()
	value := ""
	v.visit(func(s *sessions.Session) { value = sessions.Get(s, name, "nothing") })
	return value
}

func TestCookieSessions(t *testing.T) {
	for name, e := range cookieEngines {
		t.Run(name, func(t *testing.T) {
			v, _ := cookieSite(t, e, nil)
			v.visit(func(s *sessions.Session) { s.Set("color", "blue"); s.Set("n", 1.5) })
			if got := get(t, v, "color"); got != "blue" {
				t.Errorf("the next request reads %q, not blue", got)
			}
			before := v.cookie
			if w := v.visit(func(s *sessions.Session) { sessions.Get(s, "color", "") }); w.Header().Get("Set-Cookie") != "" {
				t.Error("a request that reads sets a cookie")
			}
			v.visit(func(s *sessions.Session) { s.Delete("color") })
			if v.cookie == before || get(t, v, "color") != "nothing" {
				t.Error("a deleted value is still there")
			}
			if w := v.visit(func(s *sessions.Session) {
				if err := s.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			}); !strings.HasPrefix(w.Header().Get("Set-Cookie"), `sessionid=""`) {
				t.Errorf("a flush answers with %q", w.Header().Get("Set-Cookie"))
			}
			if ok, err := v.m.Exists(t.Context(), strings.TrimPrefix(before, "sessionid=")); ok || err != nil {
				t.Errorf("Exists is %v, %v: a cookie engine has nothing to look it up in", ok, err)
			}
		})
	}
}

// TestCookieExpiry: the server ends a session, whatever the browser sends.
func TestCookieExpiry(t *testing.T) {
	for _, row := range []struct {
		name  string
		set   func(s *sessions.Session, now time.Time)
		lives time.Duration
	}{
		{"by default", func(*sessions.Session, time.Time) {}, 14 * 24 * time.Hour},
		{"in seconds", func(s *sessions.Session, _ time.Time) { s.ExpireAfter(time.Minute) }, time.Minute},
		{"at a time", func(s *sessions.Session, now time.Time) { s.ExpireAt(now.Add(time.Hour)) }, time.Hour},
		{"at browser close", func(s *sessions.Session, _ time.Time) { s.ExpireAtBrowserClose() }, 14 * 24 * time.Hour},
		{"in more than CookieAge", func(s *sessions.Session, _ time.Time) { s.ExpireAfter(30 * 24 * time.Hour) }, 14 * 24 * time.Hour}, // as Django's max_age
		{"at once", func(s *sessions.Session, _ time.Time) { s.ExpireAfter(0) }, -time.Second},
	} {
		for name, e := range cookieEngines {
			t.Run(name+" "+row.name, func(t *testing.T) {
				v, now := cookieSite(t, e, nil)
				begin := *now
				v.visit(func(s *sessions.Session) { s.Set("color", "blue"); row.set(s, begin) })
				if row.lives > 0 {
					*now = begin.Add(row.lives - time.Second)
					if got := get(t, v, "color"); got != "blue" {
						t.Errorf("a second before its end it reads %q", got)
					}
				}
				*now = begin.Add(row.lives + 2*time.Second)
				if got := get(t, v, "color"); got != "nothing" {
					t.Errorf("after its end it reads %q", got)
				}
			})
		}
	}
}

// TestSecurity15_CookieTooLarge: a session that browsers would drop is not sent, and the
// one before it stays.
func TestSecurity15_CookieTooLarge(t *testing.T) {
	for name, e := range cookieEngines {
		t.Run(name, func(t *testing.T) {
			var failed error
			v, _ := cookieSite(t, e, func(st *sessions.Settings) {
				st.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
					failed = err
					w.WriteHeader(sessions.StatusCode(err))
				}
			})
			v.visit(func(s *sessions.Session) { s.Set("color", "blue") })
			noise := make([]byte, 5000)
			for i := range noise {
				noise[i] = byte(i*i*7 + i>>3*13)
			}
			w := v.visit(func(s *sessions.Session) { s.Set("small", 1); s.Set("cart", noise) })
			var tooLarge *sessions.TooLargeError
			if w.Code != http.StatusInternalServerError || !errors.As(failed, &tooLarge) {
				t.Fatalf("status %d, error %v", w.Code, failed)
			}
			if tooLarge.Limit != 4096 || tooLarge.Size <= 4096 || tooLarge.Heaviest[0].Name != "cart" {
				t.Errorf("the error says %+v", tooLarge)
			}
			if w.Header().Get("Set-Cookie") != "" || get(t, v, "color") != "blue" {
				t.Error("the session before the change is gone")
			}
		})
	}
}

// TestCookieForged: what was not written with a key of ours is nobody's session.
func TestCookieForged(t *testing.T) {
	for name, e := range cookieEngines {
		t.Run(name, func(t *testing.T) {
			v, _ := cookieSite(t, e, nil)
			v.visit(func(s *sessions.Session) { s.Set("color", "blue") })
			good := strings.TrimPrefix(v.cookie, "sessionid=")
			other, _ := cookieSite(t, e, func(st *sessions.Settings) { st.SecretKey = strings.Repeat("another secret ", 5) })
			other.visit(func(s *sessions.Session) { s.Set("color", "red") })
			for what, value := range map[string]string{
				"cut":                good[:len(good)-4],
				"changed":            strings.Replace(good, good[5:6], string(good[5]^1), 1),
				"longer":             good + "AAAA",
				"another secret key": strings.TrimPrefix(other.cookie, "sessionid="),
				"nothing of ours":    "hello world",
				"empty":              `""`,
			} {
				v.cookie = "sessionid=" + value
				if got := get(t, v, "color"); got != "nothing" {
					t.Errorf("%s: reads %q", what, got)
				}
			}
		})
	}
}

// TestCookieKeyRotation: SECRET_KEY is changed under a live session.
func TestCookieKeyRotation(t *testing.T) {
	for name, e := range cookieEngines {
		t.Run(name, func(t *testing.T) {
			v, _ := cookieSite(t, e, nil)
			v.visit(func(s *sessions.Session) { s.Set("color", "blue") })
			old := v.m.Settings().SecretKey
			next, _ := cookieSite(t, e, func(st *sessions.Settings) {
				st.SecretKey, st.SecretKeyFallbacks = strings.Repeat("the next key ", 5), []string{old}
			})
			next.cookie = v.cookie
			next.visit(func(s *sessions.Session) { s.Set("n", sessions.Get(s, "color", "nothing")) })
			last, _ := cookieSite(t, e, func(st *sessions.Settings) { st.SecretKey = strings.Repeat("the next key ", 5) })
			last.cookie = next.cookie
			if got := get(t, last, "n"); got != "blue" {
				t.Errorf("after the old key is gone it reads %q", got)
			}
		})
	}
}

// TestEncryptedCookieIsOpaque: the cookie shows nothing of the session, and no
// two are alike.
func TestEncryptedCookieIsOpaque(t *testing.T) {
	v, _ := cookieSite(t, engine.EncryptedCookies(), nil)
	seen := map[string]bool{}
	for range 10 {
		v.cookie = ""
		v.visit(func(s *sessions.Session) { s.Set("secret_plan", "attack at dawn") })
		value := strings.TrimPrefix(v.cookie, "sessionid=")
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		if seen[value] || strings.Contains(string(raw), "plan") || strings.Contains(string(raw), "dawn") {
			t.Error("the cookie tells something")
		}
		seen[value] = true
	}
	// Made for one cookie, it is not accepted in another.
	other, _ := cookieSite(t, engine.EncryptedCookies(), func(st *sessions.Settings) { st.CookieName = "other" })
	other.cookie = strings.Replace(v.cookie, "sessionid=", "other=", 1)
	if got := get(t, other, "secret_plan"); got != "nothing" {
		t.Errorf("another cookie's session reads %q", got)
	}
}

// TestSignedCookieIsDjangos: what Django has written is read, and the same is
// written, byte for byte.
func TestSignedCookieIsDjangos(t *testing.T) {
	const django = "eyJjYXQiOiJkb2cifQ:1x8elk:V-D6LQ-Q9d6UKITgA2WrohnB-aBsQ6iZ_5-qQIpazYY"
	v, now := cookieSite(t, engine.SignedCookies(), func(st *sessions.Settings) { st.SecretKey = "vector-secret-key" })
	*now = time.Unix(1790000000, 123456000)
	v.cookie = "sessionid=" + django
	if got := get(t, v, "cat"); got != "dog" {
		t.Errorf("Django's cookie reads %q", got)
	}
	v.cookie = ""
	v.visit(func(s *sessions.Session) { s.Set("cat", "dog") })
	if v.cookie != "sessionid="+django {
		t.Errorf("written as %s", v.cookie)
	}
}

// As with Django's signed_cookies, the browser is the store: Create has nothing to
// write before the response, and DeleteStored empties the session.
func TestCookiesCreateAndDelete(t *testing.T) {
	v, _ := cookieSite(t, engine.SignedCookies(), nil)
	v.visit(func(s *sessions.Session) {
		s.Set("a", 1)
		if err := s.Create(t.Context()); err != nil || s.Key() != "" || !s.Modified() {
			t.Errorf("Create: %v, key %q, modified %v", err, s.Key(), s.Modified())
		}
	})
	if v.cookie == "" {
		t.Fatal("no cookie")
	}
	v.visit(func(s *sessions.Session) {
		if err := s.Insert(t.Context()); err != nil || s.Key() == "" {
			t.Errorf("Insert: %v", err)
		}
		if err := s.DeleteStored(t.Context()); err != nil || !s.IsEmpty() {
			t.Errorf("DeleteStored: %v, empty %v", err, s.IsEmpty())
		}
	})
	if v.cookie != "" {
		t.Error("the cookie stays")
	}
}

// What is written uncompressed an engine that compresses reads, and the other way
// round. (Django tells them apart by the leading dot.)
func TestUncompressedCookies(t *testing.T) {
	packed, _ := cookieSite(t, engine.SignedCookies(), nil)
	plain, _ := cookieSite(t, engine.SignedCookiesEngine{Uncompressed: true}, nil)
	text := strings.Repeat("the same again and ", 20)
	for _, v := range []*visitor{packed, plain} {
		v.visit(func(s *sessions.Session) { s.Set("text", text) })
	}
	if strings.HasPrefix(plain.cookie, "sessionid=.") || !strings.HasPrefix(packed.cookie, "sessionid=.") {
		t.Errorf("plain %q, packed %q", plain.cookie, packed.cookie)
	}
	plain.cookie, packed.cookie = packed.cookie, plain.cookie
	for _, v := range []*visitor{packed, plain} {
		v.visit(func(s *sessions.Session) {
			if sessions.Get(s, "text", "") != text {
				t.Error("the other one's cookie was not read")
			}
		})
	}
}
