package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// slowStore takes its time to write, can be asked to misbehave, and counts.
type slowStore struct {
	sessions.Store
	delay    time.Duration
	replaces int
	replace  func(n int, do func() (sessions.Record, error)) (sessions.Record, error)
	mu       sync.Mutex
}

func (s *slowStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	s.mu.Lock()
	s.replaces++
	n, replace := s.replaces, s.replace
	s.mu.Unlock()
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
		return sessions.Record{}, ctx.Err()
	}
	do := func() (sessions.Record, error) { return s.Store.Replace(ctx, key, old, new) }
	if replace != nil {
		return replace(n, do)
	}
	return do()
}

func (s *slowStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	time.Sleep(s.delay)
	return s.Store.Rotate(ctx, key, newKey, old, new)
}

type slowEngine struct{ store *slowStore }

func (e slowEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := engine.Memory().Open(st)
	e.store.Store = b.Store
	b.Store = e.store
	return b, err
}

// slowSite is a Manager over a store that takes a second for each write; it is
// for synctest's bubbles, where a second takes no time.
func slowSite(t *testing.T) (*sessions.Manager, *slowStore) {
	t.Helper()
	store := &slowStore{delay: time.Second}
	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieSecure = siteSecret, false
	m, err := sessions.New(st, slowEngine{store})
	if err != nil {
		t.Fatal(err)
	}
	return m, store
}

// TestBurstIsCombined: a burst of saves costs two writes.
func TestBurstIsCombined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		begin := time.Now()
		for i := range 50 {
			other := reload(t, m, s)
			other.Set(fmt.Sprint("k", i), i)
			sessions.Update(other, "n", func(n int) int { return n + 1 })
			go func() {
				if err := other.Save(context.Background()); err != nil {
					t.Error(err)
				}
				if n := sessions.Get(other, "n", 0); n != 1 && n != 50 {
					t.Errorf("after Save the session shows n = %d", n)
				}
				other.Set("mine", i) // what was stored is not shared with the others
			}()
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s = reload(t, m, s)
		equal(t, "n", sessions.Get(s, "n", 0), 50)
		equal(t, "values", s.Len(), 51)
		equal(t, "writes", store.replaces, 2)
		equal(t, "the clock ran", time.Since(begin) > 2*time.Second, true)
	})
}

// TestOneRequestsTrouble: a panic, a wrong type, and a token that is gone reach
// the request that they belong to, and nobody else in its batch.
func TestOneRequestsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0); s.Set("token", "t"); s.Set("shape", 1) })
		open := func() *sessions.Session { return reload(t, m, s) }
		outcome := map[string]string{}
		var mu sync.Mutex
		save := func(name string, s *sessions.Session) {
			go func() {
				said := "saved"
				defer func() {
					if p := recover(); p != nil {
						said = fmt.Sprint("panic: ", p)
					}
					mu.Lock()
					defer mu.Unlock()
					outcome[name] = said
				}()
				if err := s.Save(context.Background()); err != nil {
					said = fmt.Sprint(sessions.StatusCode(err))
				}
			}()
			synctest.Wait() // they queue in this order
		}
		first := open() // writes alone; what it changes is what the others meet
		first.Set("shape", "another")
		first.Set("bomb", true)

		winner, loser, typed, panics := open(), open(), open(), open()
		sessions.Pop(winner, "token", "")
		sessions.Pop(loser, "token", "")
		loser.Set("loser", true)
		typed.Set("typed", true)
		sessions.Update(typed, "shape", func(n int) int { return n + 1 })
		panics.Set("panics", true)
		calls := 0
		sessions.Update(panics, "n", func(n int) int {
			if calls++; calls > 1 {
				panic("on the second run")
			}
			return n
		})
		ok, last := open(), open()
		sessions.Update(ok, "n", func(n int) int { return n + 1 })
		sessions.Update(last, "n", func(n int) int { return n + 1 })

		save("first", first)
		save("panics", panics)
		save("winner", winner)
		save("loser", loser)
		save("typed", typed)
		save("ok", ok)
		save("last", last)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		mu.Lock()
		outcomes := fmt.Sprint(outcome)
		mu.Unlock()
		equal(t, "outcomes", outcomes,
			"map[first:saved last:saved loser:409 ok:saved panics:panic: on the second run typed:500 winner:saved]")
		equal(t, "stored", sessionText(open()), `{"n":2,"shape":"another","bomb":true}`)
		equal(t, "writes", store.replaces, 2)

		next := open() // the queue works on
		sessions.Update(next, "n", func(n int) int { return n + 1 })
		save("next", next)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		equal(t, "n", sessions.Get(open(), "n", 0), 3)
	})
}

