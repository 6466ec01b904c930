package drivers_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/drivers"
	"github.com/keepsake-go/sessions/internal/secrettest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

func TestMain(m *testing.M) {
	slog.SetDefault(secrettest.Logger())
	code := testserver.Main(m).Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "goleak:", err)
		code = 1
	}
	os.Exit(code)
}

const secret = `SECRET_KEY = "a secret key of these tests, long enough for Django's check"` + "\n"

// load loads a file of that text and nothing else.
func load(t testing.TB, text string) (*config.Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keepsake.toml")
	if err := os.WriteFile(file, []byte(secret+text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := drivers.All()
	o.Environ = []string{}
	return config.Load(file, o)
}

// open opens the sessions of a configuration.
func open(t testing.TB, text string) *sessions.Manager {
	t.Helper()
	cfg, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// works stores a session with one process and reads it with another.
func works(t testing.TB, text string) {
	t.Helper()
	m := open(t, text)
	if _, err := m.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	s.Set("cat", "Felix")
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := open(t, text).Open(s.Key())
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cat := sessions.Get(other, "cat", ""); cat != "Felix" {
		t.Errorf("the other process reads %q", cat)
	}
	other.Set("cat", "Tom")
	if err := other.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Delete(t.Context(), s.Key()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ClearExpired(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// postgres is a database on a server, as a table of TOML.
func postgres(t testing.TB) (text string, db testserver.PostgresDatabase) {
	db = testserver.SharedPostgres(t)
	host, port, _ := strings.Cut(db.Addr, ":")
	return fmt.Sprintf("[DATABASES.default]\nENGINE = 'django.db.backends.postgresql'\nNAME = %q\nUSER = 'keepsake'\nPASSWORD = 'keepsake'\nHOST = %q\nPORT = %q\n",
		db.Name, host, port), db
}

func TestPostgreSQL(t *testing.T) {
	text, db := postgres(t)
	t.Run("table", func(t *testing.T) { works(t, text) })
	t.Run("URL", func(t *testing.T) { works(t, "[DATABASES]\ndefault = '"+db.URL()+"'\n") })
	t.Run("options", func(t *testing.T) {
		works(t, text+"DISABLE_SERVER_SIDE_CURSORS = true\nCONN_MAX_AGE = 60\n"+
			"[DATABASES.default.OPTIONS]\nsslmode = 'prefer'\nconnect_timeout = 5\napplication_name = 'site'\nassume_role = 'keepsake'\n"+
			"server_side_binding = true\nclient_encoding = 'UTF8'\npool = { min_size = 1, max_size = 3 }\noptions = '-c search_path=public'\n")
	})
	t.Run("what an option does", func(t *testing.T) {
		cfg, err := load(t, text+"OPTIONS = { application_name = 'site', pool = { max_size = 3 }, options = '-c statement_timeout=4321' }\n")
		if err != nil {
			t.Fatal(err)
		}
		d, _ := cfg.Database()
		opened, err := drivers.PostgreSQL(d)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		shows(t, opened, "SHOW application_name", "site")
		shows(t, opened, "SHOW statement_timeout", "4321ms")
		if n := opened.Stats().MaxOpenConnections; n != 3 {
			t.Errorf("at most %d connections", n)
		}
	})
	t.Run("schema and table", func(t *testing.T) {
		m := open(t, text+"[KEEPSAKE]\nTABLE = 'app.visits'\n")
		conn := rawPostgres(t, db)
		if _, err := conn.Exec("CREATE SCHEMA app"); err != nil {
			t.Fatal(err)
		}
		if made, err := m.Migrate(t.Context()); err != nil || !made {
			t.Fatal(made, err)
		}
		shows(t, conn, "SELECT count(*) FROM app.visits", "0")
	})
	t.Run("the other engines on it", func(t *testing.T) {
		works(t, "SESSION_ENGINE = 'cached_db'\n"+text+"[CACHES]\ndefault = 'filecache://"+t.TempDir()+"'\n")
		works(t, "SESSION_ENGINE = 'cache'\n"+text+"[CACHES]\ndefault = 'dbcache://cache_table?max_entries=100'\n")
		works(t, text+"[KEEPSAKE]\nHARDENED = true\nTABLE = 'hardened'\n")
	})
}

func rawPostgres(t testing.TB, db testserver.PostgresDatabase) *sql.DB {
	conn, err := sql.Open("pgx", db.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func shows(t testing.TB, db *sql.DB, query, want string) {
	t.Helper()
	var got string
	if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
		t.Errorf("%s: %q, %v, want %q", query, got, err, want)
	}
}

func TestMySQL(t *testing.T) {
	db := testserver.SharedMariaDB(t)
	host, port, _ := strings.Cut(db.Addr, ":")
	text := fmt.Sprintf("[DATABASES.default]\nENGINE = 'django.db.backends.mysql'\nNAME = %q\nUSER = 'keepsake'\nPASSWORD = 'keepsake'\nHOST = %q\nPORT = %q\n",
		db.Name, host, port)
	t.Run("table", func(t *testing.T) { works(t, text) })
	t.Run("URL", func(t *testing.T) {
		works(t, "[DATABASES]\ndefault = 'mysql://keepsake:keepsake@"+db.Addr+"/"+db.Name+"?charset=utf8mb4'\n")
	})
	t.Run("options", func(t *testing.T) {
		works(t, text+"[DATABASES.default.OPTIONS]\ncharset = 'utf8mb4'\ncollation = 'utf8mb4_unicode_ci'\nconnect_timeout = 5\n"+
			"read_timeout = 20\nwrite_timeout = 20\nsql_mode = 'STRICT_ALL_TABLES'\nisolation_level = 'read committed'\ninit_command = 'SET lock_wait_timeout = 77'\n")
	})
	t.Run("what an option does", func(t *testing.T) {
		cfg, err := load(t, text+"OPTIONS = { sql_mode = 'STRICT_ALL_TABLES', isolation_level = 'serializable', init_command = 'SET lock_wait_timeout = 77' }\n")
		if err != nil {
			t.Fatal(err)
		}
		d, _ := cfg.Database()
		opened, err := drivers.MySQL(d)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		shows(t, opened, "SELECT @@lock_wait_timeout", "77")
		shows(t, opened, "SELECT @@sql_mode", "STRICT_ALL_TABLES")
		shows(t, opened, "SELECT @@tx_isolation", "SERIALIZABLE")
	})
	t.Run("an init_command that fails", func(t *testing.T) {
		m := open(t, text+"OPTIONS = { init_command = 'SET nonsense = 1' }\n")
		if _, err := m.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "init_command") {
			t.Error(err)
		}
	})
	t.Run("TIME_ZONE", func(t *testing.T) { storesDatesIn(t, text, "TIME_ZONE = 'Asia/Tokyo'\n") })
}

// storesDatesIn is the same for SQLite and MySQL: dates are in the zone of the
// database, and are read in it.
func storesDatesIn(t *testing.T, text, zone string) {
	cfg, err := load(t, "USE_TZ = true\n"+text+zone)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := cfg.Database()
	m := open(t, "USE_TZ = true\n"+text+zone)
	if _, err := m.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := m.Open("")
	ends := time.Now().Add(72 * time.Hour).Truncate(time.Second).UTC()
	s.ExpireAt(ends)
	if err := s.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := drivers.All()
	raw, err := o.Databases[d.Engine](d)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	shows(t, raw, "SELECT substr(CAST(expire_date AS char), 1, 19) FROM django_session WHERE session_key = '"+s.Key()+"'",
		ends.In(d.TimeZone).Format("2006-01-02 15:04:05"))
	again := m.Open(s.Key())
	if err := again.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.Set("a", 1) // compares the date with what is stored
	if err := again.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a 100%?#.db")
	text := fmt.Sprintf("[DATABASES.default]\nENGINE = 'sqlite3'\nNAME = %q\n", file)
	t.Run("table", func(t *testing.T) { works(t, text) })
	t.Run("URL", func(t *testing.T) { works(t, "[DATABASES]\ndefault = 'sqlite:///"+t.TempDir()+"/x.db?timeout=20'\n") })
	t.Run("memory", func(t *testing.T) {
		m := open(t, "[DATABASES]\ndefault = 'sqlite://:memory:'\n")
		if made, err := m.Migrate(t.Context()); err != nil || !made {
			t.Fatal(made, err)
		}
		for range 20 { // on the same connection each time
			s := m.Open("")
			s.Set("a", 1)
			if err := s.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("options", func(t *testing.T) {
		cfg, err := load(t, text+"OPTIONS = { timeout = 1.5, transaction_mode = 'IMMEDIATE', init_command = 'PRAGMA journal_mode=WAL; PRAGMA cache_size=-4321;', check_same_thread = false }\n")
		if err != nil {
			t.Fatal(err)
		}
		d, _ := cfg.Database()
		db, err := drivers.SQLite(d)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		shows(t, db, "PRAGMA journal_mode", "wal")
		shows(t, db, "PRAGMA cache_size", "-4321")
		shows(t, db, "PRAGMA busy_timeout", "1500")
	})
	t.Run("TIME_ZONE", func(t *testing.T) {
		storesDatesIn(t, "[DATABASES.default]\nENGINE = 'sqlite3'\nNAME = '"+t.TempDir()+"/x.db'\n", "TIME_ZONE = 'Asia/Tokyo'\n")
	})
}

func TestRedis(t *testing.T) {
	server := testserver.Redis(t, testserver.RedisOptions{ACL: true})
	host, port, _ := strings.Cut(server.Addr, ":")
	engine := "SESSION_ENGINE = 'cache'\n"
	t.Run("URL", func(t *testing.T) { works(t, engine+"[CACHES]\ndefault = '"+server.URL()+"'\n") })
	t.Run("options", func(t *testing.T) {
		works(t, engine+"[CACHES.default]\nBACKEND = 'django.core.cache.backends.redis.RedisCache'\nLOCATION = 'redis://"+server.Addr+"'\nKEY_PREFIX = 'x'\n"+
			"[CACHES.default.OPTIONS]\ndb = 1\nusername = 'keepsake'\npassword = 'keepsake'\nsocket_timeout = 3\npool_class = 'redis.BlockingConnectionPool'\n")
	})
	t.Run("django-redis", func(t *testing.T) {
		for _, how := range []string{
			"", "SERIALIZER = 'django_redis.serializers.json.JSONSerializer'", "COMPRESSOR = 'django_redis.compressors.zlib.ZlibCompressor'\nPICKLE_VERSION = -1",
		} {
			works(t, engine+"[CACHES.default]\nBACKEND = 'django_redis.cache.RedisCache'\nLOCATION = 'redis://keepsake@"+host+":"+port+"/2'\n"+
				"[CACHES.default.OPTIONS]\nCLIENT_CLASS = 'django_redis.client.DefaultClient'\nPASSWORD = 'keepsake'\nSOCKET_CONNECT_TIMEOUT = 5\n"+
				"CONNECTION_POOL_KWARGS = { max_connections = 100 }\n"+how+"\n")
		}
	})
	t.Run("cached_db", func(t *testing.T) {
		works(t, "SESSION_ENGINE = 'cached_db'\n[DATABASES]\ndefault = 'sqlite:///"+t.TempDir()+"/x.db'\n[CACHES]\ndefault = '"+server.URL()+"'\n[KEEPSAKE]\nCACHED_DB_STRICT = true\n")
	})
	t.Run("a server that does not run", func(t *testing.T) {
		m := open(t, engine+"[CACHES]\ndefault = 'redis://127.0.0.1:1'\n") // starts all the same
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := m.Exists(ctx, strings.Repeat("a", 32)); err == nil || ctx.Err() != nil {
			t.Error(err, ctx.Err())
		}
	})
}

func TestSentinel(t *testing.T) {
	s := testserver.RedisSentinel(t)
	var list []string
	for _, sentinel := range s.Sentinels {
		host, port, _ := strings.Cut(sentinel.Addr, ":")
		list = append(list, fmt.Sprintf("[%q, %s]", host, port))
	}
	works(t, "SESSION_ENGINE = 'cache'\n[CACHES.default]\nBACKEND = 'django_redis.cache.RedisCache'\nLOCATION = 'redis://"+s.MasterName+"/0'\n"+
		"[CACHES.default.OPTIONS]\nCLIENT_CLASS = 'django_redis.client.SentinelClient'\nSENTINELS = ["+strings.Join(list, ", ")+"]\n")
}

func TestMemcached(t *testing.T) {
	first, second := testserver.Memcached(t), testserver.Memcached(t)
	for _, text := range []string{
		"default = 'memcached://" + first.Addr + "'\n",
		"default = 'pylibmc://" + first.Addr + "," + second.Addr + "?timeout=5'\n",
		"[CACHES.default]\nBACKEND = 'django.core.cache.backends.memcached.PyMemcacheCache'\nLOCATION = ['" + first.Addr + "', '" + second.Addr + "']\nOPTIONS = { no_delay = true, max_pool_size = 4 }\n",
	} {
		works(t, "SESSION_ENGINE = 'cache'\n[CACHES]\n"+text)
	}
}

// What a driver can't honour is refused by name, with its line.
func TestRefused(t *testing.T) {
	sqlite := "[DATABASES.default]\nENGINE = 'sqlite3'\nNAME = 'x.db'\nOPTIONS = "
	postgresql := "[DATABASES.default]\nENGINE = 'postgresql'\nNAME = 'x'\nPASSWORD = 'hunter2'\nOPTIONS = "
	mysql := "[DATABASES.default]\nENGINE = 'mysql'\nNAME = 'x'\nPASSWORD = 'hunter2'\nOPTIONS = "
	redis := "SESSION_ENGINE = 'cache'\n[CACHES.default]\nBACKEND = 'django.core.cache.backends.redis.RedisCache'\nLOCATION = 'redis://:hunter2@h'\nOPTIONS = "
	djangoRedis := strings.Replace(redis, "django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache", 1)
	memcached := "SESSION_ENGINE = 'cache'\n[CACHES.default]\nBACKEND = 'django.core.cache.backends.memcached.PyMemcacheCache'\nLOCATION = 'h'\nOPTIONS = "
	for text, want := range map[string]string{
		sqlite + "{ isolation_level = 'x' }":                                                  "keepsake.toml:5: DATABASES.default.OPTIONS.isolation_level can't be honoured",
		sqlite + "{ timeot = 3 }":                                                             "OPTIONS.timeot is not known here: known are",
		sqlite + "{ timeout = 'x' }":                                                          "OPTIONS.timeout must be a number of seconds",
		sqlite + "{ transaction_mode = 'x' }":                                                 "OPTIONS.transaction_mode must be one of DEFERRED, IMMEDIATE, EXCLUSIVE",
		"[DATABASES]\ndefault = 'sqlite:////no/such/folder/x.db'\n":                           "keepsake.toml:3: DATABASES.default.NAME is in a folder that is not there: /no/such/folder",
		"[DATABASES]\ndefault = 'sqlite:////'\n":                                              "DATABASES.default.NAME is a folder: /",
		"[DATABASES.default]\nENGINE = 'sqlite3'\n":                                           "DATABASES.default.NAME is empty",
		postgresql + "{ isolation_level = 4 }":                                                "OPTIONS.isolation_level can't be honoured",
		postgresql + "{ sslmode = 'nonsense' }":                                               "OPTIONS.sslmode must be one of disable, allow",
		postgresql + "{ sslmode = 'verify-full', sslrootcert = '/no/such' }\nHOST = 'h'":      "DATABASES.default.OPTIONS can't be used: unable to read",
		postgresql + "{ client_encoding = 'latin1' }":                                         "OPTIONS.client_encoding can't be honoured",
		postgresql + "{ pool = { open = true, siz = 3 } }":                                    "OPTIONS.siz is not known here",
		postgresql + "{ hostaddr = 'x' }":                                                     "OPTIONS.hostaddr can't be honoured: put the address into HOST",
		mysql + "{ read_default_file = '/etc/my.cnf' }":                                       "OPTIONS.read_default_file can't be honoured",
		mysql + "{ isolation_level = 'x' }":                                                   "OPTIONS.isolation_level must be one of",
		mysql + "{ ssl = { ca = '/no/such' } }":                                               "OPTIONS.ssl has no certificates in ca: /no/such",
		mysql + "{ charset = 5 }":                                                             "OPTIONS.charset must be a string",
		redis + "{ serializer = 'mysite.Mine' }":                                              "CACHES.default.OPTIONS.serializer can't be honoured",
		redis + "{ nonsense = 1 }":                                                            "CACHES.default.OPTIONS can't be used:",
		redis + "{ wait_replicas = -1 }":                                                      "OPTIONS.wait_replicas must be a whole number",
		djangoRedis + "{ COMPRESSOR = 'django_redis.compressors.lzma.LzmaCompressor' }":       "OPTIONS.COMPRESSOR can't be honoured: LzmaCompressor",
		djangoRedis + "{ SERIALIZER = 'django_redis.serializers.msgpack.MSGPackSerializer' }": "OPTIONS.SERIALIZER can't be honoured: MSGPackSerializer",
		djangoRedis + "{ CLIENT_CLASS = 'django_redis.client.ShardClient' }":                  "OPTIONS.CLIENT_CLASS can't be honoured: ShardClient",
		djangoRedis + "{ CLIENT_CLASS = 'django_redis.client.SentinelClient' }":               "OPTIONS.SENTINELS must be a list",
		djangoRedis + "{ PICKLE_VERSION = 'x' }":                                              "OPTIONS.PICKLE_VERSION must be a number",
		djangoRedis + "{ NONSENSE = 1 }":                                                      "OPTIONS.NONSENSE is not known here",
		strings.Replace(djangoRedis, "'cache'", "'cached_db'", 1) + "{ SERIALIZER = 'x.JSONSerializer' }\n[DATABASES]\ndefault = 'sqlite://'": "OPTIONS.SERIALIZER must be a pickle for cached_db",
		memcached + "{ serde = 'x' }":                                               "OPTIONS.serde can't be honoured",
		"SESSION_ENGINE = 'cache'\n[CACHES]\ndefault = 'redis://:hunter2@h:x'\n":    "CACHES.default.LOCATION can't be used",
		"SESSION_ENGINE = 'cache'\n[CACHES]\ndefault = 'memcached://'\n":            "CACHES.default.LOCATION",
		"SESSION_ENGINE = 'cache'\n[CACHES]\ndefault = 'filecache:///dev/null/x'\n": "CACHES.default.LOCATION can't be used",
		"SESSION_ENGINE = 'cache'\n[CACHES]\ndefault = 'locmem://?max_entries=x'\n": "OPTIONS.MAX_ENTRIES must be a whole number",
	} {
		cfg, err := load(t, text)
		if err == nil {
			_, _, err = cfg.Open()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password in: %v", err)
		}
	}
}
