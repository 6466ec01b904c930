package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

func (p *program) clearSessions() *cobra.Command {
	var file, table string
	cmd := &cobra.Command{
		Use:   "clearsessions --database FILE",
		Short: "Delete expired sessions",
		Long: `Deletes what has expired from the table of sessions of a SQLite database, as
Django's clearsessions does, in small batches: the application goes on running.
Expired sessions are invisible anyway, but they take up room. Run it daily.`,
		Example: `  keepsake clearsessions --database site.db
  0 3 * * *  keepsake clearsessions --database /srv/site.db     (a line for crontab)`,
		Args: cobra.NoArgs,
		RunE: p.run(func(cmd *cobra.Command) error { return p.runClearSessions(cmd, file, table) }),
	}
	databaseFlags(cmd, &file, &table)
	return cmd
}

func (p *program) runClearSessions(cmd *cobra.Command, file, table string) (err error) {
	ctx := cmd.Context()
	db, err := openDatabase(ctx, file, "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := chore(db, table)
	if err != nil {
		return err
	}
	switch found, err := hasTable(ctx, db, table); {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%s has no table %s: make it with Django's migrate or with\n  keepsake migrate --database %q --table %s",
			file, table, file, table)
	}

	progress, done := p.progress()
	n, err := m.ClearExpired(ctx, progress)
	done()
	if err != nil {
		return fmt.Errorf("%s were deleted, then: %w", expiredSessions(n), err)
	}
	_, err = fmt.Fprintf(p.stdout, "Deleted %s.\n", expiredSessions(n))
	return err
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
	var file, table string
	cmd := &cobra.Command{
		Use:   "migrate --database FILE",
		Short: "Make the table of sessions if it is missing",
		Long: `Makes the table of sessions in a SQLite database, the same that Django's migrate
makes; a table that is there is left alone. A missing file is created. A Django
that comes later adopts the table with "migrate --fake-initial".`,
		Example: `  keepsake migrate --database site.db`,
		Args:    cobra.NoArgs,
		RunE:    p.run(func(cmd *cobra.Command) error { return p.runMigrate(cmd, file, table) }),
	}
	databaseFlags(cmd, &file, &table)
	return cmd
}

func (p *program) runMigrate(cmd *cobra.Command, file, table string) (err error) {
	db, err := openDatabase(cmd.Context(), file, "rwc")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m, err := chore(db, table)
	if err != nil {
		return err
	}
	made, err := m.Migrate(cmd.Context())
	if err != nil {
		return err
	}
	if made {
		_, err = fmt.Fprintf(p.stdout, "Made the table %s in %s.\n", table, file)
	} else {
		_, err = fmt.Fprintf(p.stdout, "The table %s is in %s already.\n", table, file)
	}
	return err
}

// databaseFlags are those of every chore.
func databaseFlags(cmd *cobra.Command, file, table *string) {
	cmd.Flags().StringVar(file, "database", "", "the SQLite `file` (required)")
	cmd.Flags().StringVar(table, "table", "django_session", "the `name` of the table of sessions")
	_ = cmd.MarkFlagRequired("database") // fails for unknown flags only
}
