package sessions_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// TestAllocations: what a session adds to a request's allocations, and to their bytes,
// is exact, unlike its time, but for a new session: the memory engine's maps grow now
// and then. Less is welcome, and then the number here is to be less, too.
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
	count := func(h http.Handler, cookie string) (allocations, size float64) {
		r := httptest.NewRequest("GET", "/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := &discard{header: http.Header{}}
		serve := func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
		allocations = testing.AllocsPerRun(200, serve)
		const runs = 2000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			serve()
		}
		runtime.ReadMemStats(&after)
		return allocations, float64(after.TotalAlloc-before.TotalAlloc) / runs
	}
	bare, bareSize := count(nothing, "")
	for _, row := range []struct {
		name    string
		handler http.Handler
		cookie  string
		want    float64
		size    float64
	}{
		{"a request without a cookie", m.Handler(nothing), "", 1, 384},
		{"a request that does not look into its session", m.Handler(nothing), "sessionid=" + s.Key(), 1, 384},
		{"a request that reads", m.Handler(read), "sessionid=" + s.Key(), 2, 641},
		{"a request that changes a value", m.Handler(change), "sessionid=" + s.Key(), 12, 1408},
		{"a request that begins a session", m.Handler(create), "", 11, 1376},
	} {
		allocations, size := count(row.handler, row.cookie)
		allocations, size = allocations-bare, size-bareSize
		if allocations > row.want {
			t.Errorf("%s costs %v allocations, more than %v", row.name, allocations, row.want)
		}
		if size > row.size+16 {
			t.Errorf("%s costs %.0f bytes, more than %v", row.name, size, row.size)
		}
	}
}
