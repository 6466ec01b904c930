package main

import (
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/drivers"
)

// servers are the databases and caches that were asked for, each opened once.
type servers struct {
	clock      func() time.Time
	statements atomic.Int64 // that were sent in this request
	databases  map[string]*sql.DB
	caches     map[string]config.OpenedCache
}

var known = drivers.All()

func (s *servers) database(d databaseEntry) (*sql.DB, error) {
	if db := s.databases[d.text]; db != nil {
		return db, nil
	}
	open := known.Databases[d.Engine]
	if open == nil {
		return nil, wrong("ImproperlyConfigured", "there is no database engine "+d.Engine)
	}
	inner, err := open(d.Database)
	if err != nil {
		return nil, wrong("ImproperlyConfigured", err.Error())
	}
	db := counted(inner, &s.statements)
	if s.databases == nil {
		s.databases = map[string]*sql.DB{}
	}
	s.databases[d.text] = db
	return db, nil
}

func (s *servers) cache(c cacheEntry, d databaseEntry, st sessions.Settings) (config.OpenedCache, error) {
	const ofDjango = "django.core.cache.backends."
	text := c.text
	if c.Backend == ofDjango+"db.DatabaseCache" { // whose dates are in a zone
		text += d.text + st.TimeZone.String()
		if st.UseTZ {
			text += "UTC"
		}
	}
	if opened, found := s.caches[text]; found {
		return opened, nil
	}
	var opened config.OpenedCache
	most, frequency, err := 0, 0, error(nil)
	switch c.Backend {
	case ofDjango + "dummy.DummyCache":
		opened.Cache = cache.Dummy{}
	case ofDjango + "filebased.FileBasedCache":
		if most, frequency, err = c.CullOptions(); err == nil && len(c.Location) == 1 {
			opened.Cache, err = cache.NewFileBased(cache.FileBasedOptions{
				Dir: c.Location[0], MaxEntries: most, CullFrequency: frequency, Clock: s.clock,
			})
		}
	case ofDjango + "db.DatabaseCache":
		var db *sql.DB
		if db, err = s.database(d); err == nil && len(c.Location) == 1 {
			o := cache.DatabaseOptions{Table: c.Location[0], Clock: s.clock}
			if !st.UseTZ {
				o.TimeZone = st.TimeZone
			}
			if o.MaxEntries, o.CullFrequency, err = c.CullOptions(); err == nil {
				opened.Cache, err = cache.NewDatabase(db, o)
			}
		}
	default:
		if open := known.Caches[c.Backend]; open != nil {
			opened, err = open(c.Cache)
		}
	}
	if err != nil || opened.Cache == nil {
		text := "Could not find backend '" + c.Backend + "'"
		if err != nil {
			text = err.Error()
		}
		return config.OpenedCache{}, wrong("InvalidCacheBackendError", text)
	}
	if s.caches == nil {
		s.caches = map[string]config.OpenedCache{}
	}
	s.caches[text] = opened
	return opened, nil
}

func (s *servers) close() {
	var errs []error
	for _, c := range s.caches {
		if c.Close != nil {
			errs = append(errs, c.Close())
		}
	}
	for _, db := range s.databases {
		errs = append(errs, db.Close())
	}
	_ = errors.Join(errs...) // nothing in them is needed any more
	s.caches, s.databases = nil, nil
}
