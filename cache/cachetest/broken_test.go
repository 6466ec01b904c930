package cachetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/keepsake-go/sessions/cache"
)

// recorder is a tester that collects what the suite says.
type recorder struct {
	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// verdict is what the suite says of a cache, a Local that is spoiled.
func verdict(ctx context.Context, spoil func(*inner) cache.Cache, cases []contractCase) string {
	var said []string
	for _, c := range cases {
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e := newEnv(r, ctx, Options{MaxValue: 1 << 16})
			local := cache.NewLocal(cache.LocalOptions{Clock: e.clock.now})
			e.a = spoil(&inner{Cache: local})
			e.b = e.a
			c.run(e)
		}()
		<-done
		for _, text := range r.said {
			said = append(said, c.name+": "+text)
		}
	}
	return strings.Join(said, "\n")
}

// inner is a correct cache.
type inner struct{ cache.Cache }

// TestCorrectCachePasses shows that the recorder itself finds nothing.
func TestCorrectCachePasses(t *testing.T) {
	if said := verdict(t.Context(), func(c *inner) cache.Cache { return c }, cases); said != "" {
		t.Errorf("the suite says of a correct cache:\n%s", said)
	}
}

// TestBrokenCachesAreRejected gives the suite caches with one defect each.
func TestBrokenCachesAreRejected(t *testing.T) {
	for _, broken := range []struct {
		name  string
		spoil func(*inner) cache.Cache
		rules []string // which the suite must name
		alone bool     // it is a data race by nature: nothing parallel for it
	}{
		{"a Swap that upserts", func(c *inner) cache.Cache { return upserting{c} }, []string{ruleNoCreation, ruleExpired, ruleStaysDead}, false},
		{"a Swap that compares nothing", func(c *inner) cache.Cache { return careless{c} }, []string{ruleConflict, ruleLinear, ruleOneWins}, false},
		{"a comparison and a write that are two steps", func(c *inner) cache.Cache { return racing{c} }, []string{ruleLinear, ruleOneWins}, false},
		{"a conflict without the present item", func(c *inner) cache.Cache { return stale{c} }, []string{ruleConflict}, false},
		{"a Swap that needs the token", func(c *inner) cache.Cache { return tokenOnly{c} }, []string{ruleBytes}, false},
		{"a Swap whose item is not known again", func(c *inner) cache.Cache { return forgetful{c} }, []string{ruleSwap}, false},
		{"an Add that overwrites", func(c *inner) cache.Cache { return overwriting{c} }, []string{ruleExists, ruleOneAdds}, false},
		{"an Add that looks first", func(c *inner) cache.Cache { return looking{c} }, []string{ruleOneAdds}, false},
		{"an Add that sees the dead", func(c *inner) cache.Cache { return &haunted{inner: c, dead: map[string]bool{}} }, []string{ruleExpired}, false},
		{"a Set that only adds", func(c *inner) cache.Cache { return timid{c} }, []string{ruleSet}, false},
		{"a Delete that complains", func(c *inner) cache.Cache { return complaining{c} }, []string{ruleDeleteNone}, false},
		{"a Delete that does nothing", func(c *inner) cache.Cache { return keeping{c} }, []string{ruleDelete, ruleStaysDead}, false},
		{"keys without case", func(c *inner) cache.Cache { return keyed{c, strings.ToLower} }, []string{ruleKeys}, false},
		{"keys cut to 60 characters", func(c *inner) cache.Cache { return keyed{c, func(k string) string { return k[:min(len(k), 60)] }} }, []string{ruleKeys}, false},
		{"keys trimmed", func(c *inner) cache.Cache { return keyed{c, strings.TrimSpace} }, []string{ruleKeys}, false},
		{"values cut", func(c *inner) cache.Cache {
			return valued{c, func(v string) string { return v[:min(len(v), 1<<15)] }}
		}, []string{ruleValues}, false},
		{"values cut at NUL", func(c *inner) cache.Cache {
			return valued{c, func(v string) string { v, _, _ = strings.Cut(v, "\x00"); return v }}
		}, []string{ruleValues}, false},
		{"values trimmed", func(c *inner) cache.Cache { return valued{c, strings.TrimSpace} }, []string{ruleValues}, false},
		{"values as UTF-8", func(c *inner) cache.Cache {
			return valued{c, func(v string) string { return strings.ToValidUTF8(v, "\ufffd") }}
		}, []string{ruleValues}, false},
		{"a buffer used again", func(c *inner) cache.Cache { return &reusing{inner: c} }, []string{ruleAliasing}, true},
		{"expiry forgotten", func(c *inner) cache.Cache {
			return timed{c, func(ttl time.Duration) time.Duration {
				if ttl > 0 {
					return cache.NoEnd
				}
				return ttl
			}}
		}, []string{ruleTime, ruleEnds}, false},
		{"a ttl rounded down", func(c *inner) cache.Cache {
			return timed{c, func(ttl time.Duration) time.Duration { return ttl.Truncate(time.Second) }}
		}, []string{ruleRound}, false},
		{"no ttl that means for ever", func(c *inner) cache.Cache {
			return timed{c, func(ttl time.Duration) time.Duration {
				if ttl <= 0 {
					return cache.NoEnd
				}
				return ttl
			}}
		}, []string{ruleAtOnce}, false},
		{"NoEnd that ends", func(c *inner) cache.Cache {
			return timed{c, func(ttl time.Duration) time.Duration { return min(ttl, 30*24*time.Hour) }}
		}, []string{ruleNoEnd, ruleEnds}, false},
		{"a failure that reads as a miss", func(c *inner) cache.Cache { return blind{c} }, []string{ruleContext}, false},
		{"a failure that reads as a conflict", func(c *inner) cache.Cache { return touchy{c} }, []string{ruleContext}, false},
		{"an ended context ignored", func(c *inner) cache.Cache { return deaf{c} }, []string{ruleContext}, false},
	} {
		t.Run(broken.name, func(t *testing.T) {
			run := cases
			if broken.alone {
				run = valueCases
			}
			said := verdict(t.Context(), broken.spoil, run)
			for _, rule := range broken.rules {
				if !strings.Contains(said, rule) {
					t.Errorf("the suite does not complain of:\n%s\nbut says:\n%.2000s", rule, said)
				}
			}
		})
	}
}

