package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/config"
)

func (p *program) clearSessions() *cobra.Command {
	var s source
	cmd := &cobra.Command{
		Use:   "clearsessions [--config FILE | --database FILE]",
		Short: "Delete expired sessions",
		Long: `Deletes what has expired, as Django's clearsessions does, in small batches: the
application goes on running. Expired sessions are invisible anyway, but they take
up room. Run it daily.

The engines db, cached_db and file have something to delete, and the engine cache
where the cache is a table or a folder; what other caches and the cookie engines
keep goes away by itself. With --database dates are taken for UTC;
for a Django with USE_TZ off use --config.`,
		Example: `  keepsake clearsessions --config keepsake.toml
  keepsake clearsessions --database site.db
  keepsake clearsessions --database postgres://site@db.example.com/site
  0 3 * * *  keepsake clearsessions --config /srv/keepsake.toml   (a line for crontab)`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runClearSessions(cmd, &s) }),
	}
	s.flags(cmd)
	return cmd
}

func (p *program) runClearSessions(cmd *cobra.Command, s *source) (err error) {
	cfg, err := s.load(cmd, false)
	if err != nil {
		return err
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		return s.opened(err)
	}
	defer func() { err = errors.Join(err, closeAll()) }()

	progress, done := p.progress()
	n, err := m.ClearExpired(cmd.Context(), progress)
	done()
	switch {
	case errors.Is(err, sessions.ErrUnsupported):
		return unsupported(cfg.EngineName())
	case missingTable(err):
		return s.noTable(cfg)
	case err != nil:
		return fmt.Errorf("%s were deleted, then: %w", expiredSessions(n), err)
	}
	switch name := m.EngineName(); {
	case n == 0 && name != "db" && name != "cached_db" && name != "file" && !keepsExpired(cfg):
		_, err = fmt.Fprintf(p.stdout, "Nothing to delete: what the engine %s keeps goes away by itself.\n", name)
	default:
		_, err = fmt.Fprintf(p.stdout, "Deleted %s.\n", expiredSessions(n))
	}
	return err
}

// keepsExpired reports whether the cache keeps what has expired until it is read
// or deleted.
func keepsExpired(cfg *config.Config) bool {
	c, ok := cfg.Cache()
	return ok && (strings.HasSuffix(c.Backend, ".DatabaseCache") || strings.HasSuffix(c.Backend, ".FileBasedCache"))
}

// unsupported is what Django's clearsessions says of an engine that can't.
func unsupported(engine string) error {
	return fmt.Errorf("Session engine '%s' doesn't support clearing expired sessions.", engine)
}

// opened is an error of opening: with --database it is one of the flags.
func (s *source) opened(err error) error {
	if s.database == "" {
		return err
	}
	return usageError{named(err)}
}

// migrateCommand is the command line that makes the table.
func (s *source) migrateCommand() string {
	if s.database != "" {
		return fmt.Sprintf("keepsake migrate --database %q --table %s", s.database, s.table)
	}
	return strings.TrimSpace("keepsake migrate " + map[bool]string{true: "--config " + s.config}[s.config != ""])
}

// noTable says how a missing table is made.
func (s *source) noTable(cfg *config.Config) error {
	if c, ok := databaseCache(cfg); ok {
		return fmt.Errorf("there is no cache table %s: make it with Django's createcachetable or with\n  %s", strings.Join(c.Location, ", "), s.migrateCommand())
	}
	return fmt.Errorf("%s has no table %s: make it with Django's migrate or with\n  %s", place(cfg), cfg.Table(), s.migrateCommand())
}

// missingTable knows the databases' ways to say that there is no such table.
func missingTable(err error) bool {
	if err == nil {
		return false
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == "42P01"
	}
	return strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "Error 1146")
}

// progress counts on one line of a terminal, and nowhere else.
func (p *program) progress() (count func(int), done func()) {
	if !isTerminal(p.stderr) {
		return nil, func() {}
	}
	shown := false
	count = func(n int) {
		shown = true
		fmt.Fprintf(p.stderr, "\r%s …", expiredSessions(n))
	}
	done = func() {
		if shown {
			fmt.Fprint(p.stderr, "\r\x1b[K") // wipes the line
		}
	}
	return count, done
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func expiredSessions(n int) string {
	if n == 1 {
		return "1 expired session"
	}
	return humanize.Comma(int64(n)) + " expired sessions"
}

func (p *program) migrate() *cobra.Command {
	var s source
	cmd := &cobra.Command{
		Use:   "migrate [--config FILE | --database FILE]",
		Short: "Make the table of sessions if it is missing",
		Long: `Makes the table of sessions in a database, the same that Django's migrate makes;
a table that is there is left alone. A missing SQLite file is created. A Django
that comes later adopts the table with "migrate --fake-initial".`,
		Example: `  keepsake migrate --config keepsake.toml
  keepsake migrate --database site.db`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runMigrate(cmd, &s) }),
	}
	s.flags(cmd)
	return cmd
}

func (p *program) runMigrate(cmd *cobra.Command, s *source) (err error) {
	cfg, err := s.load(cmd, true)
	if err != nil {
		return err
	}
	m, closeAll, err := cfg.Open()
	if err != nil {
		return s.opened(err)
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	made, err := m.Migrate(cmd.Context())
	if err != nil {
		return err
	}
	if c, ok := databaseCache(cfg); ok {
		return p.madeCacheTable(c, made)
	}
	where := place(cfg)
	if s.database != "" {
		where = s.shown()
	}
	switch _, hasTable := cfg.Database(); {
	case made:
		_, err = fmt.Fprintf(p.stdout, "Made the table %s in %s.\n", cfg.Table(), where)
	case hasTable:
		_, err = fmt.Fprintf(p.stdout, "The table %s is in %s already.\n", cfg.Table(), where)
	default:
		_, err = fmt.Fprintf(p.stdout, "The engine %s needs no table.\n", cfg.EngineName())
	}
	return err
}

// databaseCache is the cache of the engine cache, if it is a table.
func databaseCache(cfg *config.Config) (config.Cache, bool) {
	_, hasTable := cfg.Database()
	c, ok := cfg.Cache()
	return c, ok && !hasTable && strings.HasSuffix(c.Backend, ".DatabaseCache")
}

func (p *program) madeCacheTable(c config.Cache, made bool) error {
	format := "The cache table %s is there already.\n"
	if made {
		format = "Made the cache table %s.\n"
	}
	_, err := fmt.Fprintf(p.stdout, format, strings.Join(c.Location, ", "))
	return err
}
