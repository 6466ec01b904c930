package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// A bus carries messages between the Managers of a test, as Redis would between
// processes. It can be cut.
type bus struct {
	mu          sync.Mutex
	cut         bool
	subscribers map[*subscriber]struct{}
	said        []string
}

type subscriber struct {
	channel string
	receive func(string)
	lost    chan struct{}
}

var errCut = errors.New("the line is cut")

func (b *bus) Publish(_ context.Context, channel, message string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, channel+": "+message)
	if b.cut {
		return errCut
	}
	for s := range b.subscribers {
		if s.channel == channel {
			s.receive(message)
		}
	}
	return nil
}

func (b *bus) Subscribe(ctx context.Context, channel string, ready func(), receive func(string)) error {
	s := &subscriber{channel, receive, make(chan struct{})}
	b.mu.Lock()
	if b.cut {
		b.mu.Unlock()
		return errCut
	}
	if b.subscribers == nil {
		b.subscribers = map[*subscriber]struct{}{}
	}
	b.subscribers[s] = struct{}{}
	b.mu.Unlock()
	ready()
	select {
	case <-ctx.Done():
	case <-s.lost:
	}
	b.mu.Lock()
	delete(b.subscribers, s)
	b.mu.Unlock()
	return errCut
}

func (b *bus) setCut(cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = cut
	if cut {
		for s := range b.subscribers {
			close(s.lost)
		}
	}
}

// realTime has a site use the bubble's clock, and what else is changed.
func realTime(st *sessions.Settings) { st.Clock = time.Now }

func onBus(b *bus) func(*sessions.Settings) {
	return func(st *sessions.Settings) { st.Notifier = b }
}

// beside is another process on the site's store.
func (s *site) beside(changes ...func(*sessions.Settings)) *sessions.Manager {
	s.t.Helper()
	st := s.Settings()
	for _, change := range changes {
		change(&st)
	}
	m, err := sessions.New(st, &sharedEngine{s.store})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// open is a session of a connection that stays open until the test ends.
func open(t testing.TB, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Key() == "" && key != "" {
		t.Fatal("there is no such session")
	}
	t.Cleanup(s.Close)
	return s
}

// ends is how Done stands: "open", or why it was closed.
func ends(s *sessions.Session) string {
	select {
	case <-s.Done():
		return "ended: " + string(s.EndedBy())
	default:
		return "open"
	}
}

// within waits for Done, and reports what it took.
func within(t testing.TB, s *sessions.Session, most time.Duration, reason sessions.EndReason) {
	t.Helper()
	began := time.Now()
	select {
	case <-s.Done():
	case <-time.After(time.Hour):
		t.Error("it never ends")
		return
	}
	if took := time.Since(began); took > most {
		t.Errorf("it took %v", took)
	}
	if got := s.EndedBy(); got != reason {
		t.Errorf("ended by %q, not %q", got, reason)
	}
}

// Ends in the same process are seen at once, by every connection of the session
// and by no other.
func TestDoneInProcess(t *testing.T) {
	for name, end := range map[string]struct {
		by  func(*site, string) error
		why string
	}{
		"flush": {func(s *site, key string) error {
			session := s.Open(key)
			return errors.Join(session.Load(t.Context()), session.Flush(t.Context()))
		}, "ended: flushed"},
		"delete":        {func(s *site, key string) error { return s.Delete(t.Context(), key) }, "ended: revoked"},
		"delete stored": {func(s *site, key string) error { return s.Open(key).DeleteStored(t.Context()) }, "ended: deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, realTime)
				key, other := s.visitor(map[string]any{"a": 1}), s.visitor(map[string]any{"a": 2})
				one, two, not := open(t, s.Manager, key), open(t, s.Manager, key), open(t, s.Manager, other)
				for _, session := range []*sessions.Session{one, two, not} {
					if got := ends(session); got != "open" {
						t.Fatal(got)
					}
				}
				if err := end.by(s, key); err != nil {
					t.Fatal(err)
				}
				if a, b, c := ends(one), ends(two), ends(not); a != end.why || b != end.why || c != "open" {
					t.Errorf("%s, %s; the other one: %s", a, b, c)
				}
			})
		})
	}
}

