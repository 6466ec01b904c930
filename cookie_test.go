package sessions_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// The cookie's text is what Python's http.cookies makes of Django's settings:
// the attributes in its order and case.
func TestCookieText(t *testing.T) {
	const plain = "; expires=Sun, 15 Mar 2026 12:00:00 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax"
	const gone = `=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`
	all := func(st *sessions.Settings) {
		st.CookieName, st.CookieDomain, st.CookiePath = "sid", ".example.com", "/app/"
		st.CookieSecure, st.CookieSameSite, st.Partitioned = true, "Strict", true
	}
	for _, row := range []struct {
		name        string
		change      func(*sessions.Settings)
		expiry      sessions.Expiry
		set, delete string // K: the key
	}{
		{"default", func(*sessions.Settings) {}, sessions.Expiry{}, "sessionid=K" + plain, "sessionid" + gone},
		{
			"everything", all,
			sessions.Expiry{},
			"sid=K; Domain=.example.com; expires=Sun, 15 Mar 2026 12:00:00 GMT; HttpOnly; Max-Age=1209600; Partitioned; Path=/app/; SameSite=Strict; Secure",
			`sid=""; Domain=.example.com; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Partitioned; Path=/app/; SameSite=Strict; Secure`,
		},
		{
			"everything, browser close", all, sessions.ExpiryAtBrowserClose(),
			"sid=K; Domain=.example.com; HttpOnly; Partitioned; Path=/app/; SameSite=Strict; Secure", "",
		},
		{"secure", func(st *sessions.Settings) { st.CookieSecure = true }, sessions.Expiry{}, "sessionid=K" + plain + "; Secure", "sessionid" + gone},
		{
			"not HttpOnly", func(st *sessions.Settings) { st.CookieHTTPOnly = false },
			sessions.Expiry{},
			"sessionid=K" + strings.Replace(plain, "; HttpOnly", "", 1), "sessionid" + gone,
		},
		{
			"domain", func(st *sessions.Settings) { st.CookieDomain = "example.com" },
			sessions.Expiry{},
			"sessionid=K; Domain=example.com" + plain, strings.Replace("sessionid"+gone, `""`, `""; Domain=example.com`, 1),
		},
		{
			"no path", func(st *sessions.Settings) { st.CookiePath = "" },
			sessions.Expiry{},
			"sessionid=K" + strings.Replace(plain, "; Path=/", "", 1), "sessionid" + strings.Replace(gone, "; Path=/", "", 1),
		},
		{
			"lax", func(st *sessions.Settings) { st.CookieSameSite = "lax" },
			sessions.Expiry{},
			"sessionid=K" + strings.Replace(plain, "Lax", "lax", 1), "sessionid" + strings.Replace(gone, "Lax", "lax", 1),
		},
		{
			"no SameSite", func(st *sessions.Settings) { st.CookieSameSite = "" },
			sessions.Expiry{},
			"sessionid=K" + strings.Replace(plain, "; SameSite=Lax", "", 1), "sessionid" + strings.Replace(gone, "; SameSite=Lax", "", 1),
		},
		{
			"SameSite NONE", func(st *sessions.Settings) { st.CookieSameSite, st.CookieSecure = "NONE", true },
			sessions.Expiry{},
			"sessionid=K" + strings.Replace(plain, "Lax", "NONE", 1) + "; Secure", "sessionid" + strings.Replace(gone, "Lax", "NONE", 1) + "; Secure",
		},
		{
			"__Host-", func(st *sessions.Settings) { st.CookieName, st.CookieSecure = "__Host-sid", true },
			sessions.Expiry{},
			"__Host-sid=K" + plain + "; Secure", "__Host-sid" + gone + "; Secure",
		},
		{
			"__secure- in small letters", func(st *sessions.Settings) { st.CookieName, st.CookieSecure = "__secure-sid", true },
			sessions.Expiry{},
			"__secure-sid=K" + plain + "; Secure", "__secure-sid" + gone + "; Secure",
		},
		{
			"browser close by default", func(st *sessions.Settings) { st.ExpireAtBrowserClose = true },
			sessions.Expiry{},
			"sessionid=K; HttpOnly; Path=/; SameSite=Lax", "sessionid" + gone,
		},
		{
			"browser close by default, but not this one", func(st *sessions.Settings) { st.ExpireAtBrowserClose = true },
			sessions.ExpiryAfter(5 * time.Minute),
			"sessionid=K; expires=Sun, 01 Mar 2026 12:05:00 GMT; HttpOnly; Max-Age=300; Path=/; SameSite=Lax", "",
		},
		{
			"five minutes", func(*sessions.Settings) {}, sessions.ExpiryAfter(5 * time.Minute),
			"sessionid=K; expires=Sun, 01 Mar 2026 12:05:00 GMT; HttpOnly; Max-Age=300; Path=/; SameSite=Lax", "",
		},
		{
			"a second and a half", func(*sessions.Settings) {}, sessions.ExpiryAfter(1500 * time.Millisecond),
			"sessionid=K; expires=Sun, 01 Mar 2026 12:00:01 GMT; HttpOnly; Max-Age=1; Path=/; SameSite=Lax", "",
		},
		{
			"ended", func(*sessions.Settings) {}, sessions.ExpiryAfter(-5 * time.Second),
			"sessionid=K; expires=Sun, 01 Mar 2026 11:59:55 GMT; HttpOnly; Max-Age=-5; Path=/; SameSite=Lax", "",
		},
		{
			"ended a second and a half ago", func(*sessions.Settings) {}, sessions.ExpiryAfter(-1500 * time.Millisecond),
			"sessionid=K; expires=Sun, 01 Mar 2026 11:59:58 GMT; HttpOnly; Max-Age=-1; Path=/; SameSite=Lax", "",
		},
		{
			"at an instant", func(*sessions.Settings) {}, sessions.ExpiryAt(siteNow.Add(90*time.Second + 900*time.Millisecond)),
			"sessionid=K; expires=Sun, 01 Mar 2026 12:01:30 GMT; HttpOnly; Max-Age=90; Path=/; SameSite=Lax", "",
		},
		{
			"at a past instant", func(*sessions.Settings) {}, sessions.ExpiryAt(siteNow.Add(-900 * time.Millisecond)),
			"sessionid=K; expires=Sun, 01 Mar 2026 11:59:59 GMT; HttpOnly; Max-Age=-1; Path=/; SameSite=Lax", "",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, row.change)
			var key string
			resp := s.visit("", func(session *sessions.Session, r *http.Request) {
				session.SetExpiry(row.expiry)
				session.Set("a", 1)
				if err := session.Save(r.Context()); err != nil {
					t.Error(err)
				}
				key = session.Key()
			})
			equal(t, "Set-Cookie", resp.Header.Get("Set-Cookie"), strings.Replace(row.set, "=K", "="+key, 1))
			if row.delete == "" {
				return
			}
			resp = s.visit(s.Settings().CookieName+"="+key, func(session *sessions.Session, r *http.Request) {
				if err := session.Flush(r.Context()); err != nil {
					t.Error(err)
				}
			})
			equal(t, "deletion", resp.Header.Get("Set-Cookie"), row.delete)
		})
	}
}

