package config_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/config"
)

const secret = `SECRET_KEY = "a secret key of these tests, long enough for Django's check"` + "\n"

// options are those of a program with a database and a cache of its own.
func options() config.Options {
	database := func(config.Database) (*sql.DB, error) { return nil, errors.New("not to be opened") }
	server := func(config.Cache) (config.OpenedCache, error) {
		return config.OpenedCache{}, errors.New("not to be opened")
	}
	return config.Options{
		Databases: map[string]config.OpenDatabase{
			"django.db.backends.sqlite3": database, "django.db.backends.postgresql": database, "mysql": database,
		},
		Caches: map[string]config.OpenCache{
			"django.core.cache.backends.redis.RedisCache":          server,
			"django.core.cache.backends.memcached.PyMemcacheCache": server,
		},
		Engines: map[string]config.MakeEngine{
			"mysite.sessions": func(*config.Resources) (sessions.Engine, error) { return nil, errors.New("not to be made") },
		},
		Serializers:  map[string]codec.Serializer{"mysite.Compact": codec.JSONSerializer{}},
		KeyFunctions: map[string]func(string, string, int) string{"mysite.make_key": func(key, _ string, _ int) string { return key }},
		Environ:      []string{},
	}
}

// load loads a file of that text, and environment variables.
func load(t testing.TB, text string, environ ...string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("keepsake.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Environ = environ
	if o.Environ == nil {
		o.Environ = []string{}
	}
	return config.Load("keepsake.toml", o)
}

const site = secret + `
[DATABASES.default]
ENGINE = "django.db.backends.postgresql"
NAME = "site"
`

func TestSettings(t *testing.T) {
	c, err := load(t, secret+`
SECRET_KEY_FALLBACKS = ["older", "oldest"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_AGE = 1800
SESSION_COOKIE_NAME = "sid"
SESSION_COOKIE_DOMAIN = ".example.com"
SESSION_COOKIE_PATH = "/app"
SESSION_COOKIE_SECURE = true
SESSION_COOKIE_HTTPONLY = false
SESSION_COOKIE_SAMESITE = "None"
SESSION_SAVE_EVERY_REQUEST = true
SESSION_EXPIRE_AT_BROWSER_CLOSE = true
USE_TZ = false
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = ["django.contrib.sessions"]

[KEEPSAKE]
SAVE_TIMEOUT = 2.5
TIMEOUTS = "AAL2"
IDLE_TIMEOUT = 600
TOUCH_INTERVAL = 1.5
WATCH_INTERVAL = 0.25
WARN_SIZE = -1
MAX_SIZE = 100000
MAX_STORE_CALLS = 500
PARTITIONED = true
FORMER_COOKIE_DOMAINS = ["", "old.example.com"]
`)
	if err != nil {
		t.Fatal(err)
	}
	st := c.Settings()
	got := fmt.Sprintln(st.SecretKey[:8], st.SecretKeyFallbacks, st.CookieAge, st.CookieName, st.CookieDomain, st.CookiePath,
		st.CookieSecure, st.CookieHTTPOnly, st.CookieSameSite, st.SaveEveryRequest, st.ExpireAtBrowserClose, st.UseTZ, st.TimeZone,
		st.SaveTimeout, st.WarnSize, st.MaxSize, st.MaxStoreCalls, st.Partitioned, st.Timeouts, st.TouchInterval, st.WatchInterval,
		len(st.FormerCookieDomains), st.FormerCookieDomains)
	want := "a secret [older oldest] 30m0s sid .example.com /app true false None true true false Europe/Berlin 2.5s -1 100000 500 true {10m0s 12h0m0s} 1.5s 250ms 2 [ old.example.com]\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c.EngineName() != "django.contrib.sessions.backends.signed_cookies" {
		t.Errorf("engine %s", c.EngineName())
	}
}