// A logout that failed, or whose outcome nobody knows, ends nothing; what really
// happened is found by looking.
func TestDoneFailedLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime)
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		session.Done()
		for _, failure := range []error{errors.New("no connection"), sessions.ErrUnknownOutcome} {
			s.store.failing("delete", failure)
			if err := s.Delete(t.Context(), key); err == nil {
				t.Fatal("no error")
			}
			time.Sleep(time.Minute)
			if got := ends(session); got != "open" {
				t.Errorf("after %v: %s", failure, got)
			}
		}
	})
}

// Another process deletes the session, and nobody tells.
func TestDonePolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime)
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		for range 20 {
			session.Done()
			time.Sleep(time.Duration(337) * time.Millisecond)
		}
		if err := s.beside().Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		within(t, session, time.Second, sessions.EndGone)
	})
}

// What was read before it ended, and is watched only then, is found at once.
func TestDoneTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime, func(st *sessions.Settings) { st.WatchInterval = time.Hour })
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		within(t, session, 10*time.Millisecond, sessions.EndGone)
	})
}

// A look at the store that is under way when messages begin to come may have seen
// the session before its end, of which the message was not heard.
func TestDoneEndedBeforeMessagesCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		b.setCut(true)
		s := newSite(t, realTime, onBus(b), func(st *sessions.Settings) { st.WatchInterval = time.Hour })
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		var slow atomic.Bool
		slow.Store(true)
		s.store.mu.Lock()
		s.store.loaded = func() {
			if slow.Load() {
				time.Sleep(8 * time.Second)
			}
		}
		s.store.mu.Unlock()
		session.Done()
		time.Sleep(time.Second) // the first look has its answer by now, and waits
		slow.Store(false)
		_ = s.beside().Delete(t.Context(), key) // its message is lost
		b.setCut(false)
		within(t, session, 20*time.Second, sessions.EndGone)
	})
}

type panicking struct{}

func (panicking) Publish(context.Context, string, string) error { panic("publish") }

func (panicking) Subscribe(context.Context, string, func(), func(string)) error { panic("subscribe") }

// A notifier that panics ends neither the program nor a logout, and what it does
// not tell is found by looking.
func TestDoneNotifierPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime, func(st *sessions.Settings) { st.Notifier = panicking{} })
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		session.Done()
		time.Sleep(10 * time.Second)
		if err := s.beside().Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		within(t, session, time.Second, sessions.EndGone)
	})
}

// The messages arrive at once, and hold no key.
func TestDoneTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		s := newSite(t, realTime, onBus(b))
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		session.Done()
		synctest.Wait() // it has subscribed
		if err := s.beside().Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if got := ends(session); got != "ended: revoked" {
			t.Error(got)
		}
		if len(b.said) != 1 || strings.Contains(b.said[0], key) {
			t.Errorf("said %q", b.said)
		}
	})
}

// Messages of a site with another secret, and what is no message at all, end
// nothing.
func TestDoneForeignMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		s := newSite(t, realTime, onBus(b))
		key := s.visitor(map[string]any{"a": 1})
		session := open(t, s.Manager, key)
		session.Done()
		synctest.Wait()
		stranger := newSite(t, realTime, onBus(b), func(st *sessions.Settings) { st.SecretKey += "other" })
		if err := stranger.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		own := s.beside()
		if err := own.Delete(t.Context(), strings.Repeat("z", 32)); err != nil {
			t.Fatal(err)
		}
		said := strings.Fields(b.said[1])
		channel, hash := strings.TrimSuffix(said[0], ":"), strings.Repeat("0", 32)
		for _, message := range []string{"", " ", "ended", "ended " + hash, "ended  ", "rotated " + hash + " ", "ended " + hash + " revoked x", "\x00\xff"} {
			_ = b.Publish(t.Context(), channel, message)
		}
		time.Sleep(10 * time.Second)
		if got := ends(session); got != "open" {
			t.Error(got)
		}
	})
}

