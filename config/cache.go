package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keepsake-go/sessions/cache"
)

// Cache is an entry of Django's CACHES.
type Cache struct {
	Alias   string // "default"
	Backend string // BACKEND as Options.Caches has it: "django.core.cache.backends.redis.RedisCache"

	// Location is LOCATION: the servers, a folder, a table. Several may stand in
	// one string with commas or semicolons, or in a list.
	Location []string

	// Keys is KEY_PREFIX, VERSION and KEY_FUNCTION.
	Keys cache.Keys

	// Options is OPTIONS: strings, int64, float64, bool, []any, map[string]any.
	// From a URL all are strings.
	Options map[string]any

	at    place
	where map[string]place // of the OPTIONS
}

// Errorf is an error about a setting of this cache, LOCATION or OPTIONS.db for
// instance, with the line where it stands.
func (c Cache) Errorf(setting, format string, args ...any) error {
	return entryError(c.at, c.where, "CACHES."+c.Alias, setting, fmt.Sprintf(format, args...))
}

// String names the cache, without user or password.
func (c Cache) String() string {
	text := c.Backend[strings.LastIndex(c.Backend, ".")+1:]
	for i, location := range c.Location {
		if before, after, found := cutLast(location, "@"); found {
			scheme, _, _ := strings.Cut(before, "://")
			location = scheme + "://" + after
		}
		text += []string{" on ", ", "}[min(i, 1)] + location
	}
	return text
}

// Format keeps passwords out of every fmt verb.
func (c Cache) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

const (
	cacheNames   = "BACKEND LOCATION KEY_PREFIX VERSION KEY_FUNCTION OPTIONS TIMEOUT"
	cacheIgnored = "REVERSE_KEY_FUNCTION"
	cachePackage = "django.core.cache.backends."
)

// defaultKeyFunction is Django's, by its path.
const defaultKeyFunction = "django.core.cache.backends.base.default_key_func"

// caches reads CACHES.
func (l *loader) caches(settings table) map[string]Cache {
	all := map[string]Cache{}
	entries := l.table(settings, "CACHES")
	for _, alias := range slices.Sorted(maps.Keys(entries)) {
		r := entries[alias]
		if text, ok := r.value.(string); ok {
			t, err := cacheURL(r.place, text)
			if err != nil {
				l.wrong(r, "CACHES.%s: %v", alias, err)
				continue
			}
			r = &raw{place: r.place, value: t}
		}
		t, ok := r.value.(table)
		if !ok {
			l.wrong(r, "CACHES.%s must be a table or a URL, not %s", alias, r.kind())
			continue
		}
		all[alias] = l.cache(alias, r, t)
	}
	if len(all) == 0 && settings["CACHES"] == nil { // Django's default
		all["default"] = Cache{Alias: "default", Backend: locMem}
	}
	return all
}

func (l *loader) cache(alias string, r *raw, t table) Cache {
	l.only(t, "CACHES."+alias, names(cacheNames+" "+cacheIgnored))
	c := Cache{
		Alias: alias, at: r.place,
		Backend:  l.str(t, "BACKEND", ""),
		Location: l.location(t),
		Keys: cache.Keys{
			Prefix:  l.str(t, "KEY_PREFIX", ""),
			Version: int(l.integer(t, "VERSION", 1, 1)),
		},
	}
	if c.Backend == "" {
		l.wrong(r, "CACHES.%s has no BACKEND", alias)
	} else if _, name, err := l.findCache(c.Backend); err != nil {
		l.wrong(at(t, "BACKEND", r), "CACHES.%s: %v", alias, err)
	} else {
		c.Backend = name
	}
	c.Options, c.where = l.entryOptions(t)
	if timeout := t["TIMEOUT"]; !none(timeout) {
		l.integer(t, "TIMEOUT", 0, -1<<62) // of no use: sessions say how long they live
	}
	if name := l.str(t, "KEY_FUNCTION", ""); name != "" && name != defaultKeyFunction {
		if c.Keys.Function = l.options.KeyFunctions[name]; c.Keys.Function == nil {
			l.wrong(t["KEY_FUNCTION"], "CACHES.%s: no key function %q is registered in Options.KeyFunctions%s", alias, name,
				suggest(name, slices.Sorted(maps.Keys(l.options.KeyFunctions))))
		}
	}
	return c
}

