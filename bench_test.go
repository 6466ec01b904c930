package sessions_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// BenchmarkRequest measures the middleware's own cost: requests that don't use
// their session, read it, and change it, over a handler that does nothing.
func BenchmarkRequest(b *testing.B) {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	st.CookieSecure = false
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		b.Fatal(err)
	}
	s := m.Open("")
	s.Set("_auth_user_id", "12345")
	s.Set("_auth_user_hash", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	s.Set("csrf", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4")
	s.Set("prefs", map[string]any{"theme": "dark", "per_page": 50, "lang": "de"})
	s.Set("n", 1)
	if err := s.Save(b.Context()); err != nil {
		b.Fatal(err)
	}

	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	read := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		if sessions.Get(s, "_auth_user_id", "") != "12345" {
			b.Error("not read")
		}
	})
	change := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
	})
	for _, bench := range []struct {
		name    string
		handler http.Handler
		cookie  string
	}{
		{"bare", nothing, ""},
		{"untouched/no-cookie", m.Handler(nothing), ""},
		{"untouched/cookie", m.Handler(nothing), "sessionid=" + s.Key()},
		{"read", m.Handler(read), "sessionid=" + s.Key()},
		{"change", m.Handler(change), "sessionid=" + s.Key()},
		{"create", m.Handler(change), ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			if bench.cookie != "" {
				r.Header.Set("Cookie", bench.cookie)
			}
			b.ReportAllocs()
			for b.Loop() {
				bench.handler.ServeHTTP(&discard{header: http.Header{}}, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
