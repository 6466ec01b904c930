package config_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/engine"
)

// A program that needs no driver. One with databases and servers begins with
// drivers.All() of config/drivers.
func ExampleLoad() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "keepsake.toml")
	err = os.WriteFile(file, []byte(`
SECRET_KEY = "in the real world fifty random characters or more, please"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_COOKIE_AGE = 1800
SESSION_COOKIE_SECURE = true
`), 0o600)
	if err != nil {
		panic(err)
	}

	cfg, err := config.Load(file, config.Options{})
	if err != nil {
		panic(err)
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		panic(err)
	}
	defer closeAll()
	fmt.Println(m)
	fmt.Println(m.Settings().CookieAge)
	// Output:
	// manager of sessionid on signed_cookies
	// 30m0s
}

// Everything that is wrong is reported at once, each with its place.
func ExampleLoad_errors() {
	_, err := config.Load("", config.Options{Environ: []string{
		"SESSION_ENGINE=chache", "SESSION_COOKIE_AGE=soon", "SESSION_COOKIE_SECUR=True",
	}})
	fmt.Println(err)
	// Output:
	// config: SECRET_KEY is not set
	// config: $SESSION_COOKIE_AGE: SESSION_COOKIE_AGE must be a whole number
	// config: $SESSION_COOKIE_SECUR: is no setting; did you mean SESSION_COOKIE_SECURE?
	// config: $SESSION_ENGINE: unknown SESSION_ENGINE "chache"; did you mean cache?; one of your own is registered in Options.Engines
}

// upper is a serializer that a Django project has as mysite.serializers.Upper,
// with dumps and loads: JSON with an exclamation mark.
type upper struct{ codec.JSONSerializer }

func (u upper) Dumps(v sessions.Values) (string, error) {
	text, err := u.JSONSerializer.Dumps(v)
	return text + "!", err
}

func (u upper) Loads(text string) (sessions.Values, error) {
	return u.JSONSerializer.Loads(strings.TrimSuffix(text, "!"))
}

// An engine and a serializer of one's own, by the names that the settings have
// for them. Nothing is registered globally.
func ExampleOptions() {
	o := config.Options{
		Environ: []string{
			"SECRET_KEY=in the real world fifty random characters or more, please",
			"SESSION_ENGINE=mysite.sessions", "SESSION_SERIALIZER=mysite.serializers.Upper",
		},
		Engines: map[string]config.MakeEngine{
			// Sessions in cookies, of half an hour. An engine on the configured
			// database begins with r.DatabaseEngine().
			"mysite.sessions": func(r *config.Resources) (sessions.Engine, error) {
				e := engine.SignedCookiesEngine{Serializer: r.Serializer()}
				return engine.WithCookieAge(e, 30*time.Minute), nil
			},
		},
		Serializers: map[string]codec.Serializer{"mysite.serializers.Upper": upper{}},
		Logger:      slog.New(slog.DiscardHandler),
	}
	cfg, err := config.Load("", o)
	if err != nil {
		panic(err)
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		panic(err)
	}
	defer closeAll()
	var values sessions.Values
	values.Set(sessions.Member{Name: "a", JSON: "1"})
	stored, err := m.Encode(values)
	fmt.Println(cfg.EngineName(), m.Settings().CookieAge)
	fmt.Println(strings.HasPrefix(stored, "eyJhIjoxfSE:"), err) // {"a":1}!
	// Output:
	// mysite.sessions 30m0s
	// true <nil>
}

// A program with one driver links no other: it opens its database itself.
func ExampleOpenDatabase() {
	open := func(d config.Database) (*sql.DB, error) {
		// The driver is imported as ever: _ "github.com/jackc/pgx/v5/stdlib"
		return sql.Open("pgx", fmt.Sprintf("host=%s user=%s password=%s dbname=%s", d.Host, d.User, d.Password, d.Name))
	}
	cfg, err := config.Load("", config.Options{
		Environ:   []string{"SECRET_KEY=x", "DATABASE_URL=postgres://app:hunter2@db.example.com/site"},
		Databases: map[string]config.OpenDatabase{"postgresql": open},
	})
	if err != nil {
		panic(err)
	}
	db, _ := cfg.Database()
	fmt.Println(db)
	// Output:
	// postgresql "site" on db.example.com
}