// What a file leaves out is Django's default.
func TestDefaults(t *testing.T) {
	c, err := load(t, site)
	if err != nil {
		t.Fatal(err)
	}
	st, want := c.Settings(), sessions.DefaultSettings()
	want.SecretKey, want.CookieSecure = st.SecretKey, false
	if fmt.Sprintf("%+v", plainSettings(st)) != fmt.Sprintf("%+v", plainSettings(want)) {
		t.Errorf("got  %+v\nwant %+v", plainSettings(st), plainSettings(want))
	}
	if c.EngineName() != "django.contrib.sessions.backends.db" || c.Table() != "django_session" {
		t.Errorf("%s, %s", c.EngineName(), c.Table())
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "W012") || !strings.Contains(w, "SESSION_COOKIE_SECURE is not set: False, as in Django") {
		t.Errorf("warnings: %s", w)
	}
}

func plainSettings(st sessions.Settings) any {
	type plain sessions.Settings // without its Format
	return plain(st)
}

// USE_TZ off without a TIME_ZONE is Django's own default zone.
func TestTimeZoneDefault(t *testing.T) {
	c, err := load(t, "USE_TZ = false\n"+site)
	if err != nil {
		t.Fatal(err)
	}
	if zone := c.Settings().TimeZone; zone == nil || zone.String() != "America/Chicago" {
		t.Errorf("zone %v", zone)
	}
}

func TestEnvironment(t *testing.T) {
	c, err := load(t, "SESSION_COOKIE_AGE = 5\nSESSION_COOKIE_SECURE = true\n"+site,
		"SECRET_KEY=another secret key", "SECRET_KEY_FALLBACKS=a, b,c", "SESSION_COOKIE_AGE=60", "SESSION_COOKIE_SECURE=off",
		"SESSION_COOKIE_SAMESITE=False", "SESSION_SAVE_EVERY_REQUEST=1", "SESSION_COOKIE_HTTPONLY=no", "USE_TZ=True", "TIME_ZONE=UTC",
		"SESSION_COOKIE_DOMAIN=None", "SESSION_COOKIE_NAME=", "KEEPSAKE_TABLE=app.sessions", "KEEPSAKE_SAVE_TIMEOUT=1.5",
		"DATABASE_URL=mysql://u:p%40ss@db:3307/other?charset=utf8mb4&conn_max_age=60",
		// Somebody else's.
		"SESSION_MANAGER=local/host:@/tmp/.ICE-unix/1", "KEEPSAKE_PYTHON=/usr/bin/python3", "XDG_SESSION_ID=3", "DATABASES=x", "CACHES=y")
	if err != nil {
		t.Fatal(err)
	}
	st := c.Settings()
	got := fmt.Sprintln(st.SecretKey, st.SecretKeyFallbacks, st.CookieAge, st.CookieSecure, st.CookieSameSite == "", st.SaveEveryRequest,
		st.CookieHTTPOnly, st.UseTZ, st.TimeZone, st.CookieDomain == "", st.CookieName, c.Table(), st.SaveTimeout)
	want := "another secret key [a b c] 1m0s false true true false true UTC true sessionid app.sessions 1.5s\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	db, _ := c.Database()
	if db.Password != "p@ss" || db.ConnMaxAge != time.Minute || db.Options["charset"] != "utf8mb4" {
		t.Errorf("database %+v, %v", db.Options, db.ConnMaxAge)
	}
	if text := fmt.Sprintf("%v %+v %#v", db, db, db); strings.Contains(text, "p@ss") || !strings.Contains(text, `mysql "other" on db:3307`) {
		t.Errorf("shown as %s", text)
	}
	if c, err = load(t, site, `SECRET_KEY_FALLBACKS=["x,y", "z"]`); err != nil || len(c.Settings().SecretKeyFallbacks) != 2 {
		t.Errorf("JSON: %v, %v", c, err)
	}
}

