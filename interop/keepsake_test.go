package interop

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // America/New_York on every machine

	_ "github.com/ncruces/go-sqlite3/driver"
	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/pyjson"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

const secret = "interop-secret-key-interop-secret-key-interop-secret-key"

// site is one SQLite file that Keepsake and Django share.
type site struct {
	t        *testing.T
	file     string
	driver   string // of database/sql
	settings sessions.Settings
}

func newSite(t *testing.T) *site {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = secret
	st.Logger = secrettest.Logger()
	return &site{t: t, file: filepath.Join(t.TempDir(), "db.sqlite3"), driver: "sqlite", settings: st}
}

// freeze lets Keepsake's clock stand at now.
func (s *site) freeze(now time.Time) { s.settings.Clock = func() time.Time { return now } }

// open opens the file with s.driver.
func (s *site) open() *sql.DB {
	s.t.Helper()
	db, err := sql.Open(s.driver, "file:"+s.file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// keepsake is a Manager on the file.
func (s *site) keepsake() *sessions.Manager {
	s.t.Helper()
	m, err := sessions.New(s.settings, engine.Database(s.open()))
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// migrated is a file in which Django has made its tables.
var migrated []byte

// django is a Django on the file with the same settings. It makes its tables,
// or adopts Keepsake's.
func (s *site) django() *django {
	s.t.Helper()
	_, err := os.Stat(s.file)
	fresh := os.IsNotExist(err)
	if fresh && migrated != nil { // half a second saved for every test
		check(s.t, os.WriteFile(s.file, migrated, 0o600))
	}
	d := startDjango(s.t, s.config())
	if !fresh || migrated == nil {
		d.must("migrate", args{"fake_initial": true}, nil)
	}
	if fresh && migrated == nil {
		migrated, err = os.ReadFile(s.file)
		check(s.t, err)
	}
	if s.settings.Clock != nil {
		d.freeze(s.settings.Clock())
	}
	return d
}

func (s *site) config() djangoConfig {
	st := s.settings
	zone := "UTC"
	if st.TimeZone != nil {
		zone = st.TimeZone.String()
	}
	return djangoConfig{Settings: djangoSettings{
		"DATABASES":                       databases(sqliteDatabase(s.file)),
		"SECRET_KEY":                      st.SecretKey,
		"SECRET_KEY_FALLBACKS":            append([]string{}, st.SecretKeyFallbacks...),
		"USE_TZ":                          st.UseTZ,
		"TIME_ZONE":                       zone,
		"SESSION_COOKIE_AGE":              int(st.CookieAge.Seconds()),
		"SESSION_EXPIRE_AT_BROWSER_CLOSE": st.ExpireAtBrowserClose,
	}}
}

// databases is Django's DATABASES with one database.
func databases(database map[string]any) map[string]any { return map[string]any{"default": database} }

func sqliteDatabase(file string) map[string]any {
	return map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": map[string]any{"timeout": 20}}
}

// both is a shared file with either side on it.
func both(t *testing.T) (*sessions.Manager, *django) {
	t.Helper()
	s := newSite(t)
	d := s.django()
	return s.keepsake(), d
}

// keys are those of the table, sorted.
func (s *site) keys() []string {
	s.t.Helper()
	rows, err := s.open().Query("SELECT session_key FROM django_session ORDER BY 1")
	check(s.t, err)
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var key string
		check(s.t, rows.Scan(&key))
		keys = append(keys, key)
	}
	check(s.t, rows.Err())
	return keys
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// zones are the settings in which dates are stored differently.
var zones = []struct {
	name  string
	useTZ bool
	zone  string
}{
	{"USE_TZ/UTC", true, "UTC"},
	{"USE_TZ/New_York", true, "America/New_York"},
	{"local/New_York", false, "America/New_York"},
	{"local/Kathmandu", false, "Asia/Kathmandu"},
}

// eachZone runs test as a subtest in each of the zones.
func eachZone(t *testing.T, test func(t *testing.T, s *site)) {
	for _, z := range zones {
		t.Run(z.name, func(t *testing.T) {
			s := newSite(t)
			s.settings.UseTZ, s.settings.TimeZone = z.useTZ, zone(t, z.zone)
			test(t, s)
		})
	}
}

// load opens the session of that key, which must exist.
func load(t testing.TB, m *sessions.Manager, key string) *sessions.Session {
	t.Helper()
	s := m.Open(key)
	check(t, s.Load(t.Context()))
	if s.Key() != key {
		t.Fatalf("Keepsake doesn't find the session: its key is now %q", s.Key())
	}
	return s
}

// create makes a session with these values.
func create(t testing.TB, m *sessions.Manager, values map[string]any) *sessions.Session {
	t.Helper()
	s := m.Open("")
	s.SetAll(values)
	check(t, s.Save(t.Context()))
	return s
}

// absent fails when Keepsake finds a session under key.
func absent(t testing.TB, m *sessions.Manager, key string) {
	t.Helper()
	s := m.Open(key)
	check(t, s.Load(t.Context()))
	if s.Key() != "" || s.Len() != 0 {
		t.Errorf("Keepsake found a session with %d values, want none", s.Len())
	}
}

// payload is the JSON object of a session as Keepsake holds it, compact.
func payload(s *sessions.Session) string {
	var b strings.Builder
	b.WriteByte('{')
	for name, value := range s.Items() {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(pyjson.AppendString(nil, name))
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func equalKeys(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