// Other cookies of the handler stay; one of the session's name does not.
func TestOtherCookies(t *testing.T) {
	s := newSite(t)
	resp := s.get("", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, session *sessions.Session) {
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "forged"})
		http.SetCookie(w, &http.Cookie{Name: "sessionid2", Value: "other"})
		session.Set("a", 1)
	}))
	lines := resp.Header.Values("Set-Cookie")
	if len(lines) != 3 || lines[0] != "theme=dark" || lines[1] != "sessionid2=other" ||
		lines[2] != "sessionid="+s.store.live()[0]+"; expires=Sun, 15 Mar 2026 12:00:00 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax" {
		t.Errorf("Set-Cookie: %q", lines)
	}
}

// Django's patch_vary_headers.
func TestVary(t *testing.T) {
	for _, row := range []struct {
		before []string
		after  string
	}{
		{nil, "Cookie"},
		{[]string{""}, "Cookie"},
		{[]string{"Accept-Language"}, "Accept-Language, Cookie"},
		{[]string{"Accept-Language,Accept-Encoding"}, "Accept-Language, Accept-Encoding, Cookie"},
		{[]string{"Accept-Language", "Accept-Encoding"}, "Accept-Language, Accept-Encoding, Cookie"},
		{[]string{"cookie"}, "cookie"},
		{[]string{"Accept , COOKIE"}, "Accept, COOKIE"},
		{[]string{"Cookies"}, "Cookies, Cookie"},
		{[]string{"*"}, "*"},
		{[]string{"Accept-Language, *"}, "*"},
		{[]string{"Cookie, *"}, "*"},
		{[]string{"Accept", "*"}, "*"},
	} {
		t.Run(strings.Join(row.before, "|"), func(t *testing.T) {
			s := newSite(t)
			next := func(read bool) http.Handler {
				return sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, session *sessions.Session) {
					for _, line := range row.before {
						w.Header().Add("Vary", line)
					}
					if read {
						_ = session.Has("a")
					}
				})
			}
			equal(t, "Vary", strings.Join(s.get("", next(true)).Header.Values("Vary"), "|"), row.after)
			equal(t, "Vary when nothing was read", strings.Join(s.get("", next(false)).Header.Values("Vary"), "|"), strings.Join(row.before, "|"))
		})
	}
}

