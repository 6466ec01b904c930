package memcached

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// ErrInvalidKey: the key has more than 250 bytes, or white space or control
// characters in it: Django's InvalidCacheKey. Every method returns it, Get
// too, since session keys are none of these and so a prefix is wrong.
var ErrInvalidKey = errors.New("the key is longer than 250 bytes or has white space or control characters in it")

// Cache keeps values in memcached. Make it with Open and close it with Close; it
// is safe for concurrent use.
//
// Values are written as pymemcache writes pickled ones (flag 1), and read
// whatever their flags; what pylibmc has compressed is decompressed, to 64 MB at
// most.
//
// A value ends up to three seconds after its time, and not before: memcached counts
// in whole seconds, and begins one whenever it likes. What would end later than
// memcached can count, in January 2038, ends then.
//
// With several servers, each key belongs to one of them. While that server is
// away, all calls for its keys fail. pymemcache in its default settings behaves
// otherwise: it takes other servers meanwhile, and sees old values when the
// server is back.
type Cache struct {
	servers      []*server
	distribution Distribution
	now          func() time.Time
}

var _ cache.Cache = (*Cache)(nil)

// Close closes the connections; calls that are under way end as they would.
// Later calls fail with net.ErrClosed.
func (c *Cache) Close() error {
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, key string) (item cache.Item, err error) {
	err = c.do(ctx, "get", key, func(cn *conn) error {
		item, err = cn.get(key)
		return err
	})
	return item, err
}

// Add implements cache.Cache.
func (c *Cache) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	err := c.do(ctx, "add", key, func(cn *conn) error {
		answer, err := cn.store("add", key, value, c.exptime(ttl), 0)
		if err == nil && answer != "STORED" {
			return cache.ErrExists
		}
		return err
	})
	if err != nil {
		return cache.Item{}, err
	}
	return cache.Item{Value: value}, nil
}

// Swap implements cache.Cache: one round trip where old comes from Get, else two.
func (c *Cache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (item cache.Item, err error) {
	err = c.do(ctx, "swap", key, func(cn *conn) error {
		item, err = cn.swap(key, old, value, c.exptime(ttl))
		return err
	})
	return item, err
}

// swap is Cache.Swap. All of it is done on one connection, so that one run of the
// server answers.
func (c *conn) swap(key string, old cache.Item, value string, exptime int64) (cache.Item, error) {
	version, ok := old.Token.(token)
	if !ok || !c.knows(version) {
		found, err := c.get(key)
		switch {
		case err != nil:
			return cache.Item{}, err
		case found.Value != old.Value:
			return found, cache.ErrConflict
		}
		version = found.Token.(token)
	}
	if version.cas == 0 {
		return cache.Item{}, errNoVersions
	}
	answer, err := c.store("cas", key, value, exptime, version.cas)
	switch {
	case err != nil:
		return cache.Item{}, err
	case answer == "STORED":
		return cache.Item{Value: value}, nil
	}
	found, err := c.get(key)
	if err != nil {
		return cache.Item{}, err
	}
	return found, cache.ErrConflict
}

// Set implements cache.Cache, with memcached's replace or add: its set removes
// what is stored when it refuses the new value.
func (c *Cache) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if ttl <= 0 {
		return c.Delete(ctx, key)
	}
	exptime := c.exptime(ttl)
	return c.do(ctx, "set", key, func(cn *conn) error {
		for {
			for _, verb := range []string{"replace", "add"} {
				if answer, err := cn.store(verb, key, value, exptime, 0); err != nil || answer == "STORED" {
					return err
				}
			}
		}
	})
}

// Delete implements cache.Cache.
func (c *Cache) Delete(ctx context.Context, key string) error {
	return c.do(ctx, "delete", key, func(cn *conn) error { return cn.delete(key) })
}

// do lets f talk to the server that has the key.
func (c *Cache) do(ctx context.Context, what, key string, f func(*conn) error) error {
	if !c.validKey(key) {
		return fmt.Errorf("memcached: %s: %w", what, ErrInvalidKey)
	}
	err := c.pick(key).do(ctx, f)
	switch err {
	case nil, cache.ErrMiss, cache.ErrExists, cache.ErrConflict:
		return err
	}
	return fmt.Errorf("memcached: %s: %w", what, err)
}

func (c *Cache) validKey(key string) bool {
	if key == "" || len(key) > 250 {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] == 0x7f || key[i] > 0x7f && c.distribution == Modula && len(c.servers) > 1 {
			return false
		}
	}
	return true
}

// exptime is a ttl as memcached wants it: whole seconds; the Unix time above 30
// days; 0 for no end; negative for one that is over.
func (c *Cache) exptime(ttl time.Duration) int64 {
	const month = 30 * 24 * 60 * 60
	switch {
	case ttl == cache.NoEnd:
		return 0
	case ttl <= 0:
		return -1
	}
	// One second more than rounding up: memcached's own second may be about over.
	if seconds := ceil(ttl) + 1; seconds <= month {
		return seconds
	}
	end := c.now().Unix() + 1 + ceil(ttl) + 1
	return min(end, math.MaxInt32) // memcached takes a greater one for negative
}

// ceil is a duration in seconds, rounded up.
func ceil(d time.Duration) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return seconds
}