// Who begins anew in place of what was there, as a login of another user does, ends
// what was open of it, here and elsewhere: it was the other user's. What the request
// itself has open goes on with the new session.
func TestDoneBegunAnew(t *testing.T) {
	for _, absolute := range []time.Duration{0, time.Hour} {
		deadline := func(st *sessions.Settings) { st.Timeouts.Absolute = absolute }
		synctest.Test(t, func(t *testing.T) {
			b := &bus{}
			s := newSite(t, realTime, onBus(b), deadline)
			key := s.visitor(map[string]any{"user": "alice"})
			here, elsewhere := open(t, s.Manager, key), open(t, s.beside(deadline), key)
			login := open(t, s.Manager, key)
			for _, session := range []*sessions.Session{here, elsewhere, login} {
				session.Done()
			}
			synctest.Wait() // all have subscribed
			err := login.CycleKeyWith(t.Context(), func(v *sessions.Values, _ bool) error {
				v.Clear()
				return v.Encode("user", "bob")
			})
			if err != nil {
				t.Fatal(err)
			}
			if a, b := ends(here), ends(elsewhere); a != "ended: flushed" || b != "ended: flushed" {
				t.Errorf("with a deadline of %v, in this process: %s; in another one: %s", absolute, a, b)
			}
			time.Sleep(10 * time.Second)
			if got := ends(login); got != "open" {
				t.Errorf("the login's own: %s", got)
			}
			if err := s.Delete(t.Context(), login.Key()); err != nil {
				t.Fatal(err)
			}
			if got := ends(login); got != "ended: revoked" {
				t.Errorf("after its end: %s", got)
			}
		})
	}
}

// A login is no end: the connection goes on under the new key, whose end ends it.
func TestDoneRotation(t *testing.T) {
	rotate := func(t *testing.T, m *sessions.Manager, key string) string {
		t.Helper()
		s := m.Open(key)
		if err := errors.Join(s.Load(t.Context()), s.CycleKey(t.Context())); err != nil {
			t.Fatal(err)
		}
		return s.Key()
	}
	t.Run("in this process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime)
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			for range 3 {
				key = rotate(t, s.Manager, key)
				time.Sleep(10 * time.Minute)
				if got := ends(session); got != "open" {
					t.Fatal(got)
				}
			}
			if err := s.beside().Delete(t.Context(), key); err != nil { // polled under the new key
				t.Fatal(err)
			}
			within(t, session, time.Second, sessions.EndGone)
		})
	})
	t.Run("told by another process, then a logout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &bus{}
			s := newSite(t, realTime, onBus(b))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			synctest.Wait()
			other := s.beside()
			key = rotate(t, other, key)
			time.Sleep(10 * time.Second)
			key = rotate(t, other, key)
			time.Sleep(10 * time.Second)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			if err := other.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if got := ends(session); got != "ended: revoked" {
				t.Error(got)
			}
		})
	})
	t.Run("told, and the browser stays away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, onBus(&bus{}))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			synctest.Wait()
			rotate(t, s.beside(), key)
			within(t, session, sessions.RotationTrace, sessions.EndRotated)
		})
	})
	t.Run("told, and the browser comes back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, onBus(&bus{}))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			synctest.Wait()
			key = rotate(t, s.beside(), key)
			s.visit("sessionid="+key, readOnly)
			time.Sleep(10 * time.Minute)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			if err := s.beside(func(st *sessions.Settings) { st.Notifier = nil }).Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			within(t, session, time.Second, sessions.EndGone)
		})
	})
	t.Run("the browser is faster than the message", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := &bus{}
			s := newSite(t, realTime, onBus(b))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			synctest.Wait()
			late := &bus{}
			key = rotate(t, s.beside(onBus(late)), key)
			second := open(t, s.Manager, key)
			second.Done()
			time.Sleep(time.Second)
			channel, message, _ := strings.Cut(late.said[0], ": ")
			if err := b.Publish(t.Context(), channel, message); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			if a, b := ends(session), ends(second); a != "open" || b != "open" {
				t.Fatal(a, b)
			}
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if a, b := ends(session), ends(second); a != "ended: revoked" || b != a {
				t.Error(a, b)
			}
		})
	})
	t.Run("untold", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime)
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			rotate(t, s.beside(), key)
			time.Sleep(1900 * time.Millisecond) // the login's response is on its way
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			within(t, session, time.Second, sessions.EndRotated)
		})
	})
	t.Run("a request that comes with the old key", func(t *testing.T) {
		s := newSite(t)
		key := s.visitor(map[string]any{"a": 1})
		rotate(t, s.Manager, key)
		s.visit("sessionid="+key, func(session *sessions.Session, _ *http.Request) {
			if got := ends(session); got != "ended: rotated" {
				t.Error(got)
			}
		})
	})
}