type (
	ctx  = context.Context
	item = cache.Item
	ttl  = time.Duration
)

type upserting struct{ *inner }

func (c upserting) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	got, err := c.inner.Swap(x, key, old, value, d)
	if errors.Is(err, cache.ErrMiss) {
		return c.Add(x, key, value, d)
	}
	return got, err
}

type careless struct{ *inner }

func (c careless) Swap(x ctx, key string, _ item, value string, d ttl) (item, error) {
	for {
		current, err := c.Get(x, key)
		if err != nil {
			return item{}, err
		}
		if got, err := c.inner.Swap(x, key, current, value, d); !errors.Is(err, cache.ErrConflict) {
			return got, err
		}
	}
}

type racing struct{ *inner }

func (c racing) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	current, err := c.Get(x, key)
	if err == nil && current.Value != old.Value {
		return current, cache.ErrConflict
	}
	if err != nil {
		return item{}, err
	}
	time.Sleep(100 * time.Microsecond)
	return careless(c).Swap(x, key, old, value, d)
}

type stale struct{ *inner }

func (c stale) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	got, err := c.inner.Swap(x, key, old, value, d)
	if errors.Is(err, cache.ErrConflict) {
		return old, err
	}
	return got, err
}

type tokenOnly struct{ *inner }

func (c tokenOnly) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	if old.Token == nil {
		old.Token = "none"
	}
	return c.inner.Swap(x, key, old, value, d)
}

// forgetful returns items of which it does not know any more that they are its own.
type forgetful struct{ *inner }

func (c forgetful) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	got, err := c.inner.Swap(x, key, old, value, d)
	if err == nil {
		got.Token = "none"
	}
	return got, err
}

type overwriting struct{ *inner }

