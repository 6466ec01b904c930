package stress

import (
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// backend is where sessions are kept, and how to have it.
type backend struct {
	name      string
	processes int // that can share it
	quick     bool
	start     func(t testing.TB, c *config)
}

const sqliteOptions = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate"

func onSQLite(t testing.TB, c *config) {
	c.Driver, c.DSN = "sqlite", "file:"+t.TempDir()+"/sessions.db"+sqliteOptions
}

func onPostgres(t testing.TB, c *config) {
	c.Driver, c.DSN = "pgx", testserver.SharedPostgres(t).URL()
}

func onRedis(t testing.TB, c *config) {
	c.Cache, c.Addrs = "redis", []string{testserver.Redis(t, testserver.RedisOptions{}).Addr}
}

// backends are all engines that keep sessions on the server.
var backends = []backend{
	{"database, SQLite", 2, true, func(t testing.TB, c *config) { c.Engine = "database"; onSQLite(t, c) }},
	{"database, PostgreSQL", 2, true, func(t testing.TB, c *config) { c.Engine = "database"; onPostgres(t, c) }},
	{"database, MariaDB", 2, false, func(t testing.TB, c *config) {
		c.Engine, c.Driver, c.DSN = "database", "mysql", testserver.SharedMariaDB(t).DSN("")
	}},
	{"cache, Redis", 2, true, func(t testing.TB, c *config) { c.Engine = "cache"; onRedis(t, c) }},
	{"cache, Redis Cluster", 2, false, func(t testing.TB, c *config) {
		c.Engine, c.Cache, c.Addrs = "cache", "cluster", testserver.RedisCluster(t).Addrs()
	}},
	{"cache, memcached", 2, false, func(t testing.TB, c *config) {
		c.Engine, c.Cache, c.Addrs = "cache", "memcached", []string{testserver.Memcached(t, "-m", "256").Addr}
	}},
	{"cache, in-process", 1, false, func(t testing.TB, c *config) { c.Engine, c.Cache = "cache", "local" }},
	{"cache, file-based", 2, false, func(t testing.TB, c *config) { c.Engine, c.Cache, c.Dir = "cache", "filebased", t.TempDir() }},
	{"cache, in a database", 2, false, func(t testing.TB, c *config) {
		c.Engine, c.Cache = "cache", "database"
		onPostgres(t, c)
	}},
	{"cached_db", 2, true, func(t testing.TB, c *config) { c.Engine = "cached_db"; onPostgres(t, c); onRedis(t, c) }},
	{"cached_db, strict", 2, false, func(t testing.TB, c *config) {
		c.Engine, c.Strict = "cached_db", true
		onPostgres(t, c)
		onRedis(t, c)
	}},
	{"file", 2, true, func(t testing.TB, c *config) { c.Engine, c.Dir = "file", t.TempDir() }},
}

// onEach runs a test on every backend, with as many processes as can share it.
func onEach(t *testing.T, adjust func(*config), test func(t *testing.T, b backend, ps []*process)) {
	for _, b := range backends {
		if !b.quick && !full() {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			c := config{SaveTimeout: time.Minute} // a slow machine is no failure
			b.start(t, &c)
			if adjust != nil {
				adjust(&c)
			}
			test(t, b, runAll(t, c, b.processes))
		})
	}
}

// runAll starts processes on one store, and has it made ready.
func runAll(t testing.TB, c config, n int) []*process {
	t.Helper()
	var ps []*process
	for range n {
		ps = append(ps, run(t, c))
	}
	if a := ps[0].get("/migrate", ""); a.status != 200 {
		t.Fatalf("migrate: %d %s", a.status, a.body)
	}
	return ps
}