// The expiry ends a connection by the settings' clock; one that another request
// has moved does not.
func TestDoneExpiry(t *testing.T) {
	const age = time.Hour
	short := func(st *sessions.Settings) { st.CookieAge = age }
	t.Run("as it was stored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, short)
			session := open(t, s.Manager, s.visitor(map[string]any{"a": 1}))
			session.Done()
			time.Sleep(age - time.Second)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			within(t, session, time.Second+10*time.Millisecond, sessions.EndExpired)
		})
	})
	t.Run("no look in between is needed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, short, func(st *sessions.Settings) { st.WatchInterval = 24 * time.Hour })
			session := open(t, s.Manager, s.visitor(map[string]any{"a": 1}))
			session.Done()
			time.Sleep(age - time.Minute)
			within(t, session, time.Minute+10*time.Millisecond, sessions.EndExpired)
		})
	})
	t.Run("moved by another request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, short, saveEveryRequest, func(st *sessions.Settings) { st.WatchInterval = 24 * time.Hour })
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			for range 5 {
				time.Sleep(age / 2)
				s.visit("sessionid="+key, readOnly)
			}
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			time.Sleep(age / 2)
			within(t, session, age/2+10*time.Millisecond, sessions.EndExpired)
		})
	})
	t.Run("the store does not answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, short)
			session := open(t, s.Manager, s.visitor(map[string]any{"a": 1}))
			session.Done()
			s.store.failing("load", errors.New("no connection"))
			time.Sleep(2 * age)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			s.store.failing("load", nil)
			within(t, session, time.Second, sessions.EndExpired)
		})
	})
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, idle(10*time.Minute))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			for range 10 {
				time.Sleep(5 * time.Minute)
				s.visit("sessionid="+key, readOnly)
			}
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			within(t, session, 10*time.Minute+time.Second, sessions.EndExpired)
		})
	})
	t.Run("absolute, beside a Django that moves the expiry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, timeouts(sessions.Timeouts{Absolute: 30 * time.Minute}))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			time.Sleep(10 * time.Minute)
			s.djangoSaves(key)
			time.Sleep(20*time.Minute - time.Second)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			within(t, session, 2*time.Second, sessions.EndExpired)
		})
	})
	t.Run("idle, beside a Django that moves the expiry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, realTime, idle(10*time.Minute))
			key := s.visitor(map[string]any{"a": 1})
			session := open(t, s.Manager, key)
			session.Done()
			time.Sleep(5 * time.Minute)
			s.djangoSaves(key)
			time.Sleep(10*time.Minute - 3*time.Second)
			if got := ends(session); got != "open" {
				t.Fatal(got)
			}
			within(t, session, 5*time.Second, sessions.EndExpired)
		})
	})
}

// A clock that is not the machine's.
func TestDoneClock(t *testing.T) {
	s := newSite(t, func(st *sessions.Settings) {
		st.CookieAge, st.WatchInterval = time.Hour, 10*time.Millisecond
	})
	session := open(t, s.Manager, s.visitor(map[string]any{"a": 1}))
	session.Done()
	s.clock.Advance(59 * time.Minute)
	time.Sleep(100 * time.Millisecond)
	if got := ends(session); got != "open" {
		t.Fatal(got)
	}
	s.clock.Advance(time.Minute)
	within(t, session, 10*time.Second, sessions.EndExpired)
}