func (c overwriting) Add(x ctx, key, value string, d ttl) (item, error) {
	if err := c.Set(x, key, value, d); err != nil {
		return item{}, err
	}
	return item{Value: value}, nil
}

type looking struct{ *inner }

func (c looking) Add(x ctx, key, value string, d ttl) (item, error) {
	if _, err := c.Get(x, key); !errors.Is(err, cache.ErrMiss) {
		if err == nil {
			err = cache.ErrExists
		}
		return item{}, err
	}
	time.Sleep(100 * time.Microsecond)
	return overwriting(c).Add(x, key, value, d)
}

type haunted struct {
	*inner
	mu   sync.Mutex
	dead map[string]bool
}

func (c *haunted) Add(x ctx, key, value string, d ttl) (item, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead[key] {
		return item{}, cache.ErrExists
	}
	c.dead[key] = true
	return c.inner.Add(x, key, value, d)
}

func (c *haunted) Delete(x ctx, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.dead, key)
	return c.inner.Delete(x, key)
}

type timid struct{ *inner }

func (c timid) Set(x ctx, key, value string, d ttl) error {
	_, err := c.Add(x, key, value, d)
	if errors.Is(err, cache.ErrExists) {
		return nil
	}
	return err
}

type complaining struct{ *inner }

func (c complaining) Delete(x ctx, key string) error {
	if _, err := c.Get(x, key); err != nil {
		return err
	}
	return c.inner.Delete(x, key)
}

type keeping struct{ *inner }

func (c keeping) Delete(x ctx, _ string) error { return x.Err() }

// keyed changes keys.
type keyed struct {
	*inner
	change func(string) string
}

func (c keyed) Get(x ctx, key string) (item, error) { return c.inner.Get(x, c.change(key)) }

func (c keyed) Add(x ctx, key, value string, d ttl) (item, error) {
	return c.inner.Add(x, c.change(key), value, d)
}

func (c keyed) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	return c.inner.Swap(x, c.change(key), old, value, d)
}

func (c keyed) Set(x ctx, key, value string, d ttl) error {
	return c.inner.Set(x, c.change(key), value, d)
}

func (c keyed) Delete(x ctx, key string) error { return c.inner.Delete(x, c.change(key)) }

// valued changes values.
type valued struct {
	*inner
	change func(string) string
}

func (c valued) Add(x ctx, key, value string, d ttl) (item, error) {
	return c.inner.Add(x, key, c.change(value), d)
}

func (c valued) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	return c.inner.Swap(x, key, old, c.change(value), d)
}

func (c valued) Set(x ctx, key, value string, d ttl) error {
	return c.inner.Set(x, key, c.change(value), d)
}

// timed changes ttls.
type timed struct {
	*inner
	change func(ttl) ttl
}

func (c timed) Add(x ctx, key, value string, d ttl) (item, error) {
	return c.inner.Add(x, key, value, c.change(d))
}

func (c timed) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	return c.inner.Swap(x, key, old, value, c.change(d))
}

func (c timed) Set(x ctx, key, value string, d ttl) error {
	return c.inner.Set(x, key, value, c.change(d))
}

// reusing returns strings over one buffer.
type reusing struct {
	*inner
	buffer [2 << 20]byte
}

func (c *reusing) Get(x ctx, key string) (item, error) {
	got, err := c.inner.Get(x, key)
	got.Value = unsafe.String(&c.buffer[0], copy(c.buffer[:], got.Value))
	return got, err
}

type blind struct{ *inner }

func (c blind) Get(x ctx, key string) (item, error) {
	if x.Err() != nil {
		return item{}, cache.ErrMiss
	}
	return c.inner.Get(x, key)
}

type touchy struct{ *inner }

func (c touchy) Swap(x ctx, key string, old item, value string, d ttl) (item, error) {
	if x.Err() != nil {
		return old, cache.ErrConflict
	}
	return c.inner.Swap(x, key, old, value, d)
}

type deaf struct{ *inner }

func (c deaf) Set(x ctx, key, value string, d ttl) error {
	return c.inner.Set(context.WithoutCancel(x), key, value, d)
}
