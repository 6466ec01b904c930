package engine_test

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// vectorSettings are those of the Djangos that made the vectors, at their time.
func vectorSettings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieSecure = "vector-secret-key", false
	st.Clock = func() time.Time { return time.UnixMicro(1790000000_123456) }
	st.Logger = secrettest.Logger()
	return st
}

const vectorKey = "0123456789abcdefghijklmnopqrstuv"

// TestFileVectors: the files that Djangos from 3.2 to 6.1 wrote for {"cat": "dog"}
// are written the same, name, mode and content, and read.
func TestFileVectors(t *testing.T) {
	const content = "65794a6a595851694f694a6b6232636966513a317838656c6b3a677272344b464e5a664e42645f38554e63684456796c49645174534435504e682d5330586d784c43634863"
	django, err := hex.DecodeString(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range []string{"sessionid", "my-site_sid"} {
		dir := t.TempDir()
		st := vectorSettings()
		st.CookieName = cookie
		m, err := sessions.New(st, engine.File(dir))
		if err != nil {
			t.Fatal(err)
		}
		s := m.Open(vectorKey)
		if err := s.Insert(t.Context()); err != nil { // a key of one's own
			t.Fatal(err)
		}
		s.Set("cat", "dog")
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != cookie+vectorKey {
			t.Fatalf("the folder holds %v, %v", entries, err)
		}
		path := filepath.Join(dir, cookie+vectorKey)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(django) {
			t.Errorf("%s holds\n%s, not\n%s, %v", entries[0].Name(), got, django, err)
		}
		if info, err := entries[0].Info(); err != nil || info.Mode() != fs.FileMode(0o600) {
			t.Errorf("its mode is %v, %v", info.Mode(), err)
		}

		if err := os.WriteFile(path, django, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, st.Clock(), st.Clock()); err != nil {
			t.Fatal(err)
		}
		s = m.Open(vectorKey)
		if err := s.Load(t.Context()); err != nil || sessions.Get(s, "cat", "") != "dog" {
			t.Errorf("Django's file: %v, %v", s.Keys(), err)
		}
	}
}

// TestCacheKeyVectors: a session is where Django looks for it.
func TestCacheKeyVectors(t *testing.T) {
	for _, v := range []struct {
		keys    cache.Keys
		prefix  string
		fullKey string
	}{
		{cache.Keys{}, "", ":1:django.contrib.sessions.cache" + vectorKey},
		{cache.Keys{Prefix: "site", Version: 7}, "", "site:7:django.contrib.sessions.cache" + vectorKey},
		{cache.Keys{Prefix: "z"}, "", "z:1:django.contrib.sessions.cache" + vectorKey},
		{cache.Keys{Prefix: "j", Version: 1}, "", "j:1:django.contrib.sessions.cache" + vectorKey},
		{cache.Keys{}, "own.", ":1:own." + vectorKey},
	} {
		st := vectorSettings()
		local := cache.NewLocal(cache.LocalOptions{Clock: st.Clock})
		e := engine.CacheEngine{Cache: local, Keys: v.keys, KeyPrefix: v.prefix}
		if got := v.keys.Make(e.CacheKey(vectorKey)); got != v.fullKey {
			t.Errorf("CacheKey: %s, want %s", got, v.fullKey)
		}
		m, err := sessions.New(st, e)
		if err != nil {
			t.Fatal(err)
		}
		s := m.Open(vectorKey)
		if err := s.Insert(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Get(t.Context(), v.fullKey); err != nil {
			t.Errorf("%s: %v", v.fullKey, err)
		}
	}
}

// TestCachedDBKey: the same for cached_db.
func TestCachedDBKey(t *testing.T) {
	e := engine.CachedDBEngine{}
	if got := e.Keys.Make(e.CacheKey(vectorKey)); got != ":1:django.contrib.sessions.cached_db"+vectorKey {
		t.Error(got)
	}
}

// TestCookieVectors: what Django's middleware answers with signed_cookies.
func TestCookieVectors(t *testing.T) {
	const deletion = `sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`
	const attributes = "; expires=Mon, 05 Oct 2026 14:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax"
	for _, v := range []struct {
		id, cookie string
		view       func(*testing.T, *sessions.Session) // nil: it does not ask for the session
		set        string                              // "" or the header
		values     string                              // of a set cookie
		vary       string
	}{
		// Django answers these two with the cookie of an empty session, since what
		// it could not read stays the key. Here that is forgotten.
		{"read-unknown", "unknownkey00", func(_ *testing.T, s *sessions.Session) { s.Has("a") }, deletion, "", "Cookie"},
		{"clear-badkey", "unknownkey00", func(_ *testing.T, s *sessions.Session) { s.Clear() }, deletion, "", "Cookie"},

		{"untouched-unknown", "unknownkey00", nil, "", "", ""},
		{"flush-short", "abc", func(t *testing.T, s *sessions.Session) {
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}, deletion, "", "Cookie"},
		// The flag alone makes no session; that it was set is no access.
		{"modified-flag", "", func(_ *testing.T, s *sessions.Session) { s.MarkModified() }, "", "", ""},
		{"set-unknown", "unknownkey00", func(_ *testing.T, s *sessions.Session) { s.Set("a", 1) }, attributes, `{"a":1}`, "Cookie"},
	} {
		t.Run(v.id, func(t *testing.T) {
			m, err := sessions.New(vectorSettings(), engine.SignedCookies())
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			if v.cookie != "" {
				r.Header.Set("Cookie", "sessionid="+v.cookie)
			}
			w := httptest.NewRecorder()
			m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if v.view == nil {
					return
				}
				s, err := sessions.FromContext(r.Context())
				if err != nil {
					t.Fatal(err)
				}
				v.view(t, s)
			})).ServeHTTP(w, r)
			got := w.Header().Get("Set-Cookie")
			if v.values != "" {
				value, rest, _ := strings.Cut(strings.TrimPrefix(got, "sessionid="), ";")
				values, err := m.Decode(value)
				if err != nil {
					t.Fatalf("the cookie %s: %v", got, err)
				}
				var a json.RawMessage
				if _, err := values.Decode("a", &a); err != nil || `{"a":`+string(a)+`}` != v.values {
					t.Errorf("it holds a = %s, %v", a, err)
				}
				got = ";" + rest
			}
			if got != v.set || w.Header().Get("Vary") != v.vary {
				t.Errorf("Set-Cookie: %s\nVary: %q\nwant  %s, %q", got, w.Header().Get("Vary"), v.set, v.vary)
			}
		})
	}
}
