package config

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

// Resources are what a configuration has for an engine. Each database and cache
// is opened once, when it is asked for; what an engine gets is ready to use, and
// its fields can be set to something else.
type Resources struct {
	config    *Config
	databases map[string]*sql.DB
	caches    map[string]OpenedCache
	closers   []func() error
}

// Settings are the settings of the sessions.
func (r *Resources) Settings() sessions.Settings { return r.config.settings }

// DB opens the database of that alias.
func (r *Resources) DB(alias string) (*sql.DB, error) {
	if db := r.databases[alias]; db != nil {
		return db, nil
	}
	d, found := r.config.databases[alias]
	if !found {
		return nil, fmt.Errorf("config: there is no DATABASES.%s", alias)
	}
	open, _, err := (&loader{options: r.config.options}).findDatabase(d.Engine)
	if err != nil {
		return nil, fmt.Errorf("config: DATABASES.%s: %w", alias, err)
	}
	db, err := open(d)
	if err != nil {
		return nil, err
	}
	if d.ConnMaxAge > 0 {
		db.SetConnMaxLifetime(d.ConnMaxAge)
	}
	r.databases[alias] = db
	r.closers = append(r.closers, db.Close)
	return db, nil
}

// Cache opens the cache of that alias.
func (r *Resources) Cache(alias string) (OpenedCache, error) {
	if opened, found := r.caches[alias]; found {
		return opened, nil
	}
	c, found := r.config.caches[alias]
	if !found {
		return OpenedCache{}, fmt.Errorf("config: there is no CACHES.%s", alias)
	}
	open, name, err := (&loader{options: r.config.options}).findCache(c.Backend)
	if err != nil {
		return OpenedCache{}, fmt.Errorf("config: CACHES.%s: %w", alias, err)
	}
	var opened OpenedCache
	if name == databaseCache {
		opened, err = r.openDatabaseCache(c)
	} else {
		opened, err = open(c)
	}
	if err != nil {
		return OpenedCache{}, err
	}
	r.caches[alias] = opened
	if opened.Close != nil {
		r.closers = append(r.closers, opened.Close)
	}
	return opened, nil
}

// Serializer is SESSION_SERIALIZER.
func (r *Resources) Serializer() codec.Serializer { return r.config.serializer }

// Signed is the format that rows and files are stored in, with the configured
// serializer and salt.
func (r *Resources) Signed() codec.SignedOptions {
	return codec.SignedOptions{Serializer: r.config.serializer, Salt: r.config.own.salt, ReadSHA1: r.config.own.readSHA1}
}

// DatabaseEngine is the engine db as it is configured.
func (r *Resources) DatabaseEngine() (engine.DatabaseEngine, error) {
	c := r.config
	db, err := r.DB(c.database)
	if err != nil {
		return engine.DatabaseEngine{}, err
	}
	return engine.DatabaseEngine{DB: db, Table: c.own.table, TimeZone: c.databases[c.database].TimeZone, Codec: r.Signed()}, nil
}

// CacheEngine is the engine cache as it is configured.
func (r *Resources) CacheEngine() (engine.CacheEngine, error) {
	c := r.config
	opened, err := r.Cache(c.cache)
	if err != nil {
		return engine.CacheEngine{}, err
	}
	return engine.CacheEngine{
		Cache: opened.Cache, Keys: c.caches[c.cache].Keys, KeyPrefix: c.own.cacheKeyPrefix, Codec: opened.Codec,
	}, nil
}

// CachedDBEngine is the engine cached_db as it is configured.
func (r *Resources) CachedDBEngine() (engine.CachedDBEngine, error) {
	c := r.config
	db, dbErr := r.DatabaseEngine()
	opened, cacheErr := r.Cache(c.cache)
	if err := errors.Join(dbErr, cacheErr); err != nil {
		return engine.CachedDBEngine{}, err
	}
	e := engine.CachedDBEngine{
		Database: db, Cache: opened.Cache, Keys: c.caches[c.cache].Keys, KeyPrefix: c.own.cacheKeyPrefix,
		Strict: c.own.strict, EntryLife: c.own.entryLife, Timeout: c.own.cacheTimeout,
	}
	switch own := opened.Codec.(type) {
	case nil:
	case codec.PickleOptions:
		e.Pickle = own
	default:
		return engine.CachedDBEngine{}, c.caches[c.cache].Errorf("OPTIONS.SERIALIZER", "must be a pickle for cached_db, which keeps a note of its own behind each value: others don't ignore it")
	}
	return e, nil
}