// TestWaiterGivesUp: a save that waits for its turn until its deadline is
// ErrConflict and is not applied; those behind it are.
func TestWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		store.delay = 4 * time.Second
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		begin := time.Now()
		var mu sync.Mutex
		ended := map[string]string{}
		outcome := func() string {
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprint(ended)
		}
		save := func(name string, limit time.Duration) {
			other := reload(t, m, s)
			other.Set(name, true)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				err := other.Save(ctx)
				mu.Lock()
				defer mu.Unlock()
				ended[name] = fmt.Sprint(time.Since(begin), " ", errors.Is(err, sessions.ErrConflict), " ", err == nil)
			}()
			synctest.Wait()
		}
		save("writer", time.Minute)
		save("impatient", 2*time.Second)
		save("patient", time.Minute)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		equal(t, "after 3 s", outcome(), "map[impatient:2s true false]")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		equal(t, "in the end", outcome(), "map[impatient:2s true false patient:8s false true writer:4s false true]")
		equal(t, "stored", sessionText(reload(t, m, s)), `{"n":0,"writer":true,"patient":true}`)
	})
}

// TestConflictsUntilTheDeadline: a store in which somebody is always faster ends
// in ErrConflict when SaveTimeout is over, after attempts that grow rarer.
func TestConflictsUntilTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		store.delay = 0
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		key := s.Key()
		store.replace = func(int, func() (sessions.Record, error)) (sessions.Record, error) {
			current, err := store.Load(context.Background(), key)
			if err != nil {
				return current, err
			}
			return current, sessions.ErrConflict
		}
		begin := time.Now()
		s.Set("a", 1)
		wantError(t, "Save", s.Save(t.Context()), sessions.ErrConflict)
		if took := time.Since(begin); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("it took %v, not SaveTimeout", took)
		}
		equal(t, "status", sessions.StatusCode(sessions.ErrConflict), http.StatusServiceUnavailable)
		if store.replaces < 50 || store.replaces > 5000 {
			t.Errorf("%d attempts in 10 s", store.replaces)
		}
		store.replace = nil // the edit is still there: a second Save may try again
		if err := s.Save(t.Context()); err != nil {
			t.Error(err)
		}
		equal(t, "stored", sessionText(reload(t, m, s)), `{"n":0,"a":1}`)
	})
}

// TestCanceledRequest: a client that hangs up, before a write or during it, does
// not stop it; a logout least of all. A deadline does.
func TestCanceledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		ctx, cancel := context.WithCancel(t.Context())
		s.Set("a", 1)
		time.AfterFunc(time.Second/2, cancel)
		if err := s.Save(ctx); err != nil {
			t.Errorf("Save: %v", err)
		}
		equal(t, "stored", sessionText(reload(t, m, s)), `{"n":0,"a":1}`)
		s.Set("b", 1)
		over, end := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer end()
		wantError(t, "Save, out of time", s.Save(over), context.DeadlineExceeded)
		wantError(t, "CycleKey, out of time", s.CycleKey(over), context.DeadlineExceeded)
		wantError(t, "Flush, out of time", s.Flush(over), context.DeadlineExceeded)
		equal(t, "still there", sessionText(reload(t, m, s)), `{"n":0,"a":1}`)
		if err := s.Save(ctx); err != nil {
			t.Errorf("Save, canceled: %v", err)
		}
		if err := s.CycleKey(ctx); err != nil {
			t.Errorf("CycleKey, canceled: %v", err)
		}
		key := s.Key()
		if err := s.Flush(ctx); err != nil {
			t.Errorf("Flush, canceled: %v", err)
		}
		if ok, err := m.Exists(t.Context(), key); ok || err != nil {
			t.Errorf("after the flush: %v, %v", ok, err)
		}
	})
}

