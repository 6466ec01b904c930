package auth_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

var page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })

func TestRequireLogin(t *testing.T) {
	s := newSite(t)
	get := func(key string) *http.Response {
		return s.serve(httptest.NewRequest("GET", "/account/?tab=1&x=%C3%A9%20y", nil), key, s.auth.RequireLogin(page))
	}
	resp := get("")
	equal(t, "status", resp.StatusCode, http.StatusFound)
	equal(t, "location", resp.Header.Get("Location"), "/login/?next=/account/%3Ftab%3D1%26x%3D%25C3%25A9%2520y")
	equal(t, "Vary", resp.Header.Get("Vary"), "Cookie")

	equal(t, "status with a login", get(s.login("alice", nil)).StatusCode, http.StatusOK)
	key := s.login("bob", nil)
	s.users.set("bob", func(u *auth.User) { u.Active = false })
	equal(t, "status when not active", get(key).StatusCode, http.StatusFound)
	equal(t, "status of an unknown session", get("00000000000000000000000000000000").StatusCode, http.StatusFound)
}

func TestSecurity30_RequireRecentLogin(t *testing.T) {
	s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.ConfirmURL = "/confirm/?why=old" })
	byGo, byDjango := s.login("alice", nil), s.session(s.login("alice", nil))
	byDjango.Delete("_keepsake_auth_time")
	check(t, byDjango.Save(t.Context()))
	const old = "/confirm/?why=old&next=/account/"
	for _, row := range []struct {
		name     string
		key      string
		later    time.Duration
		within   time.Duration
		location string
	}{
		{"at once", byGo, 0, 10 * time.Minute, ""},
		{"in time", byGo, 10 * time.Minute, 10 * time.Minute, ""},
		{"too late", byGo, 10*time.Minute + 1, 10 * time.Minute, old},
		{"never recent", byGo, 0, -1, old},
		{"another server's clock is a bit behind", byGo, -30 * time.Second, 10 * time.Minute, ""},
		{"a time to come", byGo, -time.Hour, 10 * time.Minute, old},
		{"logged in at Django", byDjango.Key(), 0, 10 * time.Minute, old},
		{"logged in at Django, however long ago", byDjango.Key(), 0, 1<<63 - 1, old},
		{"not logged in", "", 0, 10 * time.Minute, "/login/?next=/account/"},
	} {
		start := s.now
		s.now = start.Add(row.later)
		resp := s.serve(httptest.NewRequest("GET", "/account/", nil), row.key, s.auth.RequireRecentLogin(row.within, page))
		equal(t, row.name, resp.Header.Get("Location"), row.location)
		s.now = start
	}

	// The same user logs in again: that is recent.
	s.now = s.now.Add(time.Hour)
	session := s.session(byGo)
	check(t, s.auth.Login(t.Context(), session, s.users.named("alice")))
	resp := s.serve(httptest.NewRequest("GET", "/account/", nil), session.Key(), s.auth.RequireRecentLogin(time.Minute, page))
	equal(t, "after a second login", resp.StatusCode, http.StatusOK)
}

// Without a page to log in at, as for an API, the answer is a status.
func TestRequireWithoutALoginPage(t *testing.T) {
	s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.LoginURL = "" })
	get := func(key string, h http.Handler) *http.Response {
		return s.serve(httptest.NewRequest("GET", "/api/", nil), key, h)
	}
	resp := get("", s.auth.RequireLogin(page))
	equal(t, "status", resp.StatusCode, http.StatusUnauthorized)
	equal(t, "WWW-Authenticate", resp.Header.Get("WWW-Authenticate"), "Cookie")
	equal(t, "status, not recent", get(s.login("alice", nil), s.auth.RequireRecentLogin(-1, page)).StatusCode, http.StatusForbidden)
	equal(t, "RedirectToLogin", get("", http.HandlerFunc(s.auth.RedirectToLogin)).StatusCode, http.StatusUnauthorized)

	var reason error
	s = newSite(t, func(_ *sessions.Settings, o *auth.Options) {
		o.OnDenied = func(w http.ResponseWriter, _ *http.Request, err error) {
			reason = err
			w.WriteHeader(http.StatusTeapot)
		}
	})
	equal(t, "status by OnDenied", get("", s.auth.RequireLogin(page)).StatusCode, http.StatusTeapot)
	is(t, "reason", reason, auth.ErrLoginRequired)
	get(s.login("alice", nil), s.auth.RequireRecentLogin(-1, page))
	is(t, "reason", reason, auth.ErrRecentLoginRequired)
}