// FileEngine is the engine file as it is configured.
func (r *Resources) FileEngine() engine.FileEngine {
	return engine.FileEngine{Dir: r.config.file, Codec: r.Signed()}
}

// engine makes the engine that SESSION_ENGINE names.
func (r *Resources) engine() (sessions.Engine, error) {
	c := r.config
	if own := c.options.Engines[c.engine]; own != nil {
		return own(r)
	}
	switch c.kind {
	case "db":
		return made(r.DatabaseEngine())
	case "cache":
		return made(r.CacheEngine())
	case "cached_db":
		return made(r.CachedDBEngine())
	case "file":
		return r.FileEngine(), nil
	case "signed_cookies":
		return engine.SignedCookiesEngine{Serializer: c.serializer}, nil
	case "encrypted_cookies":
		return engine.EncryptedCookiesEngine{Serializer: c.serializer}, nil
	default: // Load has refused what there is not
		return engine.Memory(), nil
	}
}

// made is e as an engine, and nil with an error.
func made[E sessions.Engine](e E, err error) (sessions.Engine, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// OpenEngine opens the databases and caches, and returns the engine on them and
// what closes them. It sends nothing over a network.
func (c *Config) OpenEngine() (sessions.Engine, func() error, error) {
	r := &Resources{config: c, databases: map[string]*sql.DB{}, caches: map[string]OpenedCache{}}
	e, err := r.engine()
	if err != nil {
		return nil, nil, errors.Join(err, r.close())
	}
	if c.own.hardened {
		e = engine.Hardened(e)
	}
	return e, r.close, nil
}

// close closes in reverse order.
func (r *Resources) close() error {
	var errs []error
	for _, f := range slices.Backward(r.closers) {
		errs = append(errs, f())
	}
	r.closers = nil
	return errors.Join(errs...)
}

// Open opens the engine, makes the Manager, and logs the warnings. The second
// result closes the databases and caches: call it when the last request is done.
func (c *Config) Open() (*sessions.Manager, func() error, error) {
	e, closeAll, err := c.OpenEngine()
	if err != nil {
		return nil, nil, err
	}
	m, err := sessions.New(c.settings, e)
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	log := c.settings.Logger
	if log == nil {
		log = slog.Default()
	}
	for _, warning := range c.warnings {
		log.LogAttrs(context.Background(), slog.LevelWarn, "config: "+warning)
	}
	return m, closeAll, nil
}

// openDatabaseCache opens Django's DatabaseCache, in the database of the sessions.
func (r *Resources) openDatabaseCache(c Cache) (OpenedCache, error) {
	most, frequency, err := c.CullOptions()
	if err != nil {
		return OpenedCache{}, err
	}
	if len(c.Location) != 1 {
		return OpenedCache{}, c.Errorf("LOCATION", "must be the name of a table")
	}
	db, err := r.DB(r.config.database)
	if err != nil {
		return OpenedCache{}, c.Errorf("BACKEND", "needs a database: %v", err)
	}
	zone := r.config.databases[r.config.database].TimeZone
	if st := r.config.settings; !st.UseTZ {
		zone = st.TimeZone
	}
	opened, err := cache.NewDatabase(db, cache.DatabaseOptions{
		Table: c.Location[0], MaxEntries: most, CullFrequency: frequency, TimeZone: zone,
	})
	if err != nil {
		return OpenedCache{}, c.Errorf("LOCATION", "can't be used: %v", err)
	}
	return OpenedCache{Cache: opened}, nil
}
