package tests

import (
	"path/filepath"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/pgnotify"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// process opens a site's engine with connections of its own, as a process does; it
// may add to the settings.
type process func(testing.TB, *sessions.Settings) sessions.Engine

// manager is a Manager of a process of its own.
func (p process) manager(t testing.TB, st sessions.Settings) *sessions.Manager {
	t.Helper()
	e := p(t, &st)
	return manager(t, st, e)
}

// sites are the engines that processes can share, on real servers.
var sites = []struct {
	name  string
	start func(testing.TB) process
	told  bool // of ends by messages
	dated bool // the engine knows when a session ends, by the settings' clock
}{
	{name: "sqlite", dated: true, start: func(t testing.TB) process {
		path := filepath.Join(t.TempDir(), "sessions.db")
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine {
			return engine.Database(openFile(t, drivers[0].name, drivers[0].options, path))
		}
	}},
	{name: "postgresql, listening", told: true, dated: true, start: func(t testing.TB) process {
		server := postgres(t)
		return func(t testing.TB, st *sessions.Settings) sessions.Engine {
			db := server.open(t)
			st.Notifier = pgnotify.New(db)
			return engine.Database(db)
		}
	}},
	{name: "postgresql", dated: true, start: func(t testing.TB) process {
		server := postgres(t)
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine { return engine.Database(server.open(t)) }
	}},
	{name: "postgresql, hardened", dated: true, start: func(t testing.TB) process {
		server := postgres(t)
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine {
			return engine.Hardened(engine.Database(server.open(t)))
		}
	}},
	{name: "mariadb", dated: true, start: func(t testing.TB) process {
		server := mariadb("")(t)
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine { return engine.Database(server.open(t)) }
	}},
	{name: "file", dated: true, start: func(t testing.TB) process {
		dir := t.TempDir()
		return func(testing.TB, *sessions.Settings) sessions.Engine { return engine.File(dir) }
	}},
	{name: "redis", told: true, start: func(t testing.TB) process {
		open := startRedis(t)
		return func(testing.TB, *sessions.Settings) sessions.Engine { return engine.Cache(open()) }
	}},
	{name: "memcached", start: func(t testing.TB) process {
		open := startMemcached(t)
		return func(testing.TB, *sessions.Settings) sessions.Engine { return engine.Cache(open()) }
	}},
	{name: "cached_db on redis", told: true, dated: true, start: func(t testing.TB) process {
		server, open := postgres(t), startRedis(t)
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine {
			return engine.CachedDB(server.open(t), open())
		}
	}},
	{name: "cached_db on memcached", dated: true, start: func(t testing.TB) process {
		server, open := mariadb("")(t), startMemcached(t)
		return func(t testing.TB, _ *sessions.Settings) sessions.Engine {
			return engine.CachedDB(server.open(t), open())
		}
	}},
}

func postgres(t testing.TB) sqlServer { return sqlServer{"pgx", testserver.SharedPostgres(t).URL()} }