// location reads LOCATION, a string or a list.
func (l *loader) location(t table) []string {
	r := t["LOCATION"]
	if r == nil || r.value == "" {
		return nil
	}
	if s, ok := r.value.(string); ok {
		return []string{s}
	}
	return l.list(t, "LOCATION")
}

// findCache finds the opener for a BACKEND, in Django's words or shorter, and the
// name that it is known by.
func (l *loader) findCache(backend string) (OpenCache, string, error) {
	all := builtinCaches()
	maps.Copy(all, l.options.Caches)
	for _, name := range []string{backend, cachePackage + backend} {
		if open := all[name]; open != nil {
			return open, name, nil
		}
	}
	known := slices.Sorted(maps.Keys(all))
	for _, name := range known { // "RedisCache", "redis" and the like
		short := strings.TrimPrefix(name, cachePackage)
		module, class, _ := strings.Cut(short, ".")
		if short != name && (backend == class || backend == module) {
			return all[name], name, nil
		}
	}
	if slices.Contains(driverCaches, backend) {
		return nil, "", fmt.Errorf("no driver for BACKEND %q: Options.Caches has none; config/drivers has Django's", backend)
	}
	hint := suggest(backend, known)
	if hint == "" {
		hint = "; there is " + strings.Join(known, ", ")
	}
	return nil, "", fmt.Errorf("unknown BACKEND %q%s", backend, hint)
}

// driverCaches are the backends of Django's, and django-redis's, that need a
// driver.
var driverCaches = []string{
	cachePackage + "redis.RedisCache", cachePackage + "memcached.PyMemcacheCache",
	cachePackage + "memcached.PyLibMCCache", "django_redis.cache.RedisCache",
}

// cacheSchemes are the schemes of django-environ and dj-database-url's sister
// for caches.
var cacheSchemes = map[string]string{
	"redis": "redis.RedisCache", "rediss": "redis.RedisCache", "rediscache": "redis.RedisCache", "unix": "redis.RedisCache",
	"valkey": "redis.RedisCache", "valkeys": "redis.RedisCache", "redis+sentinel": "redis.RedisCache",
	"rediss+sentinel": "redis.RedisCache", "redis+cluster": "redis.RedisCache", "rediss+cluster": "redis.RedisCache",
	"memcached": "memcached.PyMemcacheCache", "memcache": "memcached.PyMemcacheCache",
	"pymemcache": "memcached.PyMemcacheCache", "pymemcached": "memcached.PyMemcacheCache",
	"pylibmc": "memcached.PyLibMCCache", "libmemcached": "memcached.PyLibMCCache",
	"locmem": "locmem.LocMemCache", "locmemcache": "locmem.LocMemCache",
	"filecache": "filebased.FileBasedCache", "file": "filebased.FileBasedCache",
	"dbcache": "db.DatabaseCache", "db": "db.DatabaseCache",
	"dummycache": "dummy.DummyCache", "dummy": "dummy.DummyCache",
}

