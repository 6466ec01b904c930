package engine

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
)

// CacheEngine keeps sessions in a cache and nowhere else: Django's
// django.contrib.sessions.backends.cache. What the cache drops, for want of room
// or in a restart, is lost. Cache makes one with Django's defaults; set the
// fields for anything else. Only Cache is required.
type CacheEngine struct {
	// Cache is where the values are. Every cache of the package cache will do.
	Cache cache.Cache

	// Keys says how the cache's keys are written: KEY_PREFIX and VERSION of
	// Django's CACHES. The zero value is Django's default.
	Keys cache.Keys

	// KeyPrefix stands before the session key: cache_key_prefix of Django's
	// engine. "" is Django's, "django.contrib.sessions.cache".
	KeyPrefix string

	// Codec makes what the values are written with. Nil is Django's, the
	// session's dict, pickled: codec.PickleOptions{}.
	Codec codec.Maker
}

// Cache keeps sessions in c, as a Django with the cache engine on the same cache
// does.
func Cache(c cache.Cache) CacheEngine { return CacheEngine{Cache: c} }

func (e CacheEngine) prefix() string { return cmp.Or(e.KeyPrefix, "django.contrib.sessions.cache") }

// CacheKey is the key in the cache of the session of that key: Django's cache_key.
// Keys.Make makes of it what the server sees.
func (e CacheEngine) CacheKey(key string) string { return e.prefix() + key }

// Open reports a missing cache. It does not ask the cache. Where the cache keeps
// copies of what it has read (cache.Copier), they are read, and ends and changes
// of a key wait until nobody uses one: redis.Options.ClientCaching says more.
//
// A cache that forgets sessions sooner than a site may expect is logged, once; so
// are sessions that the cache has dropped for want of room.
func (e CacheEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	if e.Cache == nil {
		return sessions.Backend{}, errors.New("engine: Cache needs a cache")
	}
	c, err := makeCodec(e.Codec, codec.PickleOptions{}, st)
	if err != nil {
		return sessions.Backend{}, err
	}
	s := &cacheStore{cache: e.Cache, load: e.Cache.Get, keys: e.Keys, prefix: e.prefix(), trace: traceValue, now: st.Clock}
	if copier, ok := e.Cache.(cache.Copier); ok && copier.CopyLife() > 0 {
		s.load, s.copies = copier.GetCopy, copier.CopyLife()
	}
	if _, ok := c.(*codec.JSON); ok {
		s.trace = jsonTrace
	}
	if s.now == nil {
		s.now = time.Now
	}
	watchCache(e.Cache, st)
	return sessions.Backend{Name: "cache", Store: s, Codec: c}, nil
}

// watchCache logs what a site should know of the cache that its sessions are in:
// at once, and whenever the cache drops what has not ended.
func watchCache(c cache.Cache, st sessions.Settings) {
	log := st.Logger
	if log == nil {
		log = slog.Default()
	}
	if caution := cautionOf(c); caution != "" {
		log.Warn("sessions: not every session will last: "+caution, slog.String("cache", fmt.Sprintf("%T", c)))
	}
	if culler, ok := c.(cache.Culler); ok {
		culler.NotifyCull(func(live int) {
			log.Warn("sessions: the cache had too many entries (MAX_ENTRIES) and dropped live ones", slog.Int("dropped", live))
		})
	}
}

// cautionOf is what a cache can't be relied on for, or "".
func cautionOf(c cache.Cache) string {
	if cautioner, ok := c.(cache.Cautioner); ok {
		return cautioner.Caution()
	}
	return ""
}
