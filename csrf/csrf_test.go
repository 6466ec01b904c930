package csrf_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/csrf"
	"github.com/keepsake-go/sessions/engine"
)

// A site has a page that shows a token and one that takes posts.
type site struct {
	*testing.T
	m       *sessions.Manager
	handler http.Handler
	reason  error // why the last request was refused
}

func newSite(t *testing.T, o csrf.Options, changes ...func(*sessions.Settings)) *site {
	t.Helper()
	s := &site{T: t}
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for the tests of this package"
	st.Logger = slog.New(slog.DiscardHandler)
	for _, change := range changes {
		change(&st)
	}
	var err error
	s.m, err = sessions.New(st, engine.Memory())
	check(t, err)
	o.OnFailure = func(w http.ResponseWriter, _ *http.Request, err error) {
		s.reason = err
		w.WriteHeader(http.StatusForbidden)
	}
	p, err := csrf.New(s.m, o)
	check(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		token, err := csrf.Token(r)
		if err != nil {
			s.m.Error(w, r, err)
			return
		}
		_, _ = io.WriteString(w, token)
	})
	mux.HandleFunc("/rotate", func(w http.ResponseWriter, r *http.Request) { check(t, csrf.Rotate(r)) })
	mux.HandleFunc("/post", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "done "+r.PostFormValue("a")) })
	s.handler = s.m.Handler(p.Handler(mux))
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A browser keeps cookies.
type browser struct {
	site    *site
	cookies map[string]string
}

func (s *site) browser() *browser { return &browser{s, map[string]string{}} }

func (b *browser) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.site.reason = nil
	r := httptest.NewRequest(method, "https://example.org"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Origin", "https://example.org")
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Del(headers[i]); headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.site.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w
}

func (b *browser) token() string {
	b.site.Helper()
	w := b.send("GET", "/token", "")
	if w.Code != 200 || len(w.Body.String()) != 64 {
		b.site.Fatalf("the token: %d, %d characters", w.Code, w.Body.Len())
	}
	return w.Body.String()
}

func form(token string) string { return url.Values{"a": {"1"}, csrf.FieldName: {token}}.Encode() }

// both runs a test with the secret in a cookie and in the session.
func both(t *testing.T, test func(t *testing.T, b *browser)) {
	for name, o := range map[string]csrf.Options{"cookie": {}, "session": {UseSessions: true}} {
		t.Run(name, func(t *testing.T) { test(t, newSite(t, o).browser()) })
	}
}

func (b *browser) refused(what string, want error, method, body string, headers ...string) {
	b.site.Helper()
	if w := b.send(method, "/post", body, headers...); w.Code != http.StatusForbidden || !errors.Is(b.site.reason, want) {
		b.site.Errorf("%s: %d, %v, not %v", what, w.Code, b.site.reason, want)
	}
}

func (b *browser) taken(what, method, body string, headers ...string) {
	b.site.Helper()
	if w := b.send(method, "/post", body, headers...); w.Code != http.StatusOK {
		b.site.Errorf("%s: %d, %v", what, w.Code, b.site.reason)
	}
}

func TestTokens(t *testing.T) {
	both(t, func(t *testing.T, b *browser) {
		b.refused("without anything", csrf.ErrNoSecret, "POST", "a=1")
		token := b.token()
		b.taken("the form", "POST", form(token))
		if w := b.send("POST", "/post", form(token)); w.Body.String() != "done 1" {
			t.Errorf("the handler has not got the form: %q", w.Body)
		}
		b.taken("the header", "PUT", "", "X-CSRFToken", token)
		b.taken("another header, and the form", "POST", form(token), "X-CSRFToken", "other")
		b.refused("no token", csrf.ErrNoToken, "POST", "a=1")
		b.refused("a form by PUT", csrf.ErrNoToken, "PUT", form(token))
		b.refused("DELETE", csrf.ErrNoToken, "DELETE", "")
		b.refused("another's token", csrf.ErrBadToken, "POST", form(b.site.browser().token()))
		for _, bad := range []string{"x", token[:63], token + "a", token[32:], "'" + token[1:]} {
			b.refused("a bad token", csrf.ErrBadToken, "POST", form(bad))
		}
		again := b.token()
		if again == token {
			t.Error("the mask is not fresh")
		}
		b.taken("an earlier token", "POST", form(token))
		b.send("GET", "/rotate", "")
		b.refused("a token from before the rotation", csrf.ErrBadToken, "POST", form(token))
		b.taken("one from after it", "POST", form(b.token()))
	})
}

