package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // pure Go: it needs no C compiler

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// openDatabase opens a SQLite file with these pragmas. mode is SQLite's: "rw"
// wants an existing file, "rwc" creates it.
func openDatabase(ctx context.Context, file, mode string, pragmas ...string) (*sql.DB, error) {
	info, err := os.Stat(file)
	switch {
	case file == "":
		return nil, usageError{errors.New("--database is empty: it takes the name of a SQLite file")}
	case errors.Is(err, fs.ErrNotExist) && mode == "rw":
		return nil, fmt.Errorf("there is no file %s", file)
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(file)
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("there is no folder %s", dir)
		}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder: --database takes a SQLite file", file)
	}
	dsn, err := dataSource(file, mode, pragmas)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	var n int // opening is lazy: ask something, so that a wrong file is an error here
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), db.Close())
	}
	return db, nil
}

// openDemoDatabase opens the demo's file, or makes it. In WAL mode requests read
// while one writes. FULL: with NORMAL, SQLite's other choice for WAL, a power cut
// can undo the last commits, and a session that was logged out would live again.
func openDemoDatabase(ctx context.Context, file string) (*sql.DB, error) {
	return openDatabase(ctx, file, "rwc", "journal_mode(WAL)", "synchronous(FULL)")
}

// dataSource names a file as a URI, which keeps every character of its path from
// being taken for syntax.
func dataSource(file, mode string, pragmas []string) (string, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	// A writer waits this long for the writers of other processes.
	query := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String(), nil
}

// noSecret stands in for the secret key in commands that neither read nor write
// a session's values.
const noSecret = "a placeholder: this command neither reads nor signs any session"

// chore opens the sessions of a file for a command that needs no secret key.
func chore(db *sql.DB, table string) (*sessions.Manager, error) {
	st := sessions.DefaultSettings()
	st.SecretKey = noSecret
	m, err := sessions.New(st, engine.DatabaseEngine{DB: db, Table: table})
	if err != nil {
		return nil, usageError{err} // the table's name is all that can be wrong
	}
	return m, nil
}

// hasTable reports whether the database has that table.
func hasTable(ctx context.Context, db *sql.DB, table string) (bool, error) {
	var n int
	err := db.QueryRowContext(ctx,
		"SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE", table).Scan(&n)
	return n > 0, err
}