// wrong is a configuration and what its errors say, one a line.
var wrong = []struct {
	name, text string
	environ    []string
	want       []string
}{
	{"everything at once", `SESSION_COOKIE_AGE = "x"
SESION_COOKIE_NAME = "a"
SESSION_COOKIE_SAMESITE = "Laxx"
`, nil, []string{
		"config: SECRET_KEY is not set",
		`config: SESSION_ENGINE "django.contrib.sessions.backends.db" needs a database: set DATABASES.default or DATABASE_URL`,
		"config: keepsake.toml:1: SESSION_COOKIE_AGE must be an integer, not a string",
		"config: keepsake.toml:2: unknown setting SESION_COOKIE_NAME; did you mean SESSION_COOKIE_NAME?",
		`config: keepsake.toml:3: CookieSameSite (SESSION_COOKIE_SAMESITE) must be "Lax", "Strict", "None" or empty, not "Laxx"`,
	}},
	{"TOML", "a = 1\nb = \n", nil, []string{"config: keepsake.toml:2: "}},
	{"twice", "USE_TZ = true\nUSE_TZ = false\n", nil, []string{"config: keepsake.toml:2: key USE_TZ is already defined"}},
	{"case", "session_cookie_age = 5\n" + site, nil, []string{"config: keepsake.toml:1: unknown setting session_cookie_age; did you mean SESSION_COOKIE_AGE?"}},
	{"nothing near", "CELERY_BROKER_URL = 'x'\n" + site, nil, []string{"config: keepsake.toml:1: unknown setting CELERY_BROKER_URL"}},
	{"in a table", site + "SESSION_COOKIE_AGE = 5\n", nil, []string{
		"config: keepsake.toml:6: SESSION_COOKIE_AGE is in the table [DATABASES.default]: settings without a table come before the first table",
	}},
	{"types", secret + `SESSION_COOKIE_SECURE = "yes"
SESSION_COOKIE_AGE = 1.5
SESSION_COOKIE_NAME = 5
SECRET_KEY_FALLBACKS = ["a", 1]
SESSION_COOKIE_HTTPONLY = 1
DATABASES = 5
CACHES = [1]
KEEPSAKE = true
USE_TZ = 1979-05-27
`, nil, []string{
		"2: SESSION_COOKIE_SECURE must be true or false, not a string",
		"3: SESSION_COOKIE_AGE must be an integer, not a float",
		"4: SESSION_COOKIE_NAME must be a string, not an integer",
		"5: SECRET_KEY_FALLBACKS must be a list of strings",
		"6: SESSION_COOKIE_HTTPONLY must be true or false, not an integer",
		"7: DATABASES must be a table, not an integer",
		"8: CACHES must be a table, not a list",
		"9: KEEPSAKE must be a table, not a boolean",
		"10: USE_TZ must be true or false, not a date",
	}},
	{"ranges", "SESSION_COOKIE_AGE = 0\nTIME_ZONE = 'Europe/Berlim'\n" + site + "[KEEPSAKE]\nMAX_SIZE = -1\nSAVE_TIMEOUT = -1\n", nil, []string{
		"1: SESSION_COOKIE_AGE must be at least 1, not 0",
		`2: TIME_ZONE: there is no time zone "Europe/Berlim"`,
		"9: MAX_SIZE must be at least 0, not -1",
		"10: SAVE_TIMEOUT must be a number of at least 0",
	}},
	{"timeouts", site + "[KEEPSAKE]\nTIMEOUTS = 'AAL4'\nIDLE_TIMEOUT = 1.5\nABSOLUTE_TIMEOUT = -1\nTOUCH_INTERVAL = 'x'\nWATCH_INTERVAL = 0.001\nCACHED_DB_ENTRY_LIFE = 1e-9\nCACHED_DB_TIMEOUT = 1e10\n", nil, []string{
		`7: TIMEOUTS must be "AAL1", "AAL2" or "AAL3"; IDLE_TIMEOUT and ABSOLUTE_TIMEOUT take numbers of seconds`,
		"8: IDLE_TIMEOUT must be an integer, not a float",
		"9: ABSOLUTE_TIMEOUT must be at least 0, not -1",
		"10: TOUCH_INTERVAL must be a number of at least 0",
		"11: WATCH_INTERVAL must be 0 or at least 10ms",
		"12: CACHED_DB_ENTRY_LIFE must be 0 or at least 1ms",
		"13: CACHED_DB_TIMEOUT is too large",
	}},
	{"idle longer than absolute", site + "[KEEPSAKE]\nTIMEOUTS = 'AAL3'\n", []string{"KEEPSAKE_IDLE_TIMEOUT=90000"}, []string{
		"KEEPSAKE_IDLE_TIMEOUT: IDLE_TIMEOUT (25h0m0s) is longer than ABSOLUTE_TIMEOUT (12h0m0s)",
	}},
	{"absolute shorter than idle", site + "[KEEPSAKE]\nTIMEOUTS = 'AAL3'\nABSOLUTE_TIMEOUT = 60\n", nil, []string{
		"8: IDLE_TIMEOUT (15m0s) is longer than ABSOLUTE_TIMEOUT (1m0s)",
	}},
	{"a timeout outside of its table", "SESSION_IDLE_TIMEOUT = 5\nABSOLUTE_TIMEOUT = 5\n" + site, nil, []string{
		"1: unknown setting SESSION_IDLE_TIMEOUT: it is IDLE_TIMEOUT in the table [KEEPSAKE]",
		"2: ABSOLUTE_TIMEOUT belongs into the table [KEEPSAKE]",
	}},
	{"a huge age", "SESSION_COOKIE_AGE = 10000000000\n" + site, nil, []string{"1: SESSION_COOKIE_AGE is too large"}},
	{"engine", "SESSION_ENGINE = 'cachd_db'\n" + site, nil, []string{`1: unknown SESSION_ENGINE "cachd_db"; did you mean cached_db?`}},
	{"dotted engine", "SESSION_ENGINE = 'django.contrib.sessions.backends.cachedb'\n" + site, nil, []string{
		"did you mean django.contrib.sessions.backends.cached_db?",
	}},
	{"own engine", "SESSION_ENGINE = 'mysite.session'\n" + site, nil, []string{"did you mean mysite.sessions?"}},
	{"serializer", "SESSION_SERIALIZER = 'mysite.Compct'\n" + site, nil, []string{
		`1: unknown SESSION_SERIALIZER "mysite.Compct"; did you mean mysite.Compact?`,
	}},
	{"database engine", secret + "[DATABASES.default]\nENGINE = 'django.db.backends.postgres'\nNAME = 'x'\n", nil, []string{
		`3: DATABASES.default: no driver for ENGINE "django.db.backends.postgres"; did you mean django.db.backends.postgresql?`,
	}},
	{"database names", secret + "[DATABASES.default]\nENGINE = 'sqlite3'\nNAM = 'x'\nPORT = 99999\nTIME_ZONE = 'x'\n", nil, []string{
		"4: unknown name NAM in DATABASES.default; did you mean NAME?", "5: PORT must be at most 65535, not 99999",
		`6: TIME_ZONE: there is no time zone "x"`,
	}},
	{"no ENGINE", secret + "[DATABASES.default]\nNAME = 'x'\n", nil, []string{"2: DATABASES.default has no ENGINE"}},
	{"database alias", site + "[KEEPSAKE]\nDATABASE = 'defualt'\n", nil, []string{"7: there is no DATABASES.defualt; did you mean default?"}},
	{"zone without USE_TZ", "USE_TZ = false\nTIME_ZONE = 'UTC'\n" + site + "TIME_ZONE = 'Europe/Berlin'\n", nil, []string{
		"TIME_ZONE can't be set when USE_TZ is off",
	}},
	{"cache alias", "SESSION_ENGINE = 'cache'\nSESSION_CACHE_ALIAS = 'session'\n" + secret + "[CACHES]\nsessions = 'locmem://'\n", nil, []string{
		"2: SESSION_CACHE_ALIAS: there is no CACHES.session; did you mean sessions?",
	}},
	{"backend", secret + "SESSION_ENGINE = 'cache'\n[CACHES.default]\nBACKEND = 'django.core.cache.backends.redis.RedisCach'\nKEY_FUNCTION = 'mysite.makekey'\n", nil, []string{
		"4: CACHES.default: unknown BACKEND \"django.core.cache.backends.redis.RedisCach\"; did you mean django.core.cache.backends.redis.RedisCache?",
		"5: CACHES.default: no key function \"mysite.makekey\" is registered in Options.KeyFunctions; did you mean mysite.make_key?",
	}},
	{"a driver that is missing", secret + "SESSION_ENGINE = 'cache'\n[CACHES.default]\nBACKEND = 'django_redis.cache.RedisCache'\n", nil, []string{
		`no driver for BACKEND "django_redis.cache.RedisCache": Options.Caches has none; config/drivers has Django's`,
	}},
	{"no database for DatabaseCache", secret + "SESSION_ENGINE = 'cache'\n[CACHES]\ndefault = 'dbcache://t'\n", nil, []string{
		"DatabaseCache needs a database: set DATABASES.default",
	}},
	{"environment", site, []string{"SESSION_COOKIE_AEG=5", "SESSION_COOKIE_SECURE=maybe", "SESSION_COOKIE_AGE=soon", "KEEPSAKE_TABEL=x"}, []string{
		"config: $KEEPSAKE_TABEL: is no setting; did you mean KEEPSAKE_TABLE?",
		"config: $SESSION_COOKIE_AEG: is no setting; did you mean SESSION_COOKIE_AGE?",
		"config: $SESSION_COOKIE_AGE: SESSION_COOKIE_AGE must be a whole number",
		"config: $SESSION_COOKIE_SECURE: SESSION_COOKIE_SECURE must be True or False",
	}},
	{"URLs", secret + "SESSION_ENGINE = 'cached_db'\n", []string{"DATABASE_URL=oracle://u:hunter2@h/x", "CACHE_URL=hunter2"}, []string{
		"config: $CACHE_URL: CACHES.default: a cache is a URL, for instance redis://127.0.0.1:6379/0",
		`config: $DATABASE_URL: DATABASES.default: no database has URLs with "oracle://"`,
	}},
	{"a password that is not encoded", secret, []string{"DATABASE_URL=postgres://u:hunt%er2@h/x"}, []string{
		"$DATABASE_URL: DATABASES.default: the URL can't be read: percent-encode the special characters",
	}},
	{"__Host-", "SESSION_COOKIE_NAME = '__Host-sid'\n" + site, nil, []string{
		`1: CookieName (SESSION_COOKIE_NAME) "__Host-sid" needs CookieSecure`,
	}},
}

