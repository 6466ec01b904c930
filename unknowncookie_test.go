package sessions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// A request of a page's own (fetch) with a key that is unknown leaves the cookie
// to a login beside it; a page deletes it, as Django does, and so does a fetch
// that comes with it again later.
func TestUnknownKeyBesideALogin(t *testing.T) {
	read := func(s *sessions.Session, _ *http.Request) { _ = sessions.Get(s, "a", 0) }
	flush := func(s *sessions.Session, r *http.Request) { _ = s.Flush(r.Context()) }
	for _, row := range []struct {
		name, mode string
		again      time.Duration // after which it comes once more
		live       bool
		handler    func(*sessions.Session, *http.Request)
		cookie     string
	}{
		{"a page", "navigate", 0, false, read, "deleted"},
		{"a browser that does not say", "", 0, false, read, "deleted"},
		{"a fetch", "cors", 0, false, read, ""},
		{"a fetch, seconds later", "same-origin", 9 * time.Second, false, read, ""},
		{"a fetch, later", "same-origin", 11 * time.Second, false, read, "deleted"},
		{"a fetch that logs out", "cors", 0, true, flush, "deleted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := "unknownunknownunknownunknown1234"
			if row.live {
				key = s.visitor(map[string]any{"a": 1})
			}
			visit := func() *http.Response {
				return s.get("sessionid="+key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Set("Sec-Fetch-Mode", row.mode)
					sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, session *sessions.Session) {
						row.handler(session, r)
					}).ServeHTTP(w, r)
				}))
			}
			resp := visit()
			if row.again > 0 {
				s.clock.Advance(row.again)
				resp = visit()
			}
			equal(t, "cookie", s.announced(resp, key), row.cookie)
			equal(t, "Vary", resp.Header.Get("Vary"), "Cookie")
		})
	}
}
