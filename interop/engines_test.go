package interop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// allKinds are values of every kind that JSON has, and awkward ones.
const allKinds = `{"text": "h\u00e9llo \ud83d\ude00", "lone": "\ud800", "big": 123456789012345678901234567890, "one": 1.0, ` +
	`"tiny": 1e-07, "minus": -0.0, "nan": NaN, "list": [1, [2, {"x": null}]], "yes": true, "": "no name"}`

// sharedEngine is one of Django's engines without a database, and the same here.
func sharedEngine(t *testing.T, name string) (*sessions.Manager, *django, string) {
	t.Helper()
	dir := t.TempDir()
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = secrettest.Logger()
	var e sessions.Engine = engine.SignedCookies()
	if name == "file" {
		e = engine.File(dir)
	}
	m, err := sessions.New(st, e)
	if err != nil {
		t.Fatal(err)
	}
	d := startDjango(t, djangoConfig{Settings: djangoSettings{
		"DATABASES":         databases(sqliteDatabase(filepath.Join(dir, "unused.sqlite3"))),
		"SECRET_KEY":        secret,
		"USE_TZ":            true,
		"SESSION_ENGINE":    "django.contrib.sessions.backends." + name,
		"SESSION_FILE_PATH": dir,
	}})
	return m, d, dir
}

// djangoMakes is a session that Django has saved.
func djangoMakes(t *testing.T, d *django, data string) string {
	t.Helper()
	var key string
	d.must("create", args{"data": data}, &key)
	return key
}

// keepsakeHas loads a session here.
func keepsakeHas(t *testing.T, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFileSharedWithDjango: both work on one folder.
func TestFileSharedWithDjango(t *testing.T) {
	m, d, dir := sharedEngine(t, "file")
	key := djangoMakes(t, d, allKinds)
	s := keepsakeHas(t, m, key)
	if got := sessions.Get(s, "text", ""); got != "héllo 😀" {
		t.Errorf("Django's text reads %q", got)
	}
	s.Set("go", "was here")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(allKinds, "}") + `, "go": "was here"}`
	if got := d.load(key).Data; got != want {
		t.Errorf("Django reads %s\nnot %s", got, want)
	}

	// Go's own, changed by Django.
	own := m.Open("")
	own.Set("color", "blue")
	if err := own.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.must("change", args{"key": own.Key(), "data": `{"n": 1}`}, nil)
	s = keepsakeHas(t, m, own.Key())
	if sessions.Get(s, "color", "") != "blue" || sessions.Get(s, "n", 0) != 1 {
		t.Errorf("after Django's change: %v", s.Keys())
	}
	info, err := os.Stat(filepath.Join(dir, "sessionid"+own.Key()))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}

	// A change in Go after Django's own, on an older view: both are there.
	stale := keepsakeHas(t, m, key)
	d.must("change", args{"key": key, "data": `{"django": "again"}`}, nil)
	stale.Set("go", "again")
	if err := stale.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.load(key).Data; !strings.Contains(got, `"django": "again"`) || !strings.Contains(got, `"go": "again"`) {
		t.Errorf("after changes from both sides: %s", got)
	}

	// A logout by Django is final.
	stale = keepsakeHas(t, m, key)
	d.must("delete", args{"key": key}, nil)
	stale.Set("go", "too late")
	if err := stale.Save(t.Context()); sessions.StatusCode(err) != http.StatusBadRequest {
		t.Errorf("a save after Django's logout: %v", err)
	}
	var exists bool
	d.must("exists", args{"key": key}, &exists)
	if exists {
		t.Error("the session is back")
	}

	// A rotation in Go: Django's clean-up and its look at the old key do no harm.
	s = keepsakeHas(t, m, own.Key())
	old := s.Key()
	if err := s.CycleKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.must("clearsessions", nil, nil)
	if got := d.load(s.Key()).Data; got != `{"color": "blue", "n": 1}` {
		t.Errorf("under the new key Django reads %s", got)
	}
	d.must("exists", args{"key": old}, &exists)
	if exists {
		t.Error("the old key is alive for Django")
	}
}

// TestFilesExpireForBoth: what has ended in Go's eyes is gone after its clean-up,
// and Django's clean-up takes what it considers ended.
func TestFilesExpireForBoth(t *testing.T) {
	m, d, dir := sharedEngine(t, "file")
	live := djangoMakes(t, d, `{"x": 1}`)
	dead := djangoMakes(t, d, `{"x": 1}`)
	past := time.Now().Add(-15 * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "sessionid"+dead), past, past); err != nil {
		t.Fatal(err)
	}
	if n, err := m.ClearExpired(t.Context(), nil); n != 1 || err != nil {
		t.Errorf("Go cleared %d, %v", n, err)
	}
	own := m.Open("")
	own.Set("x", 1)
	own.ExpireAfter(time.Minute)
	if err := own.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.must("clearsessions", nil, nil)
	for _, key := range []string{live, own.Key()} {
		if ok, err := m.Exists(t.Context(), key); !ok || err != nil {
			t.Errorf("a live session is %v, %v", ok, err)
		}
	}
}

// TestSignedCookiesSharedWithDjango: each reads the other's cookie.
func TestSignedCookiesSharedWithDjango(t *testing.T) {
	m, d, _ := sharedEngine(t, "signed_cookies")
	for name, data := range map[string]string{
		"plain":      allKinds,
		"compressed": `{"list": [` + strings.Repeat(`"again and again", `, 40) + `1]}`,
		"login": `{"_auth_user_id": "12345", "_auth_user_backend": "django.contrib.auth.backends.ModelBackend", ` +
			`"_auth_user_hash": "9d3f0a7be2c84b15a6708e1fd24c9b5370e6a18f4d2b9c05e7836fa14dbc290f"}`,
	} {
		t.Run(name, func(t *testing.T) {
			cookie := djangoMakes(t, d, data)
			r := httptest.NewRequest("GET", "https://example.org/", nil)
			r.Header.Set("Cookie", "sessionid="+cookie)
			w := httptest.NewRecorder()
			m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
				s.Set("go", json.RawMessage(`"was here"`))
			})).ServeHTTP(w, r)
			cookies := w.Result().Cookies()
			if len(cookies) != 1 {
				t.Fatalf("cookies %v", cookies)
			}
			// The first bytes of internal/deflate's streams.
			if name == "login" && !strings.HasPrefix(cookies[0].Value, ".eJzFU4Oi3UgYfpX2X7fx") {
				t.Errorf("not compressed with the sessions' own code: %s", cookies[0].Value)
			}
			want := strings.TrimSuffix(data, "}") + `, "go": "was here"}`
			if got := d.load(cookies[0].Value).Data; got != want {
				t.Errorf("Django reads %s\nnot %s", got, want)
			}
		})
	}
}
