package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// Config is a configuration that was found to be right.
type Config struct {
	options    Options
	settings   sessions.Settings
	engine     string // SESSION_ENGINE as it was written
	kind       string // of engine: "db", or "" for one of one's own
	file       string // SESSION_FILE_PATH
	serializer codec.Serializer
	database   string // the alias
	cache      string // SESSION_CACHE_ALIAS
	databases  map[string]Database
	caches     map[string]Cache
	own        own
	warnings   []string
}

// own is the table [KEEPSAKE], as far as it is not in sessions.Settings.
type own struct {
	table, cacheKeyPrefix, salt string
	strict, hardened, readSHA1  bool
	entryLife, cacheTimeout     time.Duration
}

// Load reads a TOML file, "" for none, and the environment over it. It opens
// nothing and reports everything that is wrong at once, each with its place.
func Load(path string, o Options) (*Config, error) {
	settings := table{}
	if path != "" {
		var err error
		if settings, err = readFile(path); err != nil {
			return nil, err
		}
	}
	l := &loader{options: o}
	environ := o.Environ
	if environ == nil {
		environ = os.Environ()
	}
	l.only(settings, "", names(sessionSettings+otherSettings))
	l.readEnvironment(environ, settings)
	return l.config(settings)
}

func (l *loader) config(t table) (*Config, error) {
	c := &Config{
		options:   l.options,
		settings:  l.settings(t),
		file:      l.optional(t, "SESSION_FILE_PATH"),
		cache:     l.str(t, "SESSION_CACHE_ALIAS", "default"),
		databases: l.databases(t),
		caches:    l.caches(t),
	}
	c.settings.Logger = l.options.Logger
	l.ownSettings(t, c)
	l.engine(t, c)
	l.serializer(t, c)
	l.settingsErrors(t, c)
	if err := l.err(); err != nil {
		return nil, err
	}
	l.advise(t, c)
	c.warnings = l.warnings
	return c, nil
}

// settingsErrors adds what sessions.Settings refuses, unless it is said already:
// a wrong value is replaced by its default.
func (l *loader) settingsErrors(t table, c *Config) {
	err := c.settings.Validate()
	if err == nil {
		return
	}
	for _, one := range unjoin(err) {
		text := strings.TrimPrefix(one.Error(), "sessions: ")
		at := &raw{}
		for name, r := range t {
			if strings.Contains(text, "("+name+")") {
				at = r
			}
		}
		if strings.Contains(text, "(SECRET_KEY)") && t["SECRET_KEY"] == nil {
			text = "SECRET_KEY is not set"
		}
		l.wrong(at, "%s", text)
	}
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// optional reads a string that Django has None for.
func (l *loader) optional(t table, name string) string {
	if none(t[name]) {
		return ""
	}
	return l.str(t, name, "")
}

// settings reads what goes into sessions.Settings.
func (l *loader) settings(t table) sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = l.str(t, "SECRET_KEY", "")
	st.SecretKeyFallbacks = l.list(t, "SECRET_KEY_FALLBACKS")
	st.CookieAge = time.Duration(l.bounded(t, "SESSION_COOKIE_AGE", int64(st.CookieAge/time.Second), 1)) * time.Second
	st.ExpireAtBrowserClose = l.boolean(t, "SESSION_EXPIRE_AT_BROWSER_CLOSE", false)
	st.SaveEveryRequest = l.boolean(t, "SESSION_SAVE_EVERY_REQUEST", false)
	st.CookieName = l.str(t, "SESSION_COOKIE_NAME", st.CookieName)
	st.CookieDomain = l.optional(t, "SESSION_COOKIE_DOMAIN")
	st.CookiePath = l.str(t, "SESSION_COOKIE_PATH", st.CookiePath)
	st.CookieSecure = l.boolean(t, "SESSION_COOKIE_SECURE", false) // Django's default
	st.CookieHTTPOnly = l.boolean(t, "SESSION_COOKIE_HTTPONLY", true)
	st.CookieSameSite = l.sameSite(t)
	st.UseTZ = l.boolean(t, "USE_TZ", true)
	if t["TIME_ZONE"] != nil {
		st.TimeZone = l.zone(t, "TIME_ZONE")
	} else if !st.UseTZ {
		st.TimeZone, _ = time.LoadLocation(djangoTimeZone)
		if st.TimeZone == nil {
			l.wrong(t["USE_TZ"], "USE_TZ is off and TIME_ZONE is not set: Django's default, %s, is not among this system's time zones", djangoTimeZone)
		}
	}
	return st
}

// djangoTimeZone is Django's TIME_ZONE where a project sets none.
const djangoTimeZone = "America/Chicago"

// bounded is integer for a number of seconds.
func (l *loader) bounded(t table, name string, def, least int64) int64 {
	n := l.integer(t, name, def, least)
	if n > maxSeconds {
		l.wrong(t[name], "%s is too large", name)
		return def
	}
	return n
}

// sameSite reads SESSION_COOKIE_SAMESITE, where "None" is a value, and False, or
// nothing in quotes, leaves the attribute out.
func (l *loader) sameSite(t table) string {
	r := t["SESSION_COOKIE_SAMESITE"]
	if r == nil {
		return "Lax"
	}
	if r.value == false {
		return ""
	}
	text, ok := r.value.(string)
	if !ok {
		l.wrong(r, `SESSION_COOKIE_SAMESITE must be "Lax", "Strict", "None" or false, not %s`, r.kind())
		return "Lax"
	}
	if b, isTruth := truth(text); r.text && isTruth && !b {
		return ""
	}
	return text // sessions.Settings knows the right ones
}

