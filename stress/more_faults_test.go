package stress

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestCutOff: one of two processes does not reach the cache, the other one does.
// Strict refuses the first one's writes; otherwise the second may read what is as
// old as EntryLife, and never older.
func TestCutOff(t *testing.T) {
	for _, strict := range []bool{false, true} {
		if !full() && strict {
			continue
		}
		engine, must := "cached_db", rules{reads: true, writes: true, longest: 4 * time.Second}
		if strict {
			engine, must = "cached_db, strict", rules{reads: true, longest: 4 * time.Second, recovery: 2500 * time.Millisecond}
		}
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := &site{redis: testserver.Redis(t, testserver.RedisOptions{})}
			s.proxy = newProxy(t, s.redis.Addr)
			s.Engine, s.Strict, s.EntryLife, s.bounded = "cached_db", strict, 1500*time.Millisecond, !strict
			s.Cache, s.Addrs, s.direct = "redis", []string{s.proxy.addr}, []string{s.redis.Addr}
			onPostgres(t, &s.config)
			suffer(t, engine, s, fault{name: "one process cut off from the cache", harm: func(_ *testing.T, s *site) {
				s.proxy.cut.Store(true)
				s.proxy.sever()
				time.Sleep(4 * time.Second)
				s.proxy.cut.Store(false)
			}}, 3*time.Second, must)
		})
	}
}