// TestLostReply: a write whose answer is lost is reported, is not sent again,
// and those that wait behind it see what it did.
func TestLostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		store.replace = func(n int, do func() (sessions.Record, error)) (sessions.Record, error) {
			rec, err := do()
			if n == 1 && err == nil {
				return sessions.Record{}, fmt.Errorf("connection lost: %w", sessions.ErrUnknownOutcome)
			}
			return rec, err
		}
		var errs [3]error
		for i := range errs {
			other := reload(t, m, s)
			sessions.Update(other, "n", func(n int) int { return n + 1 })
			go func() { errs[i] = other.Save(context.Background()) }()
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantError(t, "the first", errs[0], sessions.ErrUnknownOutcome)
		equal(t, "its status", sessions.StatusCode(errs[0]), http.StatusServiceUnavailable)
		equal(t, "the others", fmt.Sprint(errs[1:]), "[<nil> <nil>]")
		equal(t, "n", sessions.Get(reload(t, m, s), "n", 0), 3)
		equal(t, "writes", store.replaces, 2)
	})
}

// TestPanickingStore: a store's panic reaches the writer; those in its batch are
// told that nobody knows, and the queue goes on.
func TestPanickingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, store := slowSite(t)
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		store.replace = func(n int, do func() (sessions.Record, error)) (sessions.Record, error) {
			if n == 2 {
				panic("the store's")
			}
			return do()
		}
		var outcomes [5]string
		for i := range outcomes {
			other := reload(t, m, s)
			sessions.Update(other, "n", func(n int) int { return n + 1 })
			if i == 4 {
				time.Sleep(5 * time.Second)
			}
			go func() {
				defer func() {
					if p := recover(); p != nil {
						outcomes[i] = fmt.Sprint("panic: ", p)
					}
				}()
				err := other.Save(context.Background())
				outcomes[i] = fmt.Sprint(errors.Is(err, sessions.ErrUnknownOutcome), " ", err == nil)
			}()
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		equal(t, "outcomes", fmt.Sprint(outcomes), "[false true panic: the store's true false true false false true]")
		equal(t, "n", sessions.Get(reload(t, m, s), "n", 0), 2)
	})
}

// TestOneIsTooLarge: the limit is each request's own trouble.
func TestOneIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{delay: time.Second}
		st := sessions.DefaultSettings()
		st.SecretKey, st.MaxSize = siteSecret, 2000
		m, err := sessions.New(st, slowEngine{store})
		if err != nil {
			t.Fatal(err)
		}
		s := kept(t, m, func(s *sessions.Session) { s.Set("n", 0) })
		var errs [4]error
		for i := range errs {
			other := reload(t, m, s)
			sessions.Update(other, "n", func(n int) int { return n + 1 })
			if i == 2 {
				other.Set("large", string(make([]byte, 3000)))
			}
			go func() { errs[i] = other.Save(context.Background()) }()
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var tooLarge *sessions.TooLargeError
		if !errors.As(errs[2], &tooLarge) || tooLarge.Heaviest[0].Name != "large" {
			t.Errorf("the large one: %v", errs[2])
		}
		equal(t, "the others", fmt.Sprint(errs[0], errs[1], errs[3]), "<nil> <nil> <nil>")
		equal(t, "stored", sessionText(reload(t, m, s)), `{"n":3}`)
	})
}

// TestLastWriterWinsPerName: of one name the later save counts, and nothing is
// merged below it.
func TestLastWriterWinsPerName(t *testing.T) {
	m := newSite(t).Manager
	s := kept(t, m, func(s *sessions.Session) { s.Set("cart", map[string]int{"a": 1}); s.Set("x", 1) })
	one, two, three := reload(t, m, s), reload(t, m, s), reload(t, m, s)
	one.Set("cart", map[string]int{"a": 1, "b": 1})
	two.Set("cart", map[string]int{"a": 1, "c": 1})
	two.Delete("x")
	three.Clear()
	three.Set("y", 1)
	for _, s := range []*sessions.Session{one, two} {
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "two saved last", sessionText(two), `{"cart":{"a":1,"c":1}}`)
	equal(t, "stored", sessionText(reload(t, m, s)), `{"cart":{"a":1,"c":1}}`)
	if err := three.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "Clear takes what others stored", sessionText(reload(t, m, s)), `{"y":1}`)
}
