package memcached_test

import (
	"context"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/cachetest"
	"github.com/keepsake-go/sessions/cache/memcached"
)

// noted is a cache whose keys the ager gets to know.
type noted struct {
	cache.Cache
	clock *ager
}

func (c noted) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	item, err := c.Cache.Add(ctx, key, value, ttl)
	if err == nil {
		c.clock.note(key)
	}
	return item, err
}

func (c noted) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	err := c.Cache.Set(ctx, key, value, ttl)
	if err == nil {
		c.clock.note(key)
	}
	return err
}

// TestCache puts the cache through the suite, on two clients, as two processes
// would have them.
func TestCache(t *testing.T) {
	servers, addresses := start(t, 1)
	clock := &ager{servers: servers, keys: map[string]bool{}}
	one, two := open(t, memcached.Options{Servers: addresses}), open(t, memcached.Options{Servers: addresses})
	cachetest.Run(t, func(t *testing.T, _ func() time.Time) cache.Cache {
		do(t, servers[0], "flush_all\r\n")
		return noted{one, clock}
	}, cachetest.Options{
		Another:  func(*testing.T, func() time.Time) cache.Cache { return noted{two, clock} },
		NoEnds:   true,
		Round:    time.Second,
		MaxValue: 1 << 19, // its default limit is 1 MB, with the key
		Advance:  clock.age,
	})
}
