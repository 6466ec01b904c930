package sessions_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
)

var errDown = errors.New("the store is down")

func formerHostOnly(st *sessions.Settings) {
	st.CookieDomain, st.FormerCookieDomains = "example.org", []string{"", ".old.example.org"}
}

const (
	deletesHostOnly = `sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`
	deletesOld      = `sessionid=""; Domain=.old.example.org; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`
	deletesPresent  = `sessionid=""; Domain=example.org; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`
)

// cookieLines are a response's, with K for the key.
func cookieLines(resp *http.Response, key string) string {
	return strings.ReplaceAll(strings.Join(resp.Header["Set-Cookie"], "\n"), key, "K")
}

// Where the cookie's domain has changed, the cookies of the former ones are deleted
// as soon as that may be, and not before.
func TestFormerCookieDomains(t *testing.T) {
	const other = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	const sent = "sessionid=K; Domain=example.org; expires=Sun, 15 Mar 2026 12:00:00 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax"
	flush := func(s *sessions.Session, r *http.Request) {
		if err := s.Flush(r.Context()); err != nil {
			t.Error(err)
		}
	}
	read := func(s *sessions.Session, _ *http.Request) { _ = s.Len() }
	for _, row := range []struct {
		name, cookies string
		visit         func(*sessions.Session, *http.Request)
		want          []string
	}{
		{"a change", "sessionid=K", func(s *sessions.Session, _ *http.Request) { s.Set("a", 2) }, []string{deletesHostOnly, deletesOld, sent}},
		{"a look", "sessionid=K", read, nil},
		{"a look with two cookies", "sessionid=K; sessionid=" + other, read, []string{deletesHostOnly, deletesOld, sent}},
		{"the other way round", "sessionid=" + other + "; sessionid=K", read, []string{deletesHostOnly, deletesOld, sent}},
		{"the same twice", "sessionid=K; sessionid=K", read, nil},
		{"two cookies and no look", "sessionid=K; sessionid=" + other, func(*sessions.Session, *http.Request) {}, nil},
		{"a logout", "sessionid=" + other + "; sessionid=K", flush, []string{deletesHostOnly, deletesOld, deletesPresent}},
		{"an unknown key", "sessionid=" + other, read, []string{deletesHostOnly, deletesOld, deletesPresent}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, formerHostOnly)
			key := s.visitor(map[string]any{"a": 1})
			resp := s.visit(strings.ReplaceAll(row.cookies, "K", key), row.visit)
			equal(t, "cookies", cookieLines(resp, key), strings.Join(row.want, "\n"))
		})
	}

	s := newSite(t, formerHostOnly)
	resp := s.visit("", func(s *sessions.Session, _ *http.Request) { s.Set("a", 1) })
	equal(t, "cookies of a new visitor", len(resp.Header["Set-Cookie"]), 1)
}

// After a failure nothing is deleted: the session may be in the cookie of before.
func TestFormerCookieDomainsAfterAFailure(t *testing.T) {
	s := newSite(t, formerHostOnly)
	key := s.visitor(map[string]any{"a": 1})
	s.store.fail["touch"] = errDown
	resp := s.visit("sessionid="+key+"; sessionid=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", func(s *sessions.Session, _ *http.Request) { _ = s.Len() })
	equal(t, "status", resp.StatusCode, 503)
	equal(t, "cookies", cookieLines(resp, key), "")

	s = newSite(t, formerHostOnly)
	key = s.visitor(map[string]any{"a": 1})
	resp = s.get("sessionid="+key+"; sessionid=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		_ = s.Len()
		w.WriteHeader(500)
	}))
	equal(t, "cookies of a 500", cookieLines(resp, key), "")
}

// A store that fails is no reason to take another cookie's session.
func TestSeveralCookiesAndAFailure(t *testing.T) {
	s := newSite(t)
	key := s.visitor(map[string]any{"a": 1})
	s.store.fail["load"] = errDown
	resp := s.visit("sessionid="+key+"; sessionid=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", func(*sessions.Session, *http.Request) {})
	equal(t, "status", resp.StatusCode, 503)
}

func TestFormerCookieDomainsAreChecked(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieDomain = siteSecret, "example.org"
	st.FormerCookieDomains = []string{"", "old.example.org", "a;b", ".EXAMPLE.org"}
	err := st.Validate()
	if err == nil || !strings.Contains(err.Error(), `"a;b"`) || !strings.Contains(err.Error(), `".EXAMPLE.org" is the CookieDomain`) || strings.Count(err.Error(), "FormerCookieDomains") != 2 {
		t.Errorf("%v", err)
	}
}
