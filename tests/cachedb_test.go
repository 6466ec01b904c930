package tests

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/cachetest"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

// databaseCache makes a cache in db, and its table where it is missing.
func databaseCache(t testing.TB, db *sql.DB, o cache.DatabaseOptions) *cache.Database {
	t.Helper()
	c, err := cache.NewDatabase(db, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// eachCacheDatabase runs a test on every database there is for a cache. open
// opens the same one again, as another process does; fresh makes a new one.
func eachCacheDatabase(t *testing.T, test func(t *testing.T, fresh func(t testing.TB), open func(t testing.TB) *sql.DB, folds bool)) {
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			var path string
			test(t, func(t testing.TB) { path = filepath.Join(t.TempDir(), "cache.db") },
				func(t testing.TB) *sql.DB { return openFile(t, driver.name, driver.options, path) }, false)
		})
	}
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		test(t, func(testing.TB) {}, server.open, server.driver == "mysql")
	})
}

// TestDatabaseCache puts the database cache through the suite on every database,
// in two processes and with a table for each case.
func TestDatabaseCache(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, folds bool) {
		n := 0
		another := func(t *testing.T, clock func() time.Time) cache.Cache {
			return databaseCache(t, open(t), cache.DatabaseOptions{Table: fmt.Sprint("cache_", n), Clock: clock})
		}
		cachetest.Run(t, func(t *testing.T, clock func() time.Time) cache.Cache {
			n++
			fresh(t)
			return another(t, clock)
		}, cachetest.Options{Another: another, Round: time.Second, FoldsKeys: folds})
	})
}

// TestDatabaseCacheSessions is the engine's suite. It wants expiries to the
// microsecond, where the cache keeps seconds: so its clock has whole ones.
func TestDatabaseCacheSessions(t *testing.T) {
	eachCacheDatabase(t, func(t *testing.T, fresh func(testing.TB), open func(testing.TB) *sql.DB, folds bool) {
		n := 0
		another := func(t *testing.T, st sessions.Settings) sessions.Engine {
			c, err := cache.NewDatabase(open(t), cache.DatabaseOptions{
				Table: fmt.Sprint("sessions_", n),
				Clock: func() time.Time { return st.Clock().Truncate(time.Second) },
			})
			if err != nil {
				t.Fatal(err)
			}
			return engine.Cache(c)
		}
		enginetest.Run(t, func(t *testing.T, st sessions.Settings) sessions.Engine {
			n++
			fresh(t)
			return another(t, st)
		}, enginetest.Options{Name: "cache in a database", Another: another, NoExpiry: true, FoldsKeys: folds})
	})
}