// A line that was cut ends nothing by itself; afterwards everything is looked at,
// and who can't be is sent to come back.
func TestDoneLostMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		s := newSite(t, realTime, onBus(b), func(st *sessions.Settings) { st.WatchInterval = time.Hour })
		keys := []string{s.visitor(map[string]any{"a": 1}), s.visitor(map[string]any{"a": 2}), s.visitor(map[string]any{"a": 3})}
		var all []*sessions.Session
		for _, key := range keys {
			session := open(t, s.Manager, key)
			session.Done()
			all = append(all, session)
		}
		synctest.Wait()
		other := s.beside()
		moved := other.Open(keys[2])
		if err := errors.Join(moved.Load(t.Context()), moved.CycleKey(t.Context())); err != nil {
			t.Fatal(err)
		}
		b.setCut(true)
		if err := other.Delete(t.Context(), keys[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		for i, session := range all {
			if got := ends(session); got != "open" {
				t.Errorf("%d: %s", i, got)
			}
		}
		b.setCut(false)
		time.Sleep(6 * time.Second)
		if a, b, c := ends(all[0]), ends(all[1]), ends(all[2]); a != "ended: gone" || b != "open" || c != "ended: rotated" {
			t.Error(a, b, c)
		}
		if log := s.log.String(); strings.Count(log, "not told by other processes for now") != 1 || strings.Count(log, "told by other processes again") != 1 {
			t.Error(log)
		}
	})
}

// A store that fails is logged once, not at each look.
func TestDoneStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime)
		session := open(t, s.Manager, s.visitor(map[string]any{"a": 1}))
		session.Done()
		synctest.Wait()
		s.store.failing("load", errors.New("no connection"))
		time.Sleep(time.Minute)
		s.store.failing("load", nil)
		time.Sleep(2 * time.Second)
		if got := ends(session); got != "open" {
			t.Error(got)
		}
		if log := s.log.String(); strings.Count(log, "can't be looked at") != 1 || strings.Count(log, "can be looked at again") != 1 {
			t.Error(log)
		}
	})
}

// Sessions without a key, and those of requests that are over.
func TestDoneOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, realTime)
		var session *sessions.Session
		s.visit("", func(new *sessions.Session, r *http.Request) {
			session = new
			done := session.Done()
			if done != session.Done() {
				t.Error("two channels")
			}
			time.Sleep(time.Minute)
			if got := ends(session); got != "open" {
				t.Errorf("without a key: %s", got)
			}
			session.Set("a", 1)
			if err := session.Save(r.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if got := ends(session); got != "open" {
				t.Errorf("with a key: %s", got)
			}
			if err := s.beside().Delete(r.Context(), session.Key()); err != nil {
				t.Fatal(err)
			}
			within(t, session, time.Second, sessions.EndGone)
			session.Set("b", 2)
		})
		s.visit("sessionid="+s.visitor(map[string]any{"a": 1}), func(again *sessions.Session, _ *http.Request) {
			session = again
			session.Done()
		})
		if got := ends(session); got != "ended: " {
			t.Errorf("after the handler: %s", got)
		}
		for name, closed := range map[string]*sessions.Session{
			"not loaded":    s.Open(strings.Repeat("k", 32)),
			"no middleware": s.Session(t.Context()),
		} {
			if got := ends(closed); got != "ended: " {
				t.Errorf("%s: %s", name, got)
			}
		}
		fresh := s.Open("")
		fresh.Done()
		if err := fresh.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := ends(fresh); got != "ended: flushed" {
			t.Errorf("flushed without a key: %s", got)
		}
	})
}

// A cookie engine has no store to ask: the expiry, and a logout with the same
// cookie.
func TestDoneOfCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := sessions.DefaultSettings()
		st.SecretKey, st.CookieSecure, st.CookieAge = siteSecret, false, time.Hour
		m, err := sessions.New(st, engine.SignedCookies())
		if err != nil {
			t.Fatal(err)
		}
		made := m.Open("")
		made.Set("a", 1)
		if err := made.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		cookie := made.Key()

		session, flushed := open(t, m, cookie), open(t, m, cookie)
		session.Done()
		time.Sleep(time.Minute)
		if got := ends(session); got != "open" {
			t.Fatal(got)
		}
		if err := flushed.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := ends(session); got != "ended: flushed" {
			t.Error(got)
		}

		session = open(t, m, cookie)
		session.Done()
		within(t, session, time.Hour, sessions.EndExpired)
	})
}