func TestWrong(t *testing.T) {
	for _, test := range wrong {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, test.text, test.environ...)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Errorf("%d errors, want %d", len(lines), len(test.want))
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("missing: %s", want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hunt%er2") {
				t.Error("a password is in the error")
			}
			if t.Failed() {
				t.Logf("the error:\n%v", err)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "no.toml"), options())
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "config: ") {
		t.Error(err)
	}
}

func TestEngineNames(t *testing.T) {
	for _, name := range []string{
		"db", "cache", "cached_db", "file", "signed_cookies", "encrypted_cookies", "memory", "mysite.sessions",
		"django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cache", "django.contrib.sessions.backends.cached_db",
		"django.contrib.sessions.backends.file", "django.contrib.sessions.backends.signed_cookies",
	} {
		if _, err := load(t, "SESSION_ENGINE = '"+name+"'\n"+site); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every form in which a database can be named.
func TestDatabaseURLs(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:p@h:5433/n":                        `postgresql n u p h 5433 map[]`,
		"postgresql://h/n?sslmode=require":               `postgresql n   h 0 map[sslmode:require]`,
		"psql://u:p%40%2F%3A%23@h/n":                     `postgresql n u p@/:# h 0 map[]`,
		"postgres://u:p@[::1]:5432/n":                    `postgresql n u p ::1 5432 map[]`,
		"postgres://u@%2Fvar%2Frun%2Fpostgresql/n":       `postgresql n u  /var/run/postgresql 0 map[]`,
		"postgres:///n?host=/run/pg":                     `postgresql n   /run/pg 0 map[]`,
		"postgres://u:a@b:c@h/n":                         `postgresql n u a@b:c h 0 map[]`,
		"mysql://u:p@h/n?ssl-ca=/ca.pem&charset=utf8mb4": `mysql n u p h 0 map[charset:utf8mb4 ssl:map[ca:/ca.pem]]`,
		"mysql://u@/n?unix_socket=/run/my.sock":          `mysql n u  /run/my.sock 0 map[]`,
		"sqlite:///rel/site.db":                          `sqlite3 rel/site.db    0 map[]`,
		"sqlite:////abs/site%20a.db?timeout=20":          `sqlite3 /abs/site a.db    0 map[timeout:20]`,
		"sqlite://:memory:":                              `sqlite3 :memory:    0 map[]`,
		"sqlite://":                                      `sqlite3 :memory:    0 map[]`,
	} {
		for _, inFile := range []bool{true, false} {
			var c *config.Config
			var err error
			if inFile {
				c, err = load(t, secret+"[DATABASES]\ndefault = '"+url+"'\n")
			} else {
				c, err = load(t, secret, "DATABASE_URL="+url)
			}
			if err != nil {
				t.Errorf("%s: %v", url, err)
				continue
			}
			d, _ := c.Database()
			got := fmt.Sprint(strings.TrimPrefix(d.Engine, "django.db.backends."), " ", d.Name, " ", d.User, " ", d.Password, " ", d.Host, " ", d.Port, " ", d.Options)
			if got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", url, got, want)
			}
		}
	}
}

