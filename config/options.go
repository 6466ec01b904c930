package config

import (
	"database/sql"
	"log/slog"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
)

// Options are what a configuration can refer to by name, and where it is read
// from. The zero value knows the engines and the caches that need no driver.
// Nothing is registered globally: two Options don't know of each other.
type Options struct {
	// Databases open databases, by the ENGINE of Django's DATABASES:
	// "django.db.backends.postgresql", which the settings may shorten to
	// "postgresql". Those of config/drivers are sqlite3, postgresql and mysql.
	Databases map[string]OpenDatabase

	// Caches open caches, by the BACKEND of Django's CACHES:
	// "django.core.cache.backends.redis.RedisCache". Those without a driver
	// (locmem, dummy, filebased, db) are known already.
	Caches map[string]OpenCache

	// Engines make engines of one's own, by their SESSION_ENGINE:
	// "mysite.sessions".
	Engines map[string]MakeEngine

	// Serializers are SESSION_SERIALIZERs of one's own: "mysite.MsgPack".
	Serializers map[string]codec.Serializer

	// KeyFunctions are the KEY_FUNCTIONs that CACHES name. They must be pure.
	KeyFunctions map[string]func(key, prefix string, version int) string

	// Environ is the environment, as os.Environ returns it. Nil is os.Environ();
	// to read none pass an empty slice.
	Environ []string

	// Logger gets the warnings, and is the Manager's. Nil is slog.Default().
	Logger *slog.Logger
}

// OpenDatabase opens a database. It sends nothing: servers are reached at the
// first use. It refuses what it can't honour with Database.Errorf.
type OpenDatabase func(Database) (*sql.DB, error)

// OpenCache opens a cache. It sends nothing: servers are reached at the first
// use. It refuses what it can't honour with Cache.Errorf.
type OpenCache func(Cache) (OpenedCache, error)

// OpenedCache is what an OpenCache opens.
type OpenedCache struct {
	Cache cache.Cache

	// Codec makes what the cache engine writes values with, where the cache's
	// OPTIONS say so. Nil is Django's pickle.
	Codec codec.Maker

	// Close ends the connections. Nil: there is nothing to end.
	Close func() error
}

// MakeEngine makes an engine of one's own from what the configuration has.
type MakeEngine func(*Resources) (sessions.Engine, error)
