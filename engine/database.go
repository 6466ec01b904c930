package engine

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// DatabaseEngine keeps sessions in a table of a SQL database: Django's
// django.contrib.sessions.backends.db, in Django's own table. Database makes one
// with Django's defaults; set the fields for anything else. Only DB is required.
type DatabaseEngine struct {
	// DB is the database: SQLite, PostgreSQL, MySQL or MariaDB; a primary, not
	// a lagging replica. The engine never closes it.
	DB *sql.DB

	// Dialect is "sqlite", "postgresql" or "mysql"; "" finds out from the
	// driver.
	Dialect string

	// Table is the table's name, with its schema and a dot before it where it
	// is not in the default one. "" is Django's "django_session".
	Table string

	// TimeZone is the zone of the dates in the table, where the database has no
	// instants (SQLite and MySQL): TIME_ZONE of Django's DATABASES. Nil is UTC.
	// It needs UseTZ: without, Django stores local times of the settings'
	// TimeZone.
	TimeZone *time.Location

	// Columns are further columns of the table, filled from the session at each
	// create and save, as Django's create_model_instance does. The table must
	// have them already, or Migrate makes them with their Type.
	Columns []Column

	// Codec makes what the stored format is written with. Nil is Django's:
	// codec.SignedOptions{}.
	Codec codec.Maker
}

// Column is a column that is filled from the session, an account's id for
// instance, so that the database can find sessions by it.
type Column struct {
	Name string // of the column
	Type string // its SQL type and constraints, for Migrate: "integer NULL"

	// Value returns what the column holds for a session: what a database/sql
	// driver can bind, nil for NULL. It is pure and safe for concurrent use.
	Value func(*sessions.Values) any
}

// Database keeps sessions in db's table django_session, the same as a Django on
// that database does. Manager.Migrate, or Django's migrate, makes the table.
//
// Saves, new sessions included, that come while others are written share their
// commit: SQLite's in one transaction, PostgreSQL's in one statement, which leaves
// out what somebody else holds. Each is acknowledged after that commit and has its
// own outcome. A save that comes alone is written at once. PostgreSQL's reads that
// come while others are on their way share a round trip, which begins after each of
// them has come: each sees all that was acknowledged before it.
//
// SQLite: open the database with journal_mode=WAL and a busy_timeout, and with
// at least two connections, so that reads go on while a save waits for the disk. A save
// that another process holds up ends at its deadline or after busy_timeout, whichever
// is sooner; a busy_timeout below Settings.SaveTimeout makes saves cheaper, since then
// nobody has to watch for the deadline.
func Database(db *sql.DB) DatabaseEngine { return DatabaseEngine{DB: db} }

// Open reports a missing DB, an unknown dialect, a TimeZone without UseTZ, and
// names that would need escaping. It does not ask the database.
func (e DatabaseEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	var errs []error
	var d *sqldialect.Dialect
	var err error
	if e.DB == nil {
		errs = append(errs, errors.New("engine: Database needs a *sql.DB"))
	} else if d, err = sqldialect.Find(e.DB, e.Dialect); err != nil {
		errs = append(errs, fmt.Errorf("engine: Database: %w", err))
	}
	if e.TimeZone != nil && !st.UseTZ {
		errs = append(errs, errors.New("engine: Database: TimeZone (the database's TIME_ZONE) can't be set when UseTZ (USE_TZ) is off"))
	}
	if e.Table == "" {
		e.Table = "django_session"
	}
	if err := sqldialect.CheckTable(e.Table, d); err != nil {
		errs = append(errs, fmt.Errorf("engine: Database: %w", err))
	}
	for _, c := range e.Columns {
		if !sqldialect.IsName(c.Name) || c.Value == nil {
			errs = append(errs, fmt.Errorf("engine: Database: the column %q needs a plain name and a Value", c.Name))
		}
	}
	c, err := makeCodec(e.Codec, codec.SignedOptions{}, st)
	if err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return sessions.Backend{}, errors.Join(errs...)
	}
	return sessions.Backend{Name: "db", Store: newSQLStore(e, d, c, st), Codec: c}, nil
}

// makeCodec makes an engine's codec: its own, or else Django's.
func makeCodec(own, django codec.Maker, st sessions.Settings) (sessions.Codec, error) {
	if own == nil {
		own = django
	}
	return own.Make(st)
}
