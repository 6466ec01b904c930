package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	_ "time/tzdata" // TIME_ZONE on a machine without time zones

	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions/config"
	"github.com/keepsake-go/sessions/config/drivers"
)

// source says which sessions a command works on: a configuration, or a database
// that has nothing special about it.
type source struct {
	config   string // --config
	database string // --database
	table    string // --table
}

func (s *source) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.config, "config", "", "the TOML `file` of settings; the environment stands above it")
	cmd.Flags().StringVar(&s.database, "database", "", "instead: a SQLite `file`, or the URL of a database")
	cmd.Flags().StringVar(&s.table, "table", "django_session", "with --database, the `name` of the table of sessions")
	cmd.MarkFlagsMutuallyExclusive("config", "database")
	cmd.MarkFlagsMutuallyExclusive("config", "table")
}

// noSecret stands in for the secret key in commands that neither read nor write
// a session's values.
const noSecret = "a placeholder: this command neither reads nor signs any session"

// load is the configuration. create says whether a SQLite file may be made.
func (s *source) load(cmd *cobra.Command, create bool) (*config.Config, error) {
	return s.loadLogging(cmd, create, slog.DiscardHandler) // warnings are for check
}

func (s *source) loadLogging(cmd *cobra.Command, create bool, log slog.Handler) (*config.Config, error) {
	o := drivers.All()
	o.Logger = slog.New(log)
	if !cmd.Flags().Changed("database") {
		if s.config == "" && os.Getenv("SECRET_KEY") == "" {
			return nil, usageError{errors.New("which sessions? Give --config FILE or --database FILE, or set SECRET_KEY and what else they need in the environment")}
		}
		cfg, err := config.Load(s.config, o)
		if err != nil {
			return nil, err
		}
		if db, ok := cfg.Database(); ok && strings.HasSuffix(db.Engine, "sqlite3") && !create {
			return cfg, isThere(db.Name)
		}
		return cfg, nil
	}
	location, err := databaseURL(s.database, create)
	if err != nil {
		return nil, err
	}
	o.Environ = []string{"SECRET_KEY=" + noSecret, "DATABASE_URL=" + location, "KEEPSAKE_TABLE=" + s.table}
	cfg, err := config.Load("", o)
	if err != nil {
		return nil, named(err)
	}
	return cfg, nil
}

// named says what is wrong by the names of the flags.
func named(err error) error {
	return errors.New(strings.NewReplacer("config: ", "", "$DATABASE_URL", "--database", "$CACHE_URL", "--cache",
		"$SESSION_ENGINE", "--engine").Replace(err.Error()))
}

// databaseURL is the URL that names a SQLite file, or that was given.
func databaseURL(database string, create bool) (string, error) {
	if strings.Contains(database, "://") {
		return database, nil
	}
	info, err := os.Stat(database)
	switch {
	case database == "":
		return "", usageError{errors.New("--database is empty: it takes the name of a SQLite file, or a URL")}
	case errors.Is(err, fs.ErrNotExist) && !create:
		return "", fmt.Errorf("there is no file %s", database)
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(database)
		if _, err := os.Stat(dir); err != nil {
			return "", fmt.Errorf("there is no folder %s", dir)
		}
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder: --database takes a SQLite file", database)
	}
	path, err := filepath.Abs(database)
	if err != nil {
		return "", err
	}
	return "sqlite:///" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), nil
}

// isThere keeps a chore from making a new, empty file where a name is wrong.
func isThere(file string) error {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && file != ":memory:" {
		return fmt.Errorf("there is no file %s", file)
	}
	return nil
}

// place is where the engine of a configuration keeps sessions, in a few words.
func place(cfg *config.Config) string {
	if db, ok := cfg.Database(); ok {
		if strings.HasSuffix(db.Engine, "sqlite3") {
			return db.Name
		}
		return db.String()
	}
	if c, ok := cfg.Cache(); ok {
		return c.String()
	}
	return cfg.EngineName()
}

// shown is --database without a password.
func (s *source) shown() string {
	if u, err := url.Parse(s.database); err == nil && u.Scheme != "" && strings.Contains(s.database, "://") {
		return u.Redacted()
	}
	if strings.Contains(s.database, "://") {
		return "the database"
	}
	return s.database
}
