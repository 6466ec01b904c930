package auth_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/keepsake-go/sessions"
)

// Two users log in at once with the session of one visitor: each has a session,
// and none is the other's. The visitor's values are in one of them at most.
func TestParallelLogins(t *testing.T) {
	for range 50 {
		s := newSite(t)
		visitor := s.session("")
		visitor.Set("cart", 1)
		check(t, visitor.Save(t.Context()))
		names := []string{"alice", "bob", "alice", "bob"}
		theirs := make([]*sessions.Session, len(names))
		for i := range names {
			theirs[i] = s.session(visitor.Key())
		}
		var wg sync.WaitGroup
		for i, name := range names {
			wg.Go(func() {
				if err := s.auth.Login(t.Context(), theirs[i], s.users.named(name)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "the visitor's key lives", s.exists(visitor.Key()), false)
		keys, carts := map[string]bool{}, 0
		for i, name := range names {
			key := theirs[i].Key()
			keys[key] = true
			equal(t, "who", s.who(key), name)
			carts += sessions.Get(s.session(key), "cart", 0)
		}
		equal(t, "sessions", len(keys), len(names))
		equal(t, "carts", carts, 1)
	}
}

// A visitor logs out while logging in again, and while another user logs in. The
// old key is dead whatever comes first, and no session is of two users.
func TestLoginAndLogoutInParallel(t *testing.T) {
	for range 50 {
		s := newSite(t)
		key := s.login("alice", map[string]any{"secret": "alice's"})
		out, again, other := s.session(key), s.session(key), s.session(key)
		var wg sync.WaitGroup
		var logout error
		wg.Go(func() { logout = s.auth.Logout(t.Context(), out) })
		wg.Go(func() {
			if err := s.auth.Login(t.Context(), again, s.users.named("alice")); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.auth.Login(t.Context(), other, s.users.named("bob")); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if logout != nil && !errors.Is(logout, sessions.ErrInterrupted) {
			t.Error(logout)
		}
		equal(t, "the old key lives", s.exists(key), false)
		equal(t, "who", s.who(again.Key()), "alice")
		equal(t, "the other one", s.who(other.Key()), "bob")
		equal(t, "alice's value at bob's", s.session(other.Key()).Has("secret"), false)
	}
}

// A request that was on its way when its session ended, at a logout or a change of
// the password, does not bring it back, whatever it does.
func TestRequestsInFlight(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(*site, *sessions.Session) error
	}{
		{"logout", func(s *site, session *sessions.Session) error { return s.auth.Logout(t.Context(), session) }},
		{"another user", func(s *site, session *sessions.Session) error {
			return s.auth.Login(t.Context(), session, s.users.named("bob"))
		}},
		{"password", func(s *site, session *sessions.Session) error {
			s.users.setPassword("alice", "new")
			return s.auth.UpdateSessionAuthHash(t.Context(), session, s.users.named("alice"))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t)
			key := s.login("alice", nil)
			inFlight := func() *sessions.Session { return s.session(key) }
			saves, asks, updates, claims := inFlight(), inFlight(), inFlight(), inFlight()
			check(t, row.end(s, s.session(key)))

			saves.Set("late", true)
			is(t, "save", saves.Save(t.Context()), sessions.ErrInterrupted)
			if row.name == "password" {
				_, err := s.auth.User(t.Context(), asks)
				is(t, "User", err, sessions.ErrInterrupted)
			}
			is(t, "update", s.auth.UpdateSessionAuthHash(t.Context(), updates, s.users.named("alice")), sessions.ErrInterrupted)
			sessions.Pop(claims, "_auth_user_hash", "")
			is(t, "login with a claim", s.auth.Login(t.Context(), claims, s.users.named("alice")), sessions.ErrInterrupted)
			equal(t, "the old key lives", s.exists(key), false)
		})
	}
}

// One magic link, two clicks: one login.
func TestATokenLogsInOnce(t *testing.T) {
	for range 50 {
		s := newSite(t)
		visitor := s.session("")
		visitor.Set("token", "alice")
		check(t, visitor.Save(t.Context()))
		var wg sync.WaitGroup
		var mu sync.Mutex
		logins := 0
		for range 4 {
			session := s.session(visitor.Key())
			wg.Go(func() {
				name := sessions.Pop(session, "token", "")
				if name == "" {
					return // spent before this request came
				}
				err := s.auth.Login(t.Context(), session, s.users.named(name))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					logins++
				case !errors.Is(err, sessions.ErrInterrupted):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		equal(t, "logins", logins, 1)
	}
}
