package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
)

// TestTimeoutsOfEngines: a visitor who reads every five minutes is under the same
// timeouts on every engine.
func TestTimeoutsOfEngines(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) sessions.Engine{
		"memory":            func(*testing.T) sessions.Engine { return engine.Memory() },
		"file":              func(t *testing.T) sessions.Engine { return engine.File(t.TempDir()) },
		"cache":             func(*testing.T) sessions.Engine { return openedCache{} },
		"signed cookies":    func(*testing.T) sessions.Engine { return engine.SignedCookies() },
		"encrypted cookies": func(*testing.T) sessions.Engine { return engine.EncryptedCookies() },
	} {
		for _, own := range []string{"default expiry", "browser close", "fixed expiry"} {
			t.Run(name+", "+own, func(t *testing.T) {
				v, now := cookieSite(t, open(t), func(st *sessions.Settings) {
					st.Timeouts = sessions.Timeouts{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}
				})
				begin := func() {
					v.visit(func(s *sessions.Session) {
						s.Set("user", "ann")
						switch own {
						case "browser close":
							s.ExpireAtBrowserClose()
						case "fixed expiry":
							s.ExpireAt(now.Add(24 * time.Hour))
						}
					})
				}
				user := func() (user string) {
					v.visit(func(s *sessions.Session) { user = sessions.Get(s, "user", "nobody") })
					return user
				}

				begin()
				for at := 5 * time.Minute; at < 2*time.Hour; at += 5 * time.Minute {
					*now = now.Add(5 * time.Minute)
					if got := user(); got != "ann" {
						t.Fatalf("after %v: %s", at, got)
					}
				}
				cookie := v.cookie
				*now = now.Add(5 * time.Minute)
				if got := user(); got != "nobody" {
					t.Errorf("after the deadline: %s", got)
				}
				v.cookie = cookie // a browser that keeps it
				if got := user(); got != "nobody" {
					t.Errorf("after the deadline, again: %s", got)
				}

				v.cookie = ""
				begin()
				*now = now.Add(29 * time.Minute)
				if got := user(); got != "ann" {
					t.Errorf("within the idle time: %s", got)
				}
				*now = now.Add(30 * time.Minute)
				if got := user(); got != "nobody" {
					t.Errorf("after the idle time: %s", got)
				}
			})
		}
	}
}

// openedCache is the cache engine on a cache that does not say when its values
// end, as most don't.
type openedCache struct{}

func (openedCache) Open(st sessions.Settings) (sessions.Backend, error) {
	return engine.Cache(silentCache{cache.NewLocal(cache.LocalOptions{Clock: st.Clock})}).Open(st)
}

type silentCache struct{ cache.Cache }

func (c silentCache) Get(ctx context.Context, key string) (cache.Item, error) {
	item, err := c.Cache.Get(ctx, key)
	item.Ends = time.Time{}
	return item, err
}

// touchCounter counts what a silentCache is told.
type touchCounter struct {
	cache.Cache
	swaps int
}

func (c *touchCounter) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	c.swaps++
	return c.Cache.Swap(ctx, key, old, value, ttl)
}

// A process that can't see the stored expiry writes it no more often than one
// that can.
func TestTouchesOfSilentCache(t *testing.T) {
	now := time.Now
	counter := &touchCounter{Cache: silentCache{cache.NewLocal(cache.LocalOptions{Clock: func() time.Time { return now() }})}}
	v, clock := cookieSite(t, engine.Cache(counter), func(st *sessions.Settings) { st.Timeouts = sessions.AAL2() })
	now = func() time.Time { return *clock }
	v.visit(func(s *sessions.Session) { s.Set("user", "ann") })
	const requests = 1000
	for range requests {
		*clock = clock.Add(time.Second)
		v.visit(func(s *sessions.Session) {
			if !s.Has("user") {
				t.Fatal("the session has ended")
			}
		})
	}
	// The first of them, since nothing says what is stored, then one a minute.
	if want := 1 + (requests-1)/60; counter.swaps != want {
		t.Errorf("%d requests in as many seconds: %d expiry writes, not %d", requests, counter.swaps, want)
	}
}

// undated is a cookie engine whose codec keeps no date.
type undated struct{ sessions.Codec }

func (u undated) Open(sessions.Settings) (sessions.Backend, error) {
	return sessions.Backend{Name: "undated", Codec: u}, nil
}

// What an engine can't do is refused.
func TestIdleWithoutADate(t *testing.T) {
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for tests of cookie engines, long enough for Django"
	signed, err := engine.SignedCookies().Open(st)
	if err != nil {
		t.Fatal(err)
	}
	st.Timeouts.Idle = time.Minute
	if _, err := sessions.New(st, undated{signed.Codec}); !errors.Is(err, sessions.ErrUnsupported) {
		t.Errorf("New: %v", err)
	}
	st.Timeouts = sessions.AAL1()
	if _, err := sessions.New(st, undated{signed.Codec}); err != nil {
		t.Errorf("New with an absolute timeout: %v", err)
	}
}
