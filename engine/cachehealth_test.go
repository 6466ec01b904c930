package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// sick is a cache that answers as its mode says.
type sick struct {
	cache.Cache
	mode string
}

func (c *sick) Get(ctx context.Context, key string) (cache.Item, error) {
	switch c.mode {
	case "hangs":
		<-ctx.Done()
		return cache.Item{}, ctx.Err()
	case "panics":
		panic("a defect of the client's")
	}
	return c.Cache.Get(ctx, key)
}

func (c *sick) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if c.mode == "hangs" {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.Cache.Set(ctx, key, value, ttl)
}

// sickStore is a store whose cache has the session's key, in good health.
func sickStore(t *testing.T) (*cachedStore, *sick) {
	c := &sick{Cache: cache.NewLocal(cache.LocalOptions{})}
	e := CachedDBEngine{Cache: c}
	e.complete()
	pickle, err := codec.NewPickle(codec.PickleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := newCachedStore(e, sessions.Backend{Store: newMemoryStore(time.Now), Codec: plainCodec{}}, pickle,
		sessions.Settings{Logger: secrettest.Logger()})
	if _, err := s.Create(t.Context(), stageKey, sessions.Record{Data: "v0", Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// TestHangingCache: a cache that hangs takes some of the first request's time and
// nothing of the next ones', also where requests have less time than the cache.
func TestHangingCache(t *testing.T) {
	for _, patience := range []time.Duration{300 * time.Millisecond, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s, c := sickStore(t)
			c.mode = "hangs"
			for i := range 3 {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				rec, err := s.Load(ctx, stageKey)
				cancel()
				took := time.Since(begin)
				if err != nil || rec.Data != "v0" || took > 500*time.Millisecond || i > 0 && took > 0 {
					t.Errorf("request %d with %v: %q, %v after %v", i, patience, rec.Data, err, took)
				}
			}
		})
	}
}

// TestHurriedCaller: one who comes without time says nothing about the cache.
func TestHurriedCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := sickStore(t)
		c.mode = "hangs"
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _ = s.Load(ctx, stageKey)
		if _, read, _ := s.health.usable(time.Now()); !read {
			t.Error("the cache counts as down")
		}
	})
}

// TestCacheComesBack: after the recovery it is read again, whatever became of the
// request that tried first.
func TestCacheComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := sickStore(t)
		c.mode = "hangs"
		if _, err := s.Load(t.Context(), stageKey); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		c.mode = "panics"
		func() {
			defer func() { _ = recover() }()
			_, _ = s.Load(t.Context(), stageKey)
		}()
		c.mode = ""
		for range 5 {
			time.Sleep(time.Second)
			if _, err := s.Load(t.Context(), stageKey); err != nil {
				t.Fatal(err)
			}
		}
		if write, read, _ := s.health.usable(time.Now()); !write || !read {
			t.Errorf("five seconds later it may be written (%v) and read (%v)", write, read)
		}
	})
}

// TestKeysBeingMarked: while somebody marks what the cache has missed, nobody
// reads it.
func TestKeysBeingMarked(t *testing.T) {
	var h cacheHealth
	now := time.Now()
	h.failed(now, false, false) // a read
	now = now.Add(time.Second)
	if _, _, try := h.usable(now); !try {
		t.Fatal("nobody is to try")
	}
	h.failed(now, true, false)                 // a writer fails now,
	h.recovered(now, time.Minute, time.Second) // he who tried has found nothing to mark,
	h.again("k")                               // and the writer remembers its key
	now = now.Add(5 * time.Second)             // for a while nobody comes
	if _, _, try := h.usable(now); !try {
		t.Fatal("nobody is to mark the key")
	}
	if keys := h.take(64); len(keys) != 1 {
		t.Fatal("there is nothing to mark")
	}
	if _, read, _ := h.usable(now); read {
		t.Error("the cache is read while a key is being marked")
	}
}
