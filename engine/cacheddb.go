package engine

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
)

// CachedDBEngine keeps sessions in a database, and in a cache what was read or
// written lately: Django's django.contrib.sessions.backends.cached_db, with the
// same table and the same cache keys. CachedDB makes one with Django's defaults;
// set the fields for anything else. Database.DB and Cache are required.
//
// The database is the truth; a read that the cache answers costs one round trip
// to it. Unlike Django's, the pair is coherent: while a writer reaches the cache,
// a read that starts after an acknowledged write, in whatever process, returns
// that write or a later one, and a session that has ended is never read again;
// also when the cache evicts, is flushed or restarted, and when a process dies.
// docs/cached_db.md says how.
//
// When a writer can't reach the cache, the database acknowledges the write, and
// others who still reach the cache may read what it replaced until EntryLife has
// passed, or the writer reaches the cache again if that is earlier. Strict
// refuses such writes instead.
//
// A cache that is down costs no request: after a failure the cache is left alone
// for a while, and everything goes to the database.
type CachedDBEngine struct {
	// Database is the pair's database, with its table, columns and format. The
	// format has to be one that can be shared with the cache: the default is.
	Database DatabaseEngine

	// Cache is where the values are, the same for all processes: a server, or
	// in a single process cache.Local.
	Cache cache.Cache

	// Keys says how the cache's keys are written: KEY_PREFIX and VERSION of
	// Django's CACHES. The zero value is Django's default.
	Keys cache.Keys

	// KeyPrefix stands before the session key: cache_key_prefix of Django's
	// engine. "" is Django's, "django.contrib.sessions.cached_db".
	KeyPrefix string

	// Pickle says how the session is written for Django to read in the cache.
	Pickle codec.PickleOptions

	// Strict refuses a write that can't tell the cache of it: then no read is
	// ever older than an acknowledged write, whatever fails, and without the
	// cache sessions can be read but not changed. An ErrUnknownOutcome says
	// that the database has the write and the cache could not be told. What a
	// cache server forgets when a replica takes over is beyond it: see
	// EntryLife.
	Strict bool

	// EntryLife is how long a value stays in the cache (0: a minute). It bounds
	// how old a read can be when a writer did not reach the cache, when a
	// replica of the cache that lags behind took over, and when a row was
	// changed by SQL behind Keepsake's and Django's back.
	EntryLife time.Duration

	// Timeout bounds each operation of the cache (0: half a second). When it
	// passes, the cache counts as down.
	Timeout time.Duration
}

// CachedDB keeps sessions in db and, for reading, in c, as a Django with the
// cached_db engine on the same database and cache does.
func CachedDB(db *sql.DB, c cache.Cache) CachedDBEngine {
	return CachedDBEngine{Database: Database(db), Cache: c}
}

func (e CachedDBEngine) prefix() string {
	return cmp.Or(e.KeyPrefix, "django.contrib.sessions.cached_db")
}

// CacheKey is CacheEngine.CacheKey.
func (e CachedDBEngine) CacheKey(key string) string { return e.prefix() + key }

// Open reports a missing cache, durations that make no sense, and what
// DatabaseEngine.Open reports. It asks neither the database nor the cache.
func (e CachedDBEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	backend, err := e.Database.Open(st)
	errs := []error{err}
	if e.Cache == nil {
		errs = append(errs, errors.New("engine: CachedDB needs a cache"))
	}
	for what, d := range map[string]time.Duration{"EntryLife": e.EntryLife, "Timeout": e.Timeout} {
		if d < 0 || d > 0 && d < time.Millisecond {
			errs = append(errs, fmt.Errorf("engine: CachedDB: %s %v is too short", what, d))
		}
	}
	pickle, err := codec.NewPickle(e.Pickle)
	if err := errors.Join(append(errs, err)...); err != nil {
		return sessions.Backend{}, err
	}
	e.complete()
	backend.Name = "cached_db"
	store := newCachedStore(e, backend, pickle, st)
	if _, encrypted := backend.Codec.(*codec.Encrypted); encrypted {
		store.setCodec(backend.Codec)
	}
	backend.Store = store
	if caution := cautionOf(e.Cache); caution != "" {
		store.log.Warn("sessions: cached_db needs a cache that its processes share: "+caution, slog.String("cache", fmt.Sprintf("%T", e.Cache)))
	}
	return backend, nil
}

// complete puts the defaults in.
func (e *CachedDBEngine) complete() {
	e.KeyPrefix = e.prefix()
	if e.EntryLife == 0 {
		e.EntryLife = time.Minute
	}
	if e.Timeout == 0 {
		e.Timeout = 500 * time.Millisecond
	}
}