func TestCacheURLs(t *testing.T) {
	for url, want := range map[string]string{
		"redis://:p@h:6379/1?key_prefix=x&socket_timeout=2": "django.core.cache.backends.redis.RedisCache [redis://:p@h:6379/1] x map[socket_timeout:2]",
		"rediss://h":                       "django.core.cache.backends.redis.RedisCache [rediss://h]  map[]",
		"rediscache://h:6379":              "django.core.cache.backends.redis.RedisCache [redis://h:6379]  map[]",
		"memcached://a:11211,b:11211":      "django.core.cache.backends.memcached.PyMemcacheCache [a:11211,b:11211]  map[]",
		"pymemcache:///run/memcached.sock": "django.core.cache.backends.memcached.PyMemcacheCache [unix:/run/memcached.sock]  map[]",
		"locmem://":                        "django.core.cache.backends.locmem.LocMemCache []  map[]",
		"locmem://?max_entries=0":          "django.core.cache.backends.locmem.LocMemCache []  map[MAX_ENTRIES:0]",
		"filecache:///var/cache/site":      "django.core.cache.backends.filebased.FileBasedCache [/var/cache/site]  map[]",
		"dbcache://cache_table?version=2":  "django.core.cache.backends.db.DatabaseCache [cache_table]  map[]",
		"dummycache://":                    "django.core.cache.backends.dummy.DummyCache []  map[]",
	} {
		c, err := load(t, "SESSION_ENGINE = 'cached_db'\n"+site, "CACHE_URL="+url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		got, _ := c.Cache()
		if text := fmt.Sprint(got.Backend, " ", got.Location, " ", got.Keys.Prefix, " ", got.Options); text != want {
			t.Errorf("%s:\ngot  %s\nwant %s", url, text, want)
		}
		if strings.Contains(url, "version=2") && got.Keys.Version != 2 {
			t.Errorf("%s: version %d", url, got.Keys.Version)
		}
		if text := fmt.Sprintf("%+v", got); strings.Contains(text, ":p@") {
			t.Errorf("shown as %s", text)
		}
	}
}

func TestCaches(t *testing.T) {
	c, err := load(t, secret+`
SESSION_ENGINE = "cache"
SESSION_CACHE_ALIAS = "sessions"
[CACHES.default]
BACKEND = "dummy"
[CACHES.sessions]
BACKEND = "django.core.cache.backends.redis.RedisCache"
LOCATION = ["redis://primary:6379", "redis://replica:6379"]
KEY_PREFIX = "site"
VERSION = 3
TIMEOUT = "None"
KEY_FUNCTION = "mysite.make_key"
OPTIONS = { db = 2, password = "hunter2" }
`)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := c.Cache()
	if got.Alias != "sessions" || len(got.Location) != 2 || got.Keys.Prefix != "site" || got.Keys.Version != 3 ||
		got.Keys.Make("k") != "k" || got.Options["db"] != int64(2) {
		t.Errorf("%v: %#v", got, got.Options)
	}
	if err := got.Errorf("OPTIONS.db", "is odd"); err.Error() != "config: keepsake.toml:14: CACHES.sessions.OPTIONS.db is odd" {
		t.Error(err)
	}
	if _, name := c.Database(); name {
		t.Error("the engine cache has a database")
	}
	maxEntries, frequency, err := config.Cache{Options: map[string]any{"MAX_ENTRIES": int64(10), "CULL_FREQUENCY": "0"}}.CullOptions()
	if err != nil || maxEntries != 10 || frequency != -1 {
		t.Error(maxEntries, frequency, err)
	}
	if most, _, _ := (config.Cache{}).CullOptions(); most != cache.DefaultMaxEntries {
		t.Error(most)
	}
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":     {"SESSION_COOKIE_SECURE = true\nUSE_TZ = true\n" + site, ""},
		"W012":        {"SESSION_COOKIE_SECURE = false\n" + site, "(security.W012) SESSION_COOKIE_SECURE is not set to True."},
		"W015":        {"SESSION_COOKIE_SECURE = true\nSESSION_COOKIE_HTTPONLY = false\n" + site, "(security.W015) SESSION_COOKIE_HTTPONLY is not set to True."},
		"USE_TZ":      {"SESSION_COOKIE_SECURE = true\n" + secret + "[DATABASES]\ndefault = 'sqlite:///a.db'\n", "USE_TZ is not set"},
		"zone":        {"SESSION_COOKIE_SECURE = true\nUSE_TZ = false\n" + site, "America/Chicago"},
		"MAX_ENTRIES": {"SESSION_COOKIE_SECURE = true\nSESSION_ENGINE = 'cache'\n" + secret, "CACHES.default has no OPTIONS.MAX_ENTRIES"},
	} {
		c, err := load(t, test.text)
		if err != nil {
			t.Fatal(name, err)
		}
		got := strings.Join(c.Warnings(), "\n")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// The timeouts of each preset, and what overrides one, in the environment too.
func TestTimeouts(t *testing.T) {
	for _, test := range []struct {
		text    string
		environ []string
		want    sessions.Timeouts
	}{
		{"", nil, sessions.Timeouts{}},
		{"TIMEOUTS = 'AAL1'", nil, sessions.AAL1()},
		{"TIMEOUTS = 'AAL2'", nil, sessions.AAL2()},
		{"", []string{"KEEPSAKE_TIMEOUTS=AAL3"}, sessions.AAL3()},
		{"TIMEOUTS = 'AAL2'\nIDLE_TIMEOUT = 0", nil, sessions.Timeouts{Absolute: 12 * time.Hour}},
		{"IDLE_TIMEOUT = 60\nABSOLUTE_TIMEOUT = 60", []string{"KEEPSAKE_ABSOLUTE_TIMEOUT=120"}, sessions.Timeouts{Idle: time.Minute, Absolute: 2 * time.Minute}},
	} {
		c, err := load(t, site+"[KEEPSAKE]\n"+test.text, test.environ...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Settings().Timeouts; got != test.want {
			t.Errorf("%q, %q: %v, not %v", test.text, test.environ, got, test.want)
		}
	}
	c, err := load(t, "SESSION_COOKIE_AGE = 600\n"+site, "KEEPSAKE_TIMEOUTS=AAL2")
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "IDLE_TIMEOUT is longer than SESSION_COOKIE_AGE (10m0s)") {
		t.Errorf("warnings: %s", w)
	}
}

// What cached_db is told.
func TestCachedDBSettings(t *testing.T) {
	o := options()
	o.Databases["postgresql"] = func(config.Database) (*sql.DB, error) { return sql.OpenDB(nil), nil }
	delete(o.Databases, "django.db.backends.postgresql")
	o.Environ = []string{"DATABASE_URL=postgres://h/n", "CACHE_URL=locmem://", "SECRET_KEY=x", "SESSION_ENGINE=mysite.sessions", "KEEPSAKE_CACHED_DB_ENTRY_LIFE=5", "KEEPSAKE_CACHED_DB_TIMEOUT=0.2", "KEEPSAKE_CACHED_DB_STRICT=1"}
	got := ""
	o.Engines["mysite.sessions"] = func(r *config.Resources) (sessions.Engine, error) {
		e, err := r.CachedDBEngine()
		got = fmt.Sprint(e.EntryLife, e.Timeout, e.Strict, err)
		return nil, errors.New("not to be made")
	}
	c, err := config.Load("", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.OpenEngine(); err == nil || got != "5s 200ms true <nil>" {
		t.Errorf("%s, %v", got, err)
	}
}
