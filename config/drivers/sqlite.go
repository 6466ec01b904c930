package drivers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/keepsake-go/sessions/config"
)

// SQLite opens a SQLite file (NAME) with modernc.org/sqlite. A file that is
// missing is made at the first use, as in Django, its folder is not. The journal
// mode is left as the file has it: with several connections WAL is far better,
// and Django's way to set it is
//
//	OPTIONS = { init_command = "PRAGMA journal_mode=WAL" }
//
// Of sqlite3's options timeout, transaction_mode and init_command are honoured.
func SQLite(d config.Database) (*sql.DB, error) {
	o := readOptions(d, d.Options)
	timeout := o.seconds("timeout", 5*time.Second) // Python's default
	mode := o.one("transaction_mode", "DEFERRED", "IMMEDIATE", "EXCLUSIVE")
	command := o.text("init_command")
	o.ignore("check_same_thread", "cached_statements", "detect_types")
	o.refuse(map[string]string{
		"isolation_level": "transactions are this package's; transaction_mode is its kind",
		"uri":             "NAME is a file's path",
		"factory":         "it is a class of Python's",
		"autocommit":      "transactions are this package's",
	})
	if d.Name == "" {
		o.errs = append(o.errs, d.Errorf("NAME", "is empty: it takes a SQLite file"))
	}
	if err := o.err(); err != nil {
		return nil, err
	}

	query := url.Values{"_pragma": {"busy_timeout(" + strconv.FormatInt(timeout.Milliseconds(), 10) + ")"}}
	if mode != "" {
		query.Set("_txlock", strings.ToLower(mode))
	}
	memory := d.Name == ":memory:"
	dsn := "file::memory:?" + query.Encode()
	if !memory {
		query.Set("mode", "rwc")
		var err error
		if dsn, err = fileURI(d, query); err != nil {
			return nil, err
		}
	}
	var commands []string
	if command != "" {
		commands = []string{command}
	}
	db := sql.OpenDB(connector{sqliteConnector(dsn), commands})
	if memory { // each connection would have a database of its own
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
	}
	return db, nil
}

// fileURI names a file as a URI, which keeps every character of its path from
// being taken for syntax.
func fileURI(d config.Database, query url.Values) (string, error) {
	path, err := filepath.Abs(d.Name)
	if err != nil {
		return "", d.Errorf("NAME", "can't be used: %v", err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return "", d.Errorf("NAME", "is a folder: %s", d.Name)
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return "", d.Errorf("NAME", "is in a folder that is not there: %s", filepath.Dir(path))
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String(), nil
}

// sqliteConnector is a data source of modernc's driver.
type sqliteConnector string

func (dsn sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return dsn.Driver().Open(string(dsn))
}

func (dsn sqliteConnector) Driver() driver.Driver { return &sqlite.Driver{} }