func TestOrigins(t *testing.T) {
	s := newSite(t, csrf.Options{TrustedOrigins: []string{"https://shop.example.com", "https://*.trusted.org:8443", "http://plain.org"}})
	b := s.browser()
	token := b.token()
	for _, o := range []string{"https://example.org", "https://shop.example.com", "https://a.b.trusted.org:8443", "https://trusted.org:8443", "http://plain.org"} {
		b.taken(o, "POST", form(token), "Origin", o)
	}
	for _, o := range []string{
		"null", "http://example.org", "https://example.org:444", "https://evil.example.org", "http://shop.example.com",
		"https://eviltrusted.org:8443", "https://a.trusted.org", "https://plain.org", "https://example.org.evil.com", "https://%zz",
	} {
		b.refused(o, csrf.ErrBadOrigin, "POST", form(token), "Origin", o)
	}
	for referer, want := range map[string]error{
		"":                                csrf.ErrNoReferer,
		"http://example.org/":             csrf.ErrInsecureReferer,
		"https://evil.org/example.org":    csrf.ErrBadReferer,
		"https://example.org@evil.org/":   csrf.ErrBadReferer,
		"example.org":                     csrf.ErrBadReferer,
		"https://sub.example.org/":        csrf.ErrBadReferer,
		"https://example.org/page?a=b":    nil,
		"https://EXAMPLE.org/":            nil,
		"https://shop.example.com/":       nil,
		"https://a.trusted.org:8443/page": nil,
	} {
		if want == nil {
			b.taken("Referer "+referer, "POST", form(token), "Origin", "", "Referer", referer)
		} else {
			b.refused("Referer "+referer, want, "POST", form(token), "Origin", "", "Referer", referer)
		}
	}
}

// A cookie for a domain lets its other hosts post.
func TestCookieDomain(t *testing.T) {
	domain := func(st *sessions.Settings) { st.CookieDomain = ".example.org" }
	for _, s := range []*site{newSite(t, csrf.Options{CookieDomain: ".example.org"}), newSite(t, csrf.Options{UseSessions: true}, domain)} {
		b := s.browser()
		token := b.token()
		b.taken("from a host of the domain", "POST", form(token), "Origin", "", "Referer", "https://www.example.org/")
		b.refused("from another one", csrf.ErrBadReferer, "POST", form(token), "Origin", "", "Referer", "https://example.com/")
	}
}

func TestCookie(t *testing.T) {
	for want, s := range map[string]*site{
		"Path=/; Max-Age=31449600; Secure; SameSite=Lax": newSite(t, csrf.Options{}),
		"Path=/app; Domain=example.org; HttpOnly; SameSite=Strict": newSite(t, csrf.Options{
			CookieAge: -1, CookieDomain: "example.org", CookiePath: "/app", CookieHTTPOnly: true, CookieSameSite: "Strict",
		}, func(st *sessions.Settings) { st.CookieSecure = false }),
	} {
		w := s.browser().send("GET", "/token", "")
		lines := w.Header()["Set-Cookie"]
		if len(lines) != 1 {
			t.Fatalf("%q", lines)
		}
		var kept []string
		for _, part := range strings.Split(lines[0], "; ")[1:] {
			if !strings.HasPrefix(part, "Expires=") {
				kept = append(kept, part)
			}
		}
		if got := strings.Join(kept, "; "); got != want || !strings.HasPrefix(lines[0], "csrftoken=") {
			t.Errorf("%s\nnot %s", got, want)
		}
		if w.Header().Get("Vary") != "Cookie" {
			t.Error("no Vary: Cookie")
		}
	}
}