// A cookie engine's Revoked is asked as a store is.
func TestDoneOfRevokedCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked, failing atomic.Bool
		st := sessions.DefaultSettings()
		st.SecretKey, st.CookieSecure, st.Logger = siteSecret, false, (&logBook{}).logger()
		m, err := sessions.New(st, engine.SignedCookiesEngine{Revoked: func(context.Context, sessions.Values, time.Time) (bool, error) {
			if failing.Load() {
				return false, errors.New("no connection")
			}
			return revoked.Load(), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		made := m.Open("")
		made.Set("a", 1)
		if err := made.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		session := open(t, m, made.Key())
		session.Done()
		failing.Store(true)
		time.Sleep(time.Minute)
		failing.Store(false)
		time.Sleep(time.Minute)
		if got := ends(session); got != "open" {
			t.Fatal(got)
		}
		revoked.Store(true)
		within(t, session, time.Second, sessions.EndRevoked)
	})
}

// Who never asks for Done pays nothing: no goroutine, no look at the store.
func TestDoneUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		s := newSite(t, realTime, onBus(b))
		key := s.visitor(map[string]any{"a": 1})
		s.visit("sessionid="+key, func(*sessions.Session, *http.Request) {
			s.store.reset()
			time.Sleep(time.Minute)
		})
		if calls := s.store.calls(); calls != "" || len(b.subscribers) != 0 {
			t.Errorf("the store was asked: %s; %d subscribers", calls, len(b.subscribers))
		}
		// And when the last one has ended nobody looks any more.
		s.visit("sessionid="+key, func(session *sessions.Session, _ *http.Request) {
			session.Done()
			time.Sleep(time.Minute)
		})
		synctest.Wait()
		s.store.reset()
		time.Sleep(time.Minute)
		if calls := s.store.calls(); calls != "" || len(b.subscribers) != 0 {
			t.Errorf("the store was asked: %s; %d subscribers", calls, len(b.subscribers))
		}
	})
}

// A thousand connections of ten sessions are ten looks, and one subscription.
func TestDoneShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{}
		s := newSite(t, realTime, onBus(b), func(st *sessions.Settings) { st.WatchInterval = time.Second })
		for range 10 {
			key := s.visitor(map[string]any{"a": 1})
			for range 100 {
				open(t, s.Manager, key).Done()
			}
		}
		synctest.Wait()
		s.store.reset()
		time.Sleep(10 * time.Second)
		if looks := len(strings.Fields(s.store.calls())); looks < 100 || looks > 125 {
			t.Errorf("%d looks in ten intervals", looks)
		}
		if len(b.subscribers) != 1 {
			t.Errorf("%d subscriptions", len(b.subscribers))
		}
	})
}

// Everything at once.
func TestDoneRace(t *testing.T) {
	b := &bus{}
	s := newSite(t, realTime, onBus(b), func(st *sessions.Settings) { st.WatchInterval = 10 * time.Millisecond })
	others := []*sessions.Manager{s.beside(), s.Manager}
	var all sync.WaitGroup
	for i := range 16 {
		key := s.visitor(map[string]any{"a": i})
		session := open(t, s.Manager, key)
		for range 4 {
			all.Go(func() { session.Done(); ends(session) })
		}
		all.Go(func() {
			m := others[i%2]
			s := m.Open(key)
			if err := s.Load(t.Context()); err != nil {
				t.Error(err)
				return
			}
			if i%3 == 0 {
				if err := s.CycleKey(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			select {
			case <-session.Done():
			case <-time.After(time.Minute):
				t.Error("it never ends")
			}
		})
	}
	all.Wait()
}

func ExampleSession_Done() {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	s := m.Open("")
	defer s.Close() // the middleware does it for a request's session
	s.Set("user", "ann")
	if err := s.Save(context.Background()); err != nil {
		panic(err)
	}
	done := s.Done()

	// A logout, in another request or in another process.
	if err := m.Delete(context.Background(), s.Key()); err != nil {
		panic(err)
	}
	<-done
	fmt.Println("ended:", s.EndedBy())
	// Output: ended: revoked
}
