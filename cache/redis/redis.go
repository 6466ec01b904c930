package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
)

// Cache keeps values in Redis. Make it with New; it is safe for concurrent use.
//
// A write that Redis has acknowledged can still be lost in a failover, since
// replication is asynchronous, and in a restart without persistence.
type Cache struct{ client rueidis.Client }

// New uses a client, which the caller closes. It must not retry commands by
// itself, lest a write whose reply was lost is done twice: set DisableRetry in
// its options. Client-side caching is not used.
func New(client rueidis.Client) *Cache { return &Cache{client} }

// Open connects to the servers that rawURL names, and returns the cache and what
// closes it:
//
//	redis://user:password@host:6379/0       one server
//	rediss://host:6379                      with TLS
//	unix:///run/redis.sock?db=1             a Unix socket
//	redis://a:6379?addr=b:6379&addr=c:6379  a Cluster
//	redis://a:26379?master_set=mymaster     Sentinels
func Open(rawURL string) (*Cache, func(), error) {
	options, err := rueidis.ParseURL(rawURL)
	if err != nil {
		return nil, nil, errors.New("redis: the URL can't be read") // the cause may quote a password
	}
	options.DisableRetry = true
	options.DisableCache = true
	client, err := rueidis.NewClient(options)
	if err != nil {
		return nil, nil, fmt.Errorf("redis: %w", err)
	}
	return New(client), client.Close, nil
}

// swap replaces a value, or removes it, only while it is the old one. It answers
// 1, or what it found instead: false for nothing.
var swap = rueidis.NewLuaScript(`
local found = redis.call('GET', KEYS[1])
if found ~= ARGV[1] then return {0, found} end
if ARGV[3] == '0' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return {1}`, rueidis.WithLoadSHA1(false))

// Get implements cache.Cache.
func (c *Cache) Get(ctx context.Context, key string) (cache.Item, error) {
	value, err := c.client.Do(ctx, c.client.B().Get().Key(key).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return cache.Item{}, cache.ErrMiss
	}
	if err != nil {
		return cache.Item{}, fmt.Errorf("redis: get: %w", err)
	}
	return cache.Item{Value: value}, nil
}

// Add implements cache.Cache.
func (c *Cache) Add(ctx context.Context, key, value string, ttl time.Duration) (cache.Item, error) {
	var command rueidis.Completed
	switch set := c.client.B().Set().Key(key).Value(value).Nx(); {
	case ttl == cache.NoEnd:
		command = set.Build()
	default:
		command = set.PxMilliseconds(milliseconds(max(ttl, 1))).Build()
	}
	err := c.client.Do(ctx, command).Error()
	switch {
	case rueidis.IsRedisNil(err):
		return cache.Item{}, cache.ErrExists
	case err != nil:
		return cache.Item{}, unsure("add", err)
	}
	if ttl <= 0 {
		return cache.Item{Value: value}, c.Delete(ctx, key) // as Django's RedisCache
	}
	return cache.Item{Value: value}, nil
}

// Swap implements cache.Cache, in one round trip.
func (c *Cache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (cache.Item, error) {
	reply, err := swap.Exec(ctx, c.client, []string{key}, []string{old.Value, value, expiry(ttl)}).ToArray()
	if err != nil {
		return cache.Item{}, unsure("swap", err)
	}
	switch done, err := reply[0].ToInt64(); {
	case err != nil:
		return cache.Item{}, unsure("swap", err)
	case done == 1:
		return cache.Item{Value: value}, nil
	case len(reply) < 2 || reply[1].IsNil():
		return cache.Item{}, cache.ErrMiss
	}
	found, err := reply[1].ToString()
	if err != nil {
		return cache.Item{}, fmt.Errorf("redis: swap: %w", err)
	}
	return cache.Item{Value: found}, cache.ErrConflict
}

// Set implements cache.Cache.
func (c *Cache) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if ttl <= 0 {
		return c.Delete(ctx, key)
	}
	command := c.client.B().Set().Key(key).Value(value).Build()
	if ttl != cache.NoEnd {
		command = c.client.B().Set().Key(key).Value(value).PxMilliseconds(milliseconds(ttl)).Build()
	}
	return unsure("set", c.client.Do(ctx, command).Error())
}

// Delete implements cache.Cache.
func (c *Cache) Delete(ctx context.Context, key string) error {
	return unsure("delete", c.client.Do(ctx, c.client.B().Del().Key(key).Build()).Error())
}

// milliseconds rounds up: a value must not end before its time.
func milliseconds(ttl time.Duration) int64 {
	return int64((ttl + time.Millisecond - 1) / time.Millisecond)
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

// unsure says what an error of a write means: when the server has not refused
// it, nobody knows whether it was done.
func unsure(what string, err error) error {
	if err == nil {
		return nil
	}
	var refused *rueidis.RedisError
	if errors.As(err, &refused) {
		return fmt.Errorf("redis: %s: %w", what, err)
	}
	return fmt.Errorf("redis: %s: %w: %w", what, cache.ErrUnknownOutcome, err)
}
