package diffsettings_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/diffsettings"
)

// convert is import-settings.
func convert(t testing.TB, text string, o diffsettings.Options) (toml string, notes []string) {
	t.Helper()
	settings, err := diffsettings.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	notes, err = settings.WriteTOML(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), notes
}

// What a Django 3.2 printed, and what is made of it.
func TestRecorded(t *testing.T) {
	text, err := os.ReadFile("testdata/django-3.2.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/django-3.2.toml")
	if err != nil {
		t.Fatal(err)
	}
	got, notes := convert(t, string(text), diffsettings.Options{})
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(notes) != 3 || strings.Contains(strings.Join(notes, ""), "secret") {
		t.Errorf("notes: %q", notes)
	}
	for _, note := range notes {
		if !strings.Contains(got, "# "+note+"\n") {
			t.Errorf("not in the file: %s", note)
		}
	}
}

// What the real Django prints becomes a configuration that says the same.
func TestDjango(t *testing.T) {
	python := findDjango(t)
	for _, arguments := range [][]string{{"--all"}, {"--all", "--output", "unified"}} {
		cmd := exec.Command(python, append([]string{"-W", "ignore", "-m", "django", "diffsettings"}, arguments...)...)
		cmd.Env = append(os.Environ(), "DJANGO_SETTINGS_MODULE=project", "PYTHONPATH=testdata", "PYTHONDONTWRITEBYTECODE=1")
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := convert(t, string(out), diffsettings.Options{})
		file := filepath.Join(t.TempDir(), "keepsake.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, config.Options{
			Environ:   []string{},
			Databases: map[string]config.OpenDatabase{"sqlite3": nothing},
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		st := cfg.Settings()
		db, _ := cfg.Database()
		c, _ := cfg.Cache()
		got := fmt.Sprintf("%s|%v|%v|%q|%v|%v|%v|%v|%s|%v|%v|%v|%v|%v", st.SecretKey, st.SecretKeyFallbacks, st.CookieAge, st.CookieSameSite,
			st.CookieSecure, st.UseTZ, st.TimeZone, cfg.EngineName(), db.Name, db.Options, db.ConnMaxAge, c.Location, c.Keys.Prefix, c.Options)
		want := `it's a "secret" \ key, and long enough for Django's check|[the former one]|24h0m0s|""|true|true|Europe/Berlin|` +
			`django.contrib.sessions.backends.cached_db|/srv/site/db.sqlite3|map[timeout:20]|1m0s|[/var/cache/site]|site|map[MAX_ENTRIES:5000]`
		if got != want {
			t.Errorf("%v\ngot  %s\nwant %s", arguments, got, want)
		}
	}
}

// findDjango finds a Python that has Django.
func findDjango(t *testing.T) string {
	candidates := []string{"python3", "/usr/bin/python3"}
	if own := os.Getenv("KEEPSAKE_PYTHON"); own != "" {
		candidates = []string{own}
	}
	for _, python := range candidates {
		if exec.Command(python, "-c", "import django").Run() == nil {
			return python
		}
	}
	if os.Getenv("KEEPSAKE_STRICT") == "1" {
		t.Fatal("KEEPSAKE_STRICT: no Django")
	}
	t.Skip("no Django (Debian: apt-get install python3-django)")
	return ""
}

func TestSettings(t *testing.T) {
	for name, test := range map[string]struct{ text, want, not string }{
		"signed cookies need nothing": {
			"SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'\nDATABASES = {'default': {'ENGINE': 'x'}}\n",
			`SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"`, "DATABASES",
		},
		"the default of USE_TZ": {"### USE_TZ = False\n### TIME_ZONE = 'America/Chicago'\n", "USE_TZ = false\nTIME_ZONE = \"America/Chicago\"\n", "SESSION_COOKIE_NAME"},
		"without --all":         {"SECRET_KEY = 'x'\n", "# The output was made without --all", ""},
		"a wrapped engine": {
			"DATABASES = {'default': {'ENGINE': 'django_prometheus.db.backends.postgresql', 'NAME': 'n', 'PASSWORD': 'p\\'w'}}",
			"# ENGINE was django_prometheus.db.backends.postgresql.\nENGINE = \"django.db.backends.postgresql\"\nNAME = \"n\"\nPASSWORD = \"p'w\"\n", "",
		},
		"an object":         {"SESSION_COOKIE_AGE = <Age object at 0x1>\nDATABASES = {'default': {'ENGINE': 'django.db.backends.mysql', 'OPTIONS': {'conv': <dict at 1>, 'charset': 'utf8mb4'}}}", "# SESSION_COOKIE_AGE is an object of Python's", ""},
		"what is no value":  {"SECRET_KEY = it's\n", "# SECRET_KEY could not be read: set it by hand.", "it's"},
		"an own engine":     {"SESSION_ENGINE = 'mysite.sessions'\n", "# SESSION_ENGINE is the project's own: register one of Go in config.Options.Engines.", ""},
		"an own serializer": {"SESSION_SERIALIZER = 'mysite.Msgpack'\n", "config.Options.Serializers", ""},
		"SHA-1":             {"DEFAULT_HASHING_ALGORITHM = 'sha1'\n", "[KEEPSAKE]\nREAD_SHA1 = true", ""},
		"a lone surrogate":  {`SECRET_KEY = 'a\udc80'`, "# SECRET_KEY is a value of Python's that could not be carried over", ""},
		"bytes":             {`SECRET_KEY = b'abc'`, `SECRET_KEY = "abc"`, ""},
		"a routed database": {"DATABASE_ROUTERS = ['mysite.Router']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}", "# DATABASE_ROUTERS may keep sessions in another database", ""},
		"Windows":           {"SECRET_KEY = 'x'\r\n### USE_TZ = True\r\n", "USE_TZ = true", ""},
		"DatabaseCache":     {"SESSION_ENGINE = 'django.contrib.sessions.backends.cache'\nCACHES = {'default': {'BACKEND': 'django.core.cache.backends.db.DatabaseCache', 'LOCATION': 't'}}\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}", "[DATABASES.default]", ""},
	} {
		got, _ := convert(t, test.text, diffsettings.Options{})
		if !strings.Contains(got, test.want) || test.not != "" && strings.Contains(got, test.not) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	got, _ := convert(t, "SECRET_KEY = 'x'\nSECRET_KEY_FALLBACKS = ['y']\n### USE_TZ = True\n", diffsettings.Options{SecretFromEnv: true})
	if strings.Contains(got, "SECRET_KEY =") || !strings.Contains(got, "# SECRET_KEY comes from the environment.\n# So does SECRET_KEY_FALLBACKS") {
		t.Errorf("with the secret in the environment:\n%s", got)
	}
}

func TestNoSettings(t *testing.T) {
	for _, text := range []string{"", "hello\n", "a = 1\n", "CommandError: settings\n"} {
		if _, err := diffsettings.Parse(strings.NewReader(text)); !errors.Is(err, diffsettings.ErrNoSettings) {
			t.Errorf("%q: %v", text, err)
		}
	}
	broken := errors.New("broken")
	if _, err := diffsettings.Parse(io.MultiReader(strings.NewReader("A = 1\n"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzConvert: whatever diffsettings prints, what is made of it is TOML.
func FuzzConvert(f *testing.F) {
	recorded, err := os.ReadFile("testdata/django-3.2.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(recorded))
	f.Add("SESSION_ENGINE = 'cache'\nCACHES = {'a b': {'OPTIONS': {'x\"y': [1.5, {'z': None}]}}}\nSESSION_CACHE_ALIAS = 'a b'\n")
	f.Add("DATABASES = {'default': {1: 2, 'ENGINE': <a>, 'N\\n': '\\x00'}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := diffsettings.Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if _, err := settings.WriteTOML(&b, diffsettings.Options{}); err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := toml.Unmarshal(b.Bytes(), &tree); err != nil {
			t.Fatalf("%v\n%s", err, &b)
		}
	})
}

func nothing(config.Database) (*sql.DB, error) { return nil, errors.New("not to be opened") }