// What Django's login_required answers (checked against 3.2).
func TestLoginURLs(t *testing.T) {
	for _, row := range []struct{ login, target, want string }{
		{"/login/", "/", "/login/?next=/"},
		{"/login/?a=1", "/x", "/login/?a=1&next=/x"},
		{"/login/?next=/old&a=b c", "/x", "/login/?next=/x&a=b%20c"},
		{"/login/?a&b=%2F+", "/x", "/login/?a=&b=/%20&next=/x"},
		{"/login/#form", "/x", "/login/?next=/x#form"},
		{"/login/", "//evil.example/x", "/login/?next=/%252Fevil.example/x"},
		{"http://example.com/login/", "/x", "http://example.com/login/?next=/x"},
		{"//example.com/login/", "/x", "//example.com/login/?next=/x"},
		{"https://example.com/login/", "/x", "https://example.com/login/?next=http%3A//example.com/x"},
		{"https://sso.example/login/", "/x?y=1", "https://sso.example/login/?next=http%3A//example.com/x%3Fy%3D1"},
	} {
		s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.LoginURL = row.login })
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = row.target
		resp := s.serve(r, "", http.HandlerFunc(s.auth.RedirectToLogin))
		equal(t, row.login+" from "+row.target, resp.Header.Get("Location"), row.want)
	}

	s := newSite(t)
	r := httptest.NewRequest("GET", "http://example.com/x/y?z", nil)
	resp := s.serve(r, "", http.StripPrefix("/x", s.auth.RequireLogin(page)))
	equal(t, "below a prefix", resp.Header.Get("Location"), "/login/?next=/x/y%3Fz")
}

func TestSafeRedirect(t *testing.T) {
	for target, safe := range map[string][2]bool{ // over HTTP, over HTTPS
		"/":                                 {true, true},
		"/a/b?c=d&e=//evil.example":         {true, true},
		"/é/%2F":                            {true, true},
		"http://example.com/x":              {true, false},
		"https://example.com/x":             {true, true},
		"https://example.com":               {true, true},
		"":                                  {},
		"x":                                 {},
		"//evil.example/":                   {},
		"///evil.example/":                  {},
		"/\\evil.example/":                  {},
		"\\\\evil.example/":                 {},
		"/\t/evil.example/":                 {},
		" /x":                               {},
		"/x\r\nSet-Cookie: a=b":             {},
		"http://evil.example/":              {},
		"http:///evil.example/":             {},
		"http:evil.example":                 {},
		"https://example.com@evil.example/": {},
		"https://evil.example@example.com/": {},
		"https://example.com:8000/":         {},
		"https://example.com.evil/":         {},
		"javascript:alert(1)":               {},
		"data:text/html,x":                  {},
		"//example.com/x":                   {},
		"ftp://example.com/x":               {},
		"http://[::1/":                      {},
		"\x08//example.com":                 {},
	} {
		for i, secure := range []bool{false, true} {
			r := httptest.NewRequest("GET", "http://example.com/login/", nil)
			if secure {
				r.TLS = &tls.ConnectionState{}
			}
			want := "/home/"
			if safe[i] {
				want = target
			}
			equal(t, target, auth.SafeRedirect(r, target, "/home/"), want)
		}
	}
}