// administer runs a statement on the database of a site, past the application.
func administer(t *testing.T, s *site, statements ...string) {
	t.Helper()
	db, err := sql.Open(s.Driver, s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

var postgresFaults = []fault{
	{"PostgreSQL restarted", false, func(_ *testing.T, s *site) {
		s.postgres.Stop()
		s.postgres.Start()
	}, false},
	{"PostgreSQL killed", false, func(_ *testing.T, s *site) {
		s.postgres.Kill()
		s.postgres.Start()
	}, false},
	{"PostgreSQL's connections killed, ten times", true, func(t *testing.T, s *site) {
		for range 10 {
			administer(t, s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
			time.Sleep(100 * time.Millisecond)
		}
	}, false},
	{"every row of PostgreSQL locked for 3 s", false, func(t *testing.T, s *site) {
		db, err := sql.Open(s.Driver, s.DSN)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.ExecContext(t.Context(), "SELECT session_key FROM django_session FOR UPDATE"); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Second)
	}, false},
	{"PostgreSQL read-only for 2 s", false, func(t *testing.T, s *site) {
		administer(t, s, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
		time.Sleep(2 * time.Second)
		administer(t, s, "SET default_transaction_read_only = off", "ALTER SYSTEM SET default_transaction_read_only = off", "SELECT pg_reload_conf()")
		time.Sleep(100 * time.Millisecond) // until every connection knows
	}, false},
	{"PostgreSQL frozen for 2 s", false, func(_ *testing.T, s *site) {
		s.postgres.Freeze()
		time.Sleep(2 * time.Second)
		s.postgres.Thaw()
	}, false},
}

// TestPostgresFaults: what can't be done is a 503, and nothing is lost.
func TestPostgresFaults(t *testing.T) {
	for _, f := range postgresFaults {
		for _, engine := range []string{"database, PostgreSQL", "cached_db"} {
			if !full() && (!f.quick || engine == "cached_db") {
				continue
			}
			t.Run(f.name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				s := &site{postgres: testserver.Postgres(t)}
				s.Engine, s.Driver, s.DSN = "database", "pgx", s.postgres.URL()
				if engine == "cached_db" {
					s.Engine = engine
					onRedis(t, &s.config)
				}
				suffer(t, engine, s, f, 2*time.Second, rules{longest: 6 * time.Second, recovery: time.Second})
			})
		}
	}
}

// TestMariaDBFaults is the least of the same.
func TestMariaDBFaults(t *testing.T) {
	if !full() {
		return
	}
	db := testserver.MariaDB(t)
	s := &site{}
	s.Engine, s.Driver, s.DSN = "database", "mysql", db.DSN("")
	suffer(t, "database, MariaDB", s, fault{name: "MariaDB killed", harm: func(*testing.T, *site) {
		db.Kill()
		db.Start()
	}}, 2*time.Second, rules{longest: 6 * time.Second, recovery: time.Second})
}

// TestMemcachedFaults: what memcached forgets in a restart is its doing.
func TestMemcachedFaults(t *testing.T) {
	if !full() {
		return
	}
	for _, f := range []string{"memcached restarted", "memcached frozen for 2 s"} {
		t.Run(f, func(t *testing.T) {
			t.Parallel()
			m := testserver.Memcached(t)
			s := &site{}
			s.Engine, s.Cache, s.Addrs = "cache", "memcached", []string{m.Addr}
			suffer(t, "cache, memcached", s, fault{name: f, harm: func(_ *testing.T, s *site) {
				if f == "memcached restarted" {
					s.ledger.forgets.Store(true)
					m.Stop()
					m.Start()
					return
				}
				m.Freeze()
				time.Sleep(2 * time.Second)
				m.Thaw()
			}}, 2*time.Second, rules{longest: 5 * time.Second, recovery: time.Second})
		})
	}
}

// TestClusterFailover: the master of a third of the sessions dies, and what its
// replica does not have yet is gone.
func TestClusterFailover(t *testing.T) {
	if !full() {
		return
	}
	t.Parallel()
	cluster := testserver.RedisCluster(t)
	s := &site{}
	s.Engine, s.Cache, s.Addrs = "cache", "cluster", cluster.Addrs()
	suffer(t, "cache, Redis Cluster", s, fault{name: "a master of the Cluster killed", harm: func(_ *testing.T, s *site) {
		s.ledger.forgets.Store(true)
		cluster.Master("a").Kill()
		time.Sleep(4 * time.Second) // a failover takes its time
	}}, 3*time.Second, rules{longest: 8 * time.Second, recovery: time.Second})
}

// TestFullDisk: no save is acknowledged that is not stored, and reading goes on.
func TestFullDisk(t *testing.T) {
	for _, engine := range []string{"database, SQLite", "file"} {
		t.Run(engine, func(t *testing.T) {
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
				missing := t.Skipf
				if os.Getenv("KEEPSAKE_STRICT") == "1" {
					missing = t.Fatalf
				}
				missing("NO DISK: a small file system can't be mounted (it needs root): %v", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			s := &site{}
			if s.Engine, s.Dir = "file", dir; engine != "file" {
				s.Engine, s.Driver, s.DSN = "database", "sqlite", "file:"+dir+"/sessions.db"+sqliteOptions
			}
			suffer(t, engine, s, fault{name: "a full disk", harm: func(t *testing.T, _ *site) {
				filler, err := os.Create(filepath.Join(dir, "filler"))
				if err != nil {
					t.Fatal(err)
				}
				for size := 1 << 20; size > 0; size /= 2 {
					for err = nil; err == nil; {
						_, err = filler.WriteString(strings.Repeat("x", size))
					}
				}
				time.Sleep(1500 * time.Millisecond)
				if err := os.Remove(filler.Name()); err != nil {
					t.Error(err)
				}
				filler.Close()
			}}, 1500*time.Millisecond, rules{reads: true, longest: 4 * time.Second, recovery: time.Second})
		})
	}
}

// TestClock: the clock of one process jumps, an hour forward, an hour back, and on
// to where it belongs.
func TestClock(t *testing.T) {
	for _, b := range backends {
		if b.processes < 2 || b.name != "database, SQLite" && !full() {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			s := &site{}
			b.start(t, &s.config)
			suffer(t, b.name, s, fault{name: "a clock that jumps by an hour", harm: func(_ *testing.T, s *site) {
				for _, ahead := range []string{"1h", "-1h", "30s", "0s"} {
					s.ledger.ps[0].Load().get("/clock", "", "ahead", ahead)
					time.Sleep(400 * time.Millisecond)
				}
			}}, 400*time.Millisecond, rules{reads: true, writes: true, longest: 4 * time.Second})
		})
	}
}
