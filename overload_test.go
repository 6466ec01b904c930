package sessions_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// While the store has as many calls as it may have, a request that needs its
// session is refused at once, one that has it is not, and neither loses anything.
func TestOverload(t *testing.T) {
	s := newSite(t, func(st *sessions.Settings) { st.MaxStoreCalls = 1 })
	key, busy := s.visitor(map[string]any{"a": 1}), s.visitor(map[string]any{"b": 1})
	resp := s.visit("sessionid="+key, func(session *sessions.Session, r *http.Request) {
		s.store.mu.Lock()
		s.store.before = func(operation string) {
			if operation != "touch" {
				return
			}
			// Now the store has its one call.
			refused := s.visit("sessionid="+key, func(*sessions.Session, *http.Request) { t.Error("served") })
			equal(t, "status of one more", refused.StatusCode, http.StatusServiceUnavailable)
			equal(t, "its cookie", s.announced(refused, key), "")
			if err := s.Open(key).Load(t.Context()); !errors.Is(err, sessions.ErrOverloaded) {
				t.Errorf("Load: %v", err)
			}
			session.Set("a", 2)
			if err := session.Save(r.Context()); err != nil {
				t.Errorf("a save of what is loaded: %v", err)
			}
		}
		s.store.mu.Unlock()
		other := s.Open(busy)
		if err := other.Load(r.Context()); err != nil {
			t.Error(err)
		}
		s.clock.Advance(time.Second)
		other.MarkModified()
		if err := other.Save(r.Context()); err != nil {
			t.Error(err)
		}
	})
	equal(t, "status", resp.StatusCode, http.StatusOK)
	equal(t, "stored", s.stored(key), `new{"b":1} old{"a":2}`)
	s.store.before = nil
	equal(t, "status afterwards", s.visit("sessionid="+key, func(*sessions.Session, *http.Request) {}).StatusCode, http.StatusOK)
}
