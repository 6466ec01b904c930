package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// Cache keeps values in Redis. Make it with Open, OpenOptions or New; it is safe
// for concurrent use.
//
// A write that Redis has acknowledged can still be lost in a failover, since
// replication is asynchronous (see Options.WaitReplicas), and in a restart
// without persistence. Of several servers only a master is read.
type Cache struct {
	client   client
	runs     *runs // nil: of several servers, or a client of somebody else's
	replicas int
	timeout  time.Duration
	copies   *copies // nil: no client-side caching
}

// Open opens the cache that a LOCATION of Django's CACHES names, in any of the
// forms of ParseLocation, and returns it with what closes it. It connects at the
// first use.
func Open(location ...string) (*Cache, func(), error) {
	o, err := ParseLocation(location...)
	if err != nil {
		return nil, nil, err
	}
	return OpenOptions(o)
}

// OpenOptions is Open with more choices.
func OpenOptions(o Options) (*Cache, func(), error) {
	o = o.withDefaults()
	option, err := o.client()
	if err != nil {
		return nil, nil, err
	}
	c := &Cache{replicas: o.WaitReplicas, timeout: o.Timeout}
	if o.ClientCaching > 0 {
		c.copies = &copies{life: o.ClientCaching}
		option.ClientTrackingOptions = []string{"NOLOOP"} // own writes drop their copies
		option.OnInvalidations = c.copies.invalidate
	}
	option.DialCtxFn = dial
	if o.single() {
		c.runs = &runs{username: o.Username, password: o.Password, timeout: o.ConnectTimeout}
		option.DialCtxFn = c.runs.dial
	}
	c.client.option, c.client.runs = option, c.runs
	return c, c.client.close, nil
}

// New uses a client, which the caller closes. Its options must not have it send
// a write twice; rueidis of itself does not. Client-side caching is not used.
func New(client rueidis.Client) *Cache {
	c := &Cache{}
	c.client.ready.Store(&client)
	return c
}

// Epoch implements cache.Epocher: the run of the one server, which each of its
// starts gives a new name. It is "" with a Cluster, with Sentinels, and with a
// client given to New; where the account may not ask (INFO); and once two
// servers were found by turns at one address.
//
// A failover behind one address, as hosted services have, is seen only when
// connections break, or a write is refused by what is now a replica.
func (c *Cache) Epoch(ctx context.Context) (string, error) {
	if c.runs == nil {
		return "", nil
	}
	if name := c.runs.name.Load(); name != nil {
		return *name, nil
	}
	_, err := c.client.get(ctx) // which connects
	name := c.runs.name.Load()
	if name == nil {
		return "", failed("epoch", false, err)
	}
	return *name, nil
}

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, key string) (cache.Item, error) {
	client, err := c.client.get(ctx)
	if err != nil {
		return cache.Item{}, failed("get", false, err)
	}
	value, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return cache.Item{}, cache.ErrMiss
	}
	if err != nil {
		return cache.Item{}, failed("get", false, err)
	}
	return found("get", value)
}

// maxValue is the size in bytes of the largest value that is written, or taken for
// one of ours. Redis itself keeps up to 512 MB.
const maxValue = 64 << 20

// found is a value that is stored.
func found(what, value string) (cache.Item, error) {
	if len(value) > maxValue {
		return cache.Item{}, failed(what, false, errTooLong)
	}
	return cache.Item{Value: value}, nil
}

// checkSize refuses a value that would not be read.
func checkSize(what, value string) error {
	if len(value) > maxValue {
		return failed(what, false, cache.ErrTooLarge)
	}
	return nil
}

var errTooLong = fmt.Errorf("%w: a value of more than %d MiB", cache.ErrCorrupt, maxValue>>20)

// Add implements cache.Cache.
func (c *Cache) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	if err := checkSize("add", value); err != nil {
		return cache.Item{}, err
	}
	if ttl <= 0 { // it would end at once: nothing is to be written
		switch _, err := c.Get(ctx, key); err {
		case nil:
			return cache.Item{}, cache.ErrExists
		case cache.ErrMiss:
			return cache.Item{Value: value}, nil
		default:
			return cache.Item{}, err
		}
	}
	err := c.write(ctx, "add", key, func(b rueidis.Builder) rueidis.Completed {
		if ttl == cache.NoEnd {
			return b.Set().Key(key).Value(value).Nx().Build()
		}
		return b.Set().Key(key).Value(value).Nx().PxMilliseconds(milliseconds(ttl)).Build()
	})
	if err == errNil {
		return cache.Item{}, cache.ErrExists
	}
	return cache.Item{Value: value}, err
}

// Set implements cache.Cache.
func (c *Cache) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if ttl <= 0 {
		return c.Delete(ctx, key)
	}
	if err := checkSize("set", value); err != nil {
		return err
	}
	return c.write(ctx, "set", key, func(b rueidis.Builder) rueidis.Completed {
		if ttl == cache.NoEnd {
			return b.Set().Key(key).Value(value).Build()
		}
		return b.Set().Key(key).Value(value).PxMilliseconds(milliseconds(ttl)).Build()
	})
}

// Delete implements cache.Cache.
func (c *Cache) Delete(ctx context.Context, key string) error {
	return c.write(ctx, "delete", key, func(b rueidis.Builder) rueidis.Completed { return b.Del().Key(key).Build() })
}

// milliseconds rounds up: a value must not end before its time.
func milliseconds(ttl time.Duration) int64 {
	return int64((ttl-1)/time.Millisecond) + 1
}

// expiry is a ttl for the script.
func expiry(ttl time.Duration) string {
	switch {
	case ttl == cache.NoEnd:
		return ""
	case ttl <= 0:
		return "0"
	}
	return strconv.FormatInt(milliseconds(ttl), 10)
}