// ownSettings reads the table [KEEPSAKE].
func (l *loader) ownSettings(settings table, c *Config) {
	t := l.table(settings, "KEEPSAKE")
	l.only(t, "KEEPSAKE", names(keepsakeSettings))
	c.database = l.str(t, "DATABASE", "default")
	c.own = own{
		table:          l.str(t, "TABLE", ""),
		cacheKeyPrefix: l.str(t, "CACHE_KEY_PREFIX", ""),
		salt:           l.str(t, "SALT", ""),
		strict:         l.boolean(t, "CACHED_DB_STRICT", false),
		hardened:       l.boolean(t, "HARDENED", false),
		readSHA1:       l.boolean(t, "READ_SHA1", l.str(settings, "DEFAULT_HASHING_ALGORITHM", "") == "sha1"),
		entryLife:      l.durationFrom(t, "CACHED_DB_ENTRY_LIFE", time.Millisecond),
		cacheTimeout:   l.durationFrom(t, "CACHED_DB_TIMEOUT", time.Millisecond),
	}
	c.settings.Timeouts = l.timeouts(t)
	c.settings.TouchInterval = l.duration(t, "TOUCH_INTERVAL", 0)
	c.settings.WatchInterval = l.durationFrom(t, "WATCH_INTERVAL", 10*time.Millisecond)
	c.settings.SaveTimeout = l.duration(t, "SAVE_TIMEOUT", 0)
	c.settings.MaxStoreCalls = int(l.integer(t, "MAX_STORE_CALLS", 0, 0))
	c.settings.WarnSize = int(l.integer(t, "WARN_SIZE", 0, -1))
	c.settings.MaxSize = int(l.integer(t, "MAX_SIZE", 0, 0))
	c.settings.Partitioned = l.boolean(t, "PARTITIONED", false)
	c.settings.FormerCookieDomains = l.list(t, "FORMER_COOKIE_DOMAINS")
}

const enginePackage = "django.contrib.sessions.backends."

// engines are the names of the engines, and what each needs.
var engines = map[string]struct{ database, cache bool }{
	"db":                {database: true},
	"cache":             {cache: true},
	"cached_db":         {database: true, cache: true},
	"file":              {},
	"signed_cookies":    {},
	"encrypted_cookies": {},
	"memory":            {},
}

// engine reads SESSION_ENGINE, and sees that what it needs is there.
func (l *loader) engine(t table, c *Config) {
	c.engine = l.str(t, "SESSION_ENGINE", enginePackage+"db")
	r := t["SESSION_ENGINE"]
	if l.options.Engines[c.engine] != nil {
		return
	}
	c.kind = strings.TrimPrefix(c.engine, enginePackage)
	needs, known := engines[c.kind]
	if !known {
		all := slices.Sorted(maps.Keys(engines))
		for _, name := range []string{"db", "cache", "cached_db", "file", "signed_cookies"} {
			all = append(all, enginePackage+name)
		}
		all = append(all, slices.Sorted(maps.Keys(l.options.Engines))...)
		l.wrong(r, "unknown SESSION_ENGINE %q%s; one of your own is registered in Options.Engines", c.engine, suggest(c.engine, all))
		return
	}
	if _, found := c.databases[c.database]; needs.database && !found {
		if r := l.table(t, "KEEPSAKE")["DATABASE"]; r != nil {
			l.wrong(r, "there is no DATABASES.%s%s", c.database, suggest(c.database, slices.Sorted(maps.Keys(c.databases))))
		} else if l.isTable(t, "DATABASES") && l.table(t, "DATABASES")[c.database] == nil {
			l.wrong(r, "SESSION_ENGINE %q needs a database: set DATABASES.default or DATABASE_URL", c.engine)
		}
	}
	if _, found := c.caches[c.cache]; needs.cache && !found && l.isTable(t, "CACHES") && l.table(t, "CACHES")[c.cache] == nil {
		l.wrong(at(t, "SESSION_CACHE_ALIAS", t["CACHES"]), "SESSION_CACHE_ALIAS: there is no CACHES.%s%s", c.cache,
			suggest(c.cache, slices.Sorted(maps.Keys(c.caches))))
	}
	if _, name, err := l.findCache(c.caches[c.cache].Backend); needs.cache && err == nil && name == databaseCache {
		if _, found := c.databases[c.database]; !found && !needs.database {
			l.wrong(l.table(t, "CACHES")[c.cache], "CACHES.%s: DatabaseCache needs a database: set DATABASES.%s", c.cache, c.database)
		}
	}
	if needs.database && !c.settings.UseTZ && c.databases[c.database].TimeZone != nil {
		l.wrong(l.table(t, "DATABASES")[c.database], "DATABASES.%s: TIME_ZONE can't be set when USE_TZ is off, as in Django", c.database)
	}
}

// Settings are the settings of the sessions.
func (c *Config) Settings() sessions.Settings { return c.settings }

// EngineName is SESSION_ENGINE as it was written.
func (c *Config) EngineName() string { return c.engine }

// Database is the database that the engine uses; false when it uses none, and for
// engines of one's own.
func (c *Config) Database() (Database, bool) {
	if !engines[c.kind].database {
		return Database{}, false
	}
	return c.databases[c.database], true
}

// Cache is the cache that the engine uses; false when it uses none, and for
// engines of one's own.
func (c *Config) Cache() (Cache, bool) {
	if !engines[c.kind].cache {
		return Cache{}, false
	}
	return c.caches[c.cache], true
}

// Table is the table of sessions, with its schema where it has one.
func (c *Config) Table() string {
	if c.own.table == "" {
		return "django_session"
	}
	return c.own.table
}

// Warnings are what is allowed but rarely wanted, Django's deployment checks
// among it. Open logs them.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// Format keeps the secret keys and passwords out of every fmt verb.
func (c *Config) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "configuration of %s", c.engine) }
