package sessions_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// TestAllocations: what a session adds to a request's allocations is exact, unlike
// its time, but for a new session: the memory engine's maps grow now and then. Less
// is welcome, and then the number here is to be less, too.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, too")
	}
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	st.CookieSecure = false
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	s.Set("user", "12345")
	s.Set("n", 1)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	read := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		if sessions.Get(s, "user", "") != "12345" {
			t.Error("not read")
		}
	})
	change := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
	})
	create := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		s.Set("user", "12345")
	})
	count := func(h http.Handler, cookie string) float64 {
		r := httptest.NewRequest("GET", "/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := &discard{header: http.Header{}}
		return testing.AllocsPerRun(200, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
	}
	bare := count(nothing, "")
	for _, row := range []struct {
		name    string
		handler http.Handler
		cookie  string
		want    float64
	}{
		{"a request without a cookie", m.Handler(nothing), "", 1},
		{"a request that does not look into its session", m.Handler(nothing), "sessionid=" + s.Key(), 1},
		{"a request that reads", m.Handler(read), "sessionid=" + s.Key(), 3},
		{"a request that changes a value", m.Handler(change), "sessionid=" + s.Key(), 11},
		{"a request that begins a session", m.Handler(create), "", 11},
	} {
		if got := count(row.handler, row.cookie) - bare; got > row.want {
			t.Errorf("%s costs %v allocations, more than %v", row.name, got, row.want)
		}
	}
}