// cacheURL makes an entry of CACHES of a URL, as django-environ does.
func cacheURL(at place, text string) (table, error) {
	u, err := parseURL(text)
	if errors.Is(err, errScheme) {
		return nil, errors.New("a cache is a URL, for instance redis://127.0.0.1:6379/0")
	}
	if err != nil {
		return nil, err
	}
	backend, known := cacheSchemes[u.scheme]
	if !known {
		return nil, fmt.Errorf("no cache has URLs with %q; there is redis, rediss, unix, memcached, pylibmc, locmem, filecache, dbcache and dummycache", u.scheme+"://")
	}
	t := table{}
	put := func(in table, name, value string) { in[name] = &raw{place: at, value: value, text: true} }
	put(t, "BACKEND", cachePackage+backend)
	options := table{}
	for name := range u.query {
		switch upper := strings.ToUpper(name); {
		case slices.Contains(names("KEY_PREFIX VERSION KEY_FUNCTION TIMEOUT"), upper):
			put(t, upper, u.query.Get(name))
		case upper == "MAX_ENTRIES", upper == "CULL_FREQUENCY":
			put(options, upper, u.query.Get(name))
		default:
			put(options, name, u.query.Get(name))
		}
	}
	if len(options) > 0 {
		t["OPTIONS"] = &raw{place: at, value: options}
	}
	switch backend {
	case "redis.RedisCache":
		location, _, _ := strings.Cut(text, "?")
		put(t, "LOCATION", strings.Replace(location, "rediscache://", "redis://", 1))
	case "memcached.PyMemcacheCache", "memcached.PyLibMCCache":
		location := u.hosts
		if location == "" {
			location = "unix:" + u.path
		}
		put(t, "LOCATION", location)
	case "filebased.FileBasedCache":
		put(t, "LOCATION", u.hosts+u.path)
	default:
		put(t, "LOCATION", u.hosts)
	}
	return t, nil
}

// CullOptions reads MAX_ENTRIES and CULL_FREQUENCY, which every cache of Django's
// has that makes room by itself, and refuses other OPTIONS. MAX_ENTRIES is 300
// where it is not set, as in Django, and 0 is no limit; CULL_FREQUENCY is as the
// options of package cache take it.
func (c Cache) CullOptions() (maxEntries, cullFrequency int, err error) {
	maxEntries, cullFrequency = cache.DefaultMaxEntries, cache.DefaultCullFrequency
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		into := map[string]*int{"MAX_ENTRIES": &maxEntries, "CULL_FREQUENCY": &cullFrequency}[name]
		if into == nil {
			return 0, 0, c.Errorf("OPTIONS."+name, "is not known%s", suggest(name, []string{"MAX_ENTRIES", "CULL_FREQUENCY"}))
		}
		n, ok := Integer(c.Options[name])
		if !ok || n < 0 {
			return 0, 0, c.Errorf("OPTIONS."+name, "must be a whole number of at least 0")
		}
		*into = n
	}
	if cullFrequency == 0 {
		cullFrequency = -1 // all of them go
	}
	return maxEntries, cullFrequency, nil
}

const (
	locMem        = cachePackage + "locmem.LocMemCache"
	dummy         = cachePackage + "dummy.DummyCache"
	fileBased     = cachePackage + "filebased.FileBasedCache"
	databaseCache = cachePackage + "db.DatabaseCache"
)

// builtinCaches are those that need no driver. The database's is opened by
// Resources, which has the database.
func builtinCaches() map[string]OpenCache {
	return map[string]OpenCache{
		locMem:    openLocMem,
		dummy:     func(Cache) (OpenedCache, error) { return OpenedCache{Cache: cache.Dummy{}}, nil },
		fileBased: openFileBased,
		databaseCache: func(c Cache) (OpenedCache, error) {
			return OpenedCache{}, c.Errorf("BACKEND", "needs the configuration's database")
		},
	}
}

func openFileBased(c Cache) (OpenedCache, error) {
	most, frequency, err := c.CullOptions()
	if err != nil {
		return OpenedCache{}, err
	}
	if len(c.Location) != 1 {
		return OpenedCache{}, c.Errorf("LOCATION", "must be one folder")
	}
	files, err := cache.NewFileBased(cache.FileBasedOptions{Dir: c.Location[0], MaxEntries: most, CullFrequency: frequency})
	if err != nil {
		return OpenedCache{}, c.Errorf("LOCATION", "can't be used: %v", err)
	}
	return OpenedCache{Cache: files}, nil
}

func openLocMem(c Cache) (OpenedCache, error) {
	most, frequency, err := c.CullOptions()
	if err != nil {
		return OpenedCache{}, err
	}
	return OpenedCache{Cache: cache.NewLocal(cache.LocalOptions{MaxEntries: most, CullFrequency: frequency})}, nil
}
