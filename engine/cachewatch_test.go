package engine_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
)

// logged are settings whose log the test reads.
func logged() (sessions.Settings, *bytes.Buffer) {
	st := settings()
	log := new(bytes.Buffer)
	st.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return st, log
}

// TestCacheCautions: a cache in which sessions don't last says so once, at the
// start, and no other cache says anything.
func TestCacheCautions(t *testing.T) {
	files, err := cache.NewFileBased(cache.FileBasedOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cache cache.Cache
		want  string // "": nothing
	}{
		"local":      {cache.NewLocal(cache.LocalOptions{}), "ends with this process"},
		"dummy":      {cache.Dummy{}, "nothing is stored"},
		"file-based": {files, ""},
	} {
		st, log := logged()
		m, err := sessions.New(st, engine.Cache(test.cache))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s := m.Open("")
			s.Set("x", 1)
			if err := s.Save(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		lines := strings.Count(log.String(), "\n")
		if test.want == "" && lines != 0 || test.want != "" && (lines != 1 || !strings.Contains(log.String(), test.want)) {
			t.Errorf("%s: the log is\n%s", name, log)
		}
	}
	st, log := logged()
	if _, err := sessions.New(st, engine.Memory()); err != nil || log.Len() != 0 {
		t.Errorf("memory: %s, %v", log, err)
	}
}

// TestCacheCulled: sessions that the cache drops for room are logged, how many,
// and without their keys.
func TestCacheCulled(t *testing.T) {
	files, err := cache.NewFileBased(cache.FileBasedOptions{Dir: t.TempDir(), MaxEntries: 6})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cache   cache.Cache
		dropped int
	}{
		"local":      {cache.NewLocal(cache.LocalOptions{MaxEntries: 6}), 3},
		"file-based": {files, 2},
	} {
		st, log := logged()
		m, err := sessions.New(st, engine.Cache(test.cache))
		if err != nil {
			t.Fatal(err)
		}
		log.Reset()
		var keys []string
		for range 7 {
			s := m.Open("")
			s.Set("x", 1)
			if err := s.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, s.Key())
		}
		if want := fmt.Sprint("dropped=", test.dropped); strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("%s: the log is\n%s", name, log)
		}
		lost := 0
		for _, key := range keys {
			if found, err := m.Exists(t.Context(), key); err != nil {
				t.Error(err)
			} else if !found {
				lost++
			}
			if strings.Contains(log.String(), key) {
				t.Errorf("%s: the log has a key", name)
			}
		}
		if lost != test.dropped {
			t.Errorf("%s: %d sessions are lost, %d were logged", name, lost, test.dropped)
		}
	}
}

// TestCacheDummy: as in Django the first save succeeds, and the next request
// begins anew.
func TestCacheDummy(t *testing.T) {
	st, _ := logged()
	m, err := sessions.New(st, engine.Cache(cache.Dummy{}))
	if err != nil {
		t.Fatal(err)
	}
	h := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		fmt.Fprint(w, sessions.Get(s, "n", 0))
	}))
	cookie := ""
	for range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		next, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
		if w.Code != 200 || w.Body.String() != "1" || next == "" || next == cookie {
			t.Errorf("status %d, %q, cookie %q after %q", w.Code, w.Body, next, cookie)
		}
		cookie = next
	}
}
