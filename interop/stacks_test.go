package interop

import (
	"database/sql"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/memcached"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// A stack is an engine on a server: a row of the matrix for every Django.
type stack struct {
	engine string // Django's name
	server string
	since  [2]int // the first Django that has it
	json   bool   // of the cache's serializer
	needs  string // the Python modules of its clients, with spaces between
	alike  bool   // so much like another that it is not hammered

	// share makes an empty store, and says how each side gets at it.
	share func(t testing.TB) ground
}

// A ground is a store that Django and Keepsake share.
type ground struct {
	django func(v variant) djangoSettings // beside those of every variant
	engine func(v variant) sessions.Engine

	prepare []string // what Django is asked to do first

	db       *sql.DB        // of a table of sessions
	database map[string]any // the same for Django
	age      func(t testing.TB, key string, d time.Duration)

	dir string // of files
}

// A variant is what sites set differently, on both sides alike.
type variant struct {
	useTZ      bool
	zone       string
	storeClass string // the name of Django's SessionStore; "": SessionStore
	cookieName string
	prefix     string // KEY_PREFIX
	version    int    // VERSION; 0 is 1
	serializer codec.Serializer
}

func (v variant) keys() cache.Keys { return cache.Keys{Prefix: v.prefix, Version: v.version} }

var standard = variant{useTZ: true, zone: "UTC", cookieName: "sessionid"}

func (s *stack) name() string { return s.engine + "/" + s.server }

// What the engines differ in.
func (s *stack) cookie() bool  { return s.engine == "signed_cookies" }
func (s *stack) file() bool    { return s.engine == "file" }
func (s *stack) pickled() bool { return s.engine == "cache" && !s.json }
func (s *stack) table() bool   { return s.engine == "db" || s.engine == "cached_db" }
func (s *stack) cached() bool  { return s.engine == "cache" || s.engine == "cached_db" }

// The rows of the matrix.
var stacks = []stack{
	{engine: "db", server: "SQLite", share: onDatabase(onSQLite)},
	{engine: "db", server: "PostgreSQL", needs: "psycopg2", share: onDatabase(onPostgres)},
	{engine: "db", server: "MariaDB", needs: "MySQLdb", share: onDatabase(onMariaDB)},
	{engine: "file", server: "folder", share: onFiles},
	{engine: "signed_cookies", server: "browser", share: onCookies},
	{engine: "cache", server: "Redis", since: [2]int{4, 0}, needs: "redis", share: onCache(djangosRedis)},
	{engine: "cache", server: "Redis, django-redis", needs: "redis django_redis", share: onCache(djangoRedis)},
	{engine: "cache", server: "Redis, django-redis, zlib", needs: "redis django_redis", share: onCache(djangoRedisWith(
		"COMPRESSOR", "django_redis.compressors.zlib.ZlibCompressor", codec.PickleOptions{Protocol: 4, Zlib: true},
	))},
	{engine: "cache", server: "Redis, django-redis, JSON", json: true, needs: "redis django_redis", share: onCache(djangoRedisWith(
		"SERIALIZER", "django_redis.serializers.json.JSONSerializer", codec.JSONOptions{Spaces: true},
	))},
	{engine: "cache", server: "Memcached", needs: "pymemcache", share: onCache(pyMemcache)},
	{engine: "cache", server: "Memcached, pylibmc", needs: "pylibmc", share: onCache(pyLibMC)},
	{engine: "cache", server: "files", share: onCache(fileBased)},
	{engine: "cache", server: "SQLite", share: onCache(inDatabase(onSQLite))},
	{engine: "cache", server: "PostgreSQL", needs: "psycopg2", share: onCache(inDatabase(onPostgres))},
	{engine: "cache", server: "MariaDB", needs: "MySQLdb", share: onCache(inDatabase(onMariaDB))},
	{engine: "cached_db", server: "SQLite+Redis", since: [2]int{4, 0}, needs: "redis", share: onCachedDB(onSQLite, djangosRedis)},
	{engine: "cached_db", server: "PostgreSQL+Redis, django-redis", needs: "psycopg2 redis django_redis", share: onCachedDB(onPostgres, djangoRedis)},
	{engine: "cached_db", server: "MariaDB+Memcached", needs: "MySQLdb pymemcache", share: onCachedDB(onMariaDB, pyMemcache)},
}

// Django's cache backends that have a server.
var (
	djangosRedis = redisCache("django.core.cache.backends.redis.RedisCache")
	djangoRedis  = redisCache("django_redis.cache.RedisCache")
	pyMemcache   = memcachedCache("django.core.cache.backends.memcached.PyMemcacheCache")
	pyLibMC      = memcachedCache("django.core.cache.backends.memcached.PyLibMCCache")
)

// onDatabase is the db engine.
func onDatabase(open func(testing.TB) (*sql.DB, map[string]any)) func(testing.TB) ground {
	return func(t testing.TB) ground {
		db, django := open(t)
		return ground{
			db: db, database: django, prepare: []string{"migrate"},
			django: func(variant) djangoSettings {
				return djangoSettings{"SESSION_ENGINE": "django.contrib.sessions.backends.db", "DATABASES": databases(django)}
			},
			engine: func(v variant) sessions.Engine {
				return engine.DatabaseEngine{DB: db, Codec: v.codec()}
			},
		}
	}
}

// codec is that of Django's engines whose salt is the name of the class.
func (v variant) codec() codec.Maker {
	o := codec.SignedOptions{Serializer: v.serializer}
	if v.storeClass != "" {
		o.Salt = "django.contrib.sessions." + v.storeClass
	}
	return o
}

func openDB(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	check(t, err)
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func onSQLite(t testing.TB) (*sql.DB, map[string]any) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "db.sqlite3")
	return openDB(t, "sqlite", "file:"+file+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"), sqliteDatabase(file)
}

func onPostgres(t testing.TB) (*sql.DB, map[string]any) {
	t.Helper()
	return openPostgres(t, testserver.SharedPostgres(t).URL())
}

func openPostgres(t testing.TB, raw string) (*sql.DB, map[string]any) {
	t.Helper()
	u, err := url.Parse(raw)
	check(t, err)
	password, _ := u.User.Password()
	return openDB(t, "pgx", raw), server("postgresql", u.Host, u.User.Username(), password, u.Path[1:])
}

func onMariaDB(t testing.TB) (*sql.DB, map[string]any) {
	t.Helper()
	raw := testserver.SharedMariaDB(t).DSN("")
	c, err := mysql.ParseDSN(raw)
	check(t, err)
	return openDB(t, "mysql", raw), server("mysql", c.Addr, c.User, c.Passwd, c.DBName)
}

func server(kind, addr, user, password, name string) map[string]any {
	host, port, _ := net.SplitHostPort(addr)
	return map[string]any{
		"ENGINE": "django.db.backends." + kind, "HOST": host, "PORT": port, "USER": user, "PASSWORD": password, "NAME": name,
	}
}

// onFiles is the file engine.
func onFiles(t testing.TB) ground {
	dir := t.TempDir()
	return ground{
		django: func(variant) djangoSettings {
			return djangoSettings{"SESSION_ENGINE": "django.contrib.sessions.backends.file", "SESSION_FILE_PATH": dir}
		},
		engine: func(v variant) sessions.Engine { return engine.FileEngine{Dir: dir, Codec: v.codec()} },
		dir:    dir,
		age: func(t testing.TB, key string, d time.Duration) {
			then := time.Now().Add(-d)
			check(t, os.Chtimes(filepath.Join(dir, standard.cookieName+key), then, then))
		},
	}
}

// onCookies is the signed_cookies engine.
func onCookies(testing.TB) ground {
	return ground{
		django: func(variant) djangoSettings {
			return djangoSettings{"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}
		},
		engine: func(v variant) sessions.Engine { return engine.SignedCookiesEngine{Serializer: v.serializer} },
	}
}

// longTimeout is for machines with a lot to do.
const longTimeout = time.Minute

// A sharedCache is a cache of Django's, and the same here.
type sharedCache struct {
	django  map[string]any // of CACHES
	more    djangoSettings
	prepare []string
	cache   func(v variant) cache.Cache
	codec   codec.Maker
	dir     string // of files
}

// always is a cache that is the same for every variant.
func always(c cache.Cache) func(variant) cache.Cache { return func(variant) cache.Cache { return c } }

// caches are Django's CACHES.
func (c sharedCache) caches(v variant) map[string]any {
	settings := map[string]any{"KEY_PREFIX": v.prefix, "VERSION": max(v.version, 1)}
	maps.Copy(settings, c.django)
	return map[string]any{"default": settings}
}

// redisCache is a Redis server of its own with a backend of Django's.
func redisCache(backend string) func(testing.TB) sharedCache {
	return func(t testing.TB) sharedCache {
		s := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
		c, end, err := redis.Open(s.URL())
		check(t, err)
		t.Cleanup(end)
		return sharedCache{django: map[string]any{"BACKEND": backend, "LOCATION": s.URL()}, cache: always(c)}
	}
}

// djangoRedisWith is django-redis with an option and what goes with it here.
func djangoRedisWith(option, value string, maker codec.Maker) func(testing.TB) sharedCache {
	return func(t testing.TB) sharedCache {
		c := djangoRedis(t)
		c.django["OPTIONS"] = map[string]any{option: value}
		c.codec = maker
		return c
	}
}

// memcachedCache is a Memcached server of its own with a backend of Django's.
func memcachedCache(backend string) func(testing.TB) sharedCache {
	return func(t testing.TB) sharedCache {
		s := testserver.Memcached(t)
		c, err := memcached.Open(memcached.Options{Servers: []string{s.Addr}, Timeout: longTimeout})
		check(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return sharedCache{django: map[string]any{"BACKEND": backend, "LOCATION": s.Addr}, cache: always(c)}
	}
}

// fileBased is Django's FileBasedCache.
func fileBased(t testing.TB) sharedCache { return fileBasedAt(nil)(t) }

// fileBasedAt is the same with a clock.
func fileBasedAt(clock func() time.Time) func(testing.TB) sharedCache {
	return func(t testing.TB) sharedCache {
		dir := filepath.Join(t.TempDir(), "cache")
		c, err := cache.NewFileBased(cache.FileBasedOptions{Dir: dir, Clock: clock})
		check(t, err)
		return sharedCache{
			cache: always(c), dir: dir,
			django: map[string]any{
				"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": dir,
				"OPTIONS": map[string]any{"MAX_ENTRIES": 100_000},
			},
		}
	}
}

// inDatabase is Django's DatabaseCache.
func inDatabase(open func(testing.TB) (*sql.DB, map[string]any)) func(testing.TB) sharedCache {
	return func(t testing.TB) sharedCache {
		const table = "cache_table"
		db, django := open(t)
		return sharedCache{
			prepare: []string{"createcachetable"},
			more:    djangoSettings{"DATABASES": databases(django)},
			django: map[string]any{
				"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": table,
				"OPTIONS": map[string]any{"MAX_ENTRIES": 100_000},
			},
			cache: func(v variant) cache.Cache {
				o := cache.DatabaseOptions{Table: table}
				if !v.useTZ {
					o.TimeZone = zone(t, v.zone)
				}
				c, err := cache.NewDatabase(db, o)
				check(t, err)
				return c
			},
		}
	}
}

// onCache is the cache engine.
func onCache(open func(testing.TB) sharedCache) func(testing.TB) ground {
	return func(t testing.TB) ground {
		c := open(t)
		return ground{
			prepare: c.prepare, dir: c.dir,
			django: func(v variant) djangoSettings {
				settings := djangoSettings{"SESSION_ENGINE": "django.contrib.sessions.backends.cache", "CACHES": c.caches(v)}
				maps.Copy(settings, c.more)
				return settings
			},
			engine: func(v variant) sessions.Engine {
				return engine.CacheEngine{Cache: c.cache(v), Keys: v.keys(), Codec: c.codec}
			},
		}
	}
}

// onCachedDB is the cached_db engine.
func onCachedDB(open func(testing.TB) (*sql.DB, map[string]any), openCache func(testing.TB) sharedCache) func(testing.TB) ground {
	return func(t testing.TB) ground {
		g, c := onDatabase(open)(t), openCache(t)
		g.dir = c.dir
		g.django = func(v variant) djangoSettings {
			return djangoSettings{
				"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
				"DATABASES":      databases(g.database), "CACHES": c.caches(v),
			}
		}
		g.engine = func(v variant) sessions.Engine {
			return engine.CachedDBEngine{
				Database: engine.DatabaseEngine{DB: g.db, Codec: v.codec()}, Cache: c.cache(v), Keys: v.keys(),
				Timeout: longTimeout,
			}
		}
		return g
	}
}