// A Secure cookie over plain HTTP is dropped by the browser: said once, and only
// where it is so.
func TestSecureCookieOverPlainHTTP(t *testing.T) {
	for _, row := range []struct {
		name     string
		url      string
		header   string // "Name: value"
		insecure bool   // the setting is off
		warnings int
	}{
		{"a host", "http://example.com/", "", false, 1},
		{"a host and a port", "http://example.com:8000/", "", false, 1},
		{"an address", "http://192.0.2.7:8000/", "", false, 1},
		{"an IPv6 address", "http://[2001:db8::1]/", "", false, 1},
		{"a host that begins like localhost", "http://localhost.example.com/", "", false, 1},
		{"the proxy had plain HTTP, too", "http://example.com/", "X-Forwarded-Proto: http", false, 1},
		{"localhost", "http://localhost:8000/", "", false, 0},
		{"below localhost", "http://app.localhost/", "", false, 0},
		{"127.0.0.1", "http://127.0.0.1:8000/", "", false, 0},
		{"::1", "http://[::1]:8000/", "", false, 0},
		{"https", "https://example.com/", "", false, 0},
		{"behind a proxy", "http://example.com/", "X-Forwarded-Proto: https", false, 0},
		{"behind a proxy, by the standard", "http://example.com/", "Forwarded: for=192.0.2.1;proto=https", false, 0},
		{"not secure", "http://example.com/", "", true, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(st *sessions.Settings) { st.CookieSecure = !row.insecure })
			read, write := showSession(func(*sessions.Session) {}), showSession(func(s *sessions.Session) { s.Set("a", 1) })
			for i, next := range []http.Handler{read, write, write, write} {
				r := httptest.NewRequest("GET", row.url, nil)
				if strings.HasPrefix(row.url, "https") && r.TLS == nil {
					r.TLS = &tls.ConnectionState{}
				}
				if name, value, ok := strings.Cut(row.header, ": "); ok {
					r.Header.Set(name, value)
				}
				s.Handler(next).ServeHTTP(httptest.NewRecorder(), r)
				equal(t, "warnings", s.log.count("over plain HTTP"), min(i, row.warnings))
			}
		})
	}
}

// Of several cookies of the name the last one that names a session counts; that
// there are several is logged when they differ.
func TestSecurity07_OfSeveralCookiesTheLastGoodOneCounts(t *testing.T) {
	const forged = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	for _, row := range []struct {
		name, cookies string // K: the visitor's key
		session       string
		warnings      int
	}{
		{"the last is good", "sessionid=" + forged + "; sessionid=K", `{"secret":42}`, 1},
		{"the first is good", "sessionid=K; sessionid=" + forged, `{"secret":42}`, 1},
		{"the last is empty", "sessionid=K; sessionid=", `{"secret":42}`, 1},
		{"the last is too short", "sessionid=K; sessionid=short", `{"secret":42}`, 1},
		{"none is good", "sessionid=" + forged + "; sessionid=y" + forged[1:], `{}`, 1},
		{"too many", "sessionid=K; sessionid=" + forged + "; sessionid=a" + forged[1:] + "; sessionid=b" + forged[1:] + "; sessionid=c" + forged[1:], `{}`, 1},
		{"twice the same", "sessionid=K; sessionid=K", `{"secret":42}`, 0},
		{"three", "sessionid=K; other=1; sessionid=" + forged + "; sessionid=K", `{"secret":42}`, 1},
		{"others between", "a=b; sessionid=K; sessionid2=" + forged + "; xsessionid=" + forged, `{"secret":42}`, 0},
		{"quoted", `sessionid="K"`, `{"secret":42}`, 0},
		{"quoted twice", `sessionid=""K""`, `{}`, 0},
		{"half quoted", `sessionid="K`, `{}`, 0},
		{"spaces", "  sessionid =  K  ;", `{"secret":42}`, 0},
		{"no spaces", "a=b;sessionid=K;c=d", `{"secret":42}`, 0},
		{"another case", "SessionID=K", `{}`, 0},
		{"a name without a value", "sessionid", `{}`, 0},
		{"a name without a value after it", "sessionid=K; sessionid", `{"secret":42}`, 0},
		{"a comma is not a separator", "a=b, sessionid=K", `{}`, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := s.visitor(map[string]any{"secret": 42})
			resp := s.get(strings.ReplaceAll(row.cookies, "K", key), showSession(func(*sessions.Session) {}))
			body, _ := io.ReadAll(resp.Body)
			equal(t, "the session", string(body), row.session)
			equal(t, "warnings", s.log.count(`level=WARN msg="sessions: several session cookies in one request; `+
				`the last one that names a session counts" key_hash=`), row.warnings)
			s.noKeyIn(forged)
		})
	}
	t.Run("escaped", func(t *testing.T) {
		s := newSite(t)
		key := s.visitor(map[string]any{"secret": 42})
		escaped := fmt.Sprintf(`"\%03o\%c%s"`, key[0], key[1], key[2:])
		if key[1] >= '0' && key[1] <= '3' { // \1 and two digits would be octal
			escaped = fmt.Sprintf(`"\%03o%s"`, key[0], key[1:])
		}
		resp := s.get("sessionid="+escaped, showSession(func(*sessions.Session) {}))
		body, _ := io.ReadAll(resp.Body)
		equal(t, "the session", string(body), `{"secret":42}`)
	})
}