// Who asks for no token gets no cookie, and no Vary.
func TestNothingWithoutToken(t *testing.T) {
	both(t, func(t *testing.T, b *browser) {
		if w := b.send("GET", "/post", ""); len(w.Header()["Set-Cookie"])+len(w.Header()["Vary"]) != 0 {
			t.Errorf("%v", w.Header())
		}
	})
}

// What is no secret is replaced, and refused until then.
func TestBrokenSecrets(t *testing.T) {
	b := newSite(t, csrf.Options{}).browser()
	token := b.token()
	b.cookies["csrftoken"] = "short"
	b.refused("with a broken cookie", csrf.ErrNoSecret, "POST", form(token))
	b.taken("with a new one", "POST", form(b.token()))

	s := newSite(t, csrf.Options{UseSessions: true})
	session := s.m.Open("")
	check(t, session.Load(t.Context()))
	session.Set("_csrftoken", []int{1})
	check(t, session.Save(t.Context()))
	b = s.browser()
	b.cookies["sessionid"] = session.Key()
	b.refused("with another type", csrf.ErrNoSecret, "POST", form(token))
	b.taken("with a new secret", "POST", form(b.token()))
}

// Pages that are loaded at once, in a session without a secret, have the same one.
func TestParallelPages(t *testing.T) {
	s := newSite(t, csrf.Options{UseSessions: true})
	session := s.m.Open("")
	check(t, session.Load(t.Context()))
	session.Set("a", 1)
	check(t, session.Save(t.Context()))
	b := s.browser()
	b.cookies["sessionid"] = session.Key()
	tokens := make([]string, 8)
	var pages sync.WaitGroup
	for i := range tokens {
		pages.Go(func() {
			r := httptest.NewRequest("GET", "https://example.org/token", nil)
			r.AddCookie(&http.Cookie{Name: "sessionid", Value: session.Key()})
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			tokens[i] = w.Body.String()
		})
	}
	pages.Wait()
	for _, token := range tokens {
		b.taken("a page's token", "POST", form(token))
	}
}

// failing is an engine whose store can't be reached.
type failing struct{ sessions.Store }

func (failing) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := engine.Memory().Open(st)
	b.Store = failing{b.Store}
	return b, err
}

func (failing) Load(context.Context, string) (sessions.Record, error) {
	return sessions.Record{}, errors.New("down")
}

// A store that is down is no forgery.
func TestStoreIsDown(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for the tests of this package"
	st.Logger = slog.New(slog.DiscardHandler)
	m, err := sessions.New(st, failing{})
	check(t, err)
	p, err := csrf.New(m, csrf.Options{UseSessions: true})
	check(t, err)
	r := httptest.NewRequest("POST", "http://example.org/", nil)
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: strings.Repeat("a", 32)})
	w := httptest.NewRecorder()
	m.Handler(p.Handler(http.NotFoundHandler())).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
}

func TestNewReportsAll(t *testing.T) {
	if _, err := csrf.New(nil, csrf.Options{}); err == nil {
		t.Error("no error without a Manager")
	}
	s := newSite(t, csrf.Options{}, func(st *sessions.Settings) { st.CookieSecure = false })
	_, err := csrf.New(s.m, csrf.Options{
		CookieName: "a b", CookieSameSite: "None",
		TrustedOrigins: []string{"example.org", "https://", "ftp://a", "https://a/b", "https://a.*.b", "//a"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"the cookie", "SameSite", `"example.org"`, `"https://"`, `"ftp://a"`, `"https://a/b"`, `"https://a.*.b"`, `"//a"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if _, err := csrf.New(s.m, csrf.Options{CookieName: "sessionid"}); err == nil {
		t.Error("no error for the session's cookie")
	}
	if _, err := csrf.New(s.m, csrf.Options{CookieSameSite: "lax!"}); err == nil {
		t.Error("no error for a SameSite that is none")
	}
}

func TestWithoutHandler(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := csrf.Field(r); !errors.Is(err, csrf.ErrNoProtection) {
		t.Errorf("Field: %v", err)
	}
	if err := csrf.Rotate(r); !errors.Is(err, csrf.ErrNoProtection) {
		t.Errorf("Rotate: %v", err)
	}
}
