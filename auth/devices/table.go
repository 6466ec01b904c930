package devices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// TableOptions describe the table. The zero value is what Table takes on most
// sites.
type TableOptions struct {
	// Table is its name, with its schema and a dot before it where it is not in
	// the default one. "" is "keepsake_device".
	Table string

	// Dialect is "sqlite", "postgresql" or "mysql"; "" finds out from the driver.
	Dialect string
}

// tableIndex is an Index in a table of its own.
type tableIndex struct {
	db    *sqldialect.DB
	table string
	now   atomic.Pointer[func() time.Time] // of the Devices; nil: time.Now

	update, move, insert, find, list, clear string // the statements
	add, remove                             func(rows int) string
}

// Table keeps the index in a table of a SQL database, beside the sessions' own
// or elsewhere. Devices.Migrate makes it. The error names everything that is wrong
// with the options; the database is not asked.
func Table(db *sql.DB, o TableOptions) (Index, error) {
	if o.Table == "" {
		o.Table = "keepsake_device"
	}
	var errs []error
	var d *sqldialect.Dialect
	var err error
	if db == nil {
		errs = append(errs, errors.New("devices: Table: no database"))
	} else if d, err = sqldialect.Find(db, o.Dialect); err != nil {
		errs = append(errs, fmt.Errorf("devices: Table: %w", err))
	}
	if err := sqldialect.CheckTable(o.Table, d); err != nil {
		errs = append(errs, fmt.Errorf("devices: Table: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	x := &tableIndex{db: sqldialect.New(db, d, nil), table: o.Table}
	x.compose()
	return x, nil
}

// deviceTables is the table in each dialect. %[1]s is its quoted name, %[2]s its
// name without a schema.
var deviceTables = map[string][]string{
	"sqlite": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("session" varchar(100) NOT NULL PRIMARY KEY, "user_id" varchar(255) NOT NULL, "handle" varchar(26) NOT NULL, "created" datetime NOT NULL, "last_seen" datetime NOT NULL, "expires" datetime NOT NULL, "address" varchar(255) NOT NULL, "user_agent" varchar(255) NOT NULL, "backend" varchar(255) NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s_user" ON %[1]s ("user_id", "last_seen", "handle")`,
		`CREATE INDEX IF NOT EXISTS "%[2]s_expires" ON %[1]s ("expires")`,
	},
	"postgresql": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("session" varchar(100) COLLATE "C" NOT NULL PRIMARY KEY, "user_id" varchar(255) COLLATE "C" NOT NULL, "handle" varchar(26) COLLATE "C" NOT NULL, "created" timestamp with time zone NOT NULL, "last_seen" timestamp with time zone NOT NULL, "expires" timestamp with time zone NOT NULL, "address" varchar(255) NOT NULL, "user_agent" varchar(255) NOT NULL, "backend" varchar(255) NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s_user" ON %[1]s ("user_id", "last_seen", "handle")`,
		`CREATE INDEX IF NOT EXISTS "%[2]s_expires" ON %[1]s ("expires")`,
	},
	"mysql": {
		"CREATE TABLE IF NOT EXISTS %[1]s (`session` varchar(100) NOT NULL PRIMARY KEY, `user_id` varchar(255) NOT NULL, `handle` varchar(26) NOT NULL, `created` datetime(6) NOT NULL, `last_seen` datetime(6) NOT NULL, `expires` datetime(6) NOT NULL, `address` varchar(255) NOT NULL, `user_agent` varchar(255) NOT NULL, `backend` varchar(255) NOT NULL, INDEX `%[2]s_user` (`user_id`, `last_seen`, `handle`), INDEX `%[2]s_expires` (`expires`)) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	},
}

// compose writes the statements.
func (x *tableIndex) compose() {
	d, table, date := x.db, x.db.QuoteName(x.table), x.db.DateParam
	set := " last_seen = " + date + ", expires = " + date + ", address = COALESCE(NULLIF(?, ''), address)," +
		" user_agent = COALESCE(NULLIF(?, ''), user_agent), backend = ? WHERE session = ? AND " + d.KeyMatch("user_id")
	x.update = d.Rebind("UPDATE " + table + " SET" + set)
	x.move = d.Rebind("UPDATE " + table + " SET session = ?," + set)
	x.remove = func(rows int) string {
		return d.Rebind("DELETE FROM " + table + " WHERE session IN (?" + strings.Repeat(", ?", rows-1) + ") AND " + d.KeyMatch("user_id"))
	}
	columns := " (session, user_id, handle, created, last_seen, expires, address, user_agent, backend) VALUES "
	row := "(?, ?, ?, " + date + ", " + date + ", " + date + ", ?, ?, ?)"
	x.insert = d.Rebind("INSERT INTO " + table + columns + row)
	x.add = func(rows int) string {
		text := "INTO " + table + columns + row + strings.Repeat(", "+row, rows-1)
		if d.Dialect == sqldialect.MySQL {
			return "INSERT IGNORE " + text
		}
		return d.Rebind("INSERT " + text + " ON CONFLICT DO NOTHING")
	}
	fields := "SELECT session, user_id, handle, " + d.DateText("created") + ", " + d.DateText("last_seen") + ", " +
		d.DateText("expires") + ", address, user_agent, backend FROM " + table + " WHERE " + d.KeyMatch("user_id")
	x.find = d.Rebind(fields + " AND handle = ?")
	x.list = d.Rebind(fields + " AND (last_seen < " + date + " OR last_seen = " + date + " AND handle < ?) ORDER BY last_seen DESC, handle DESC LIMIT ?")
	x.clear = d.ClearText(table, "session", "expires", "")
}

// Migrate implements sessions.Migrator.
func (x *tableIndex) Migrate(ctx context.Context) (bool, error) {
	if found, err := x.db.Exists(ctx, x.table); err != nil || found {
		return false, failed("migrate", err)
	}
	name := x.table[strings.IndexByte(x.table, '.')+1:]
	fill := strings.NewReplacer("%[1]s", x.db.QuoteName(x.table), "%[2]s", name)
	var statements []string
	for _, text := range deviceTables[x.db.Name] {
		statements = append(statements, fill.Replace(text))
	}
	if err := x.db.Create(ctx, statements); err != nil {
		return false, failed("migrate", err)
	}
	return true, nil
}

// Put implements Index. Most often it is the first UPDATE.
func (x *tableIndex) Put(ctx context.Context, e Entry, former ...string) (entered bool, err error) {
	user := x.db.Key(e.UserID)
	seen := []any{x.db.Date(e.LastSeen), x.db.Date(e.Expires), e.Address, e.UserAgent, e.Backend}
	found, err := x.db.Write(ctx, x.update, slices.Concat(seen, []any{e.Session}, user)...)
	if err != nil {
		return false, failed("put", err)
	}
	for _, name := range former {
		if found == 0 {
			args := slices.Concat([]any{e.Session}, seen, []any{name}, user)
			if found, err = x.db.Write(ctx, x.move, args...); err == nil && found > 0 {
				continue
			}
			if err != nil && !x.db.Duplicate(err, "session") {
				return false, failed("put", err)
			}
		}
		if err = x.Remove(ctx, e.UserID, name); err != nil {
			return false, err
		}
	}
	if found > 0 {
		return false, nil
	}
	_, err = x.db.Write(ctx, x.insert, x.row(&e)...)
	if err != nil && x.db.Duplicate(err, "session") {
		return false, nil // a parallel request was quicker; or MySQL, which does not count a row that stays as it was
	}
	return err == nil, failed("put", err)
}

func (x *tableIndex) row(e *Entry) []any {
	return []any{
		e.Session, e.UserID, e.Handle, x.db.Date(e.Created), x.db.Date(e.LastSeen), x.db.Date(e.Expires),
		e.Address, e.UserAgent, e.Backend,
	}
}

// Add implements Index.
func (x *tableIndex) Add(ctx context.Context, entries []Entry) (added int, err error) {
	const most = 100 // rows a statement
	for len(entries) > 0 {
		n := min(len(entries), most)
		var args []any
		for i := range entries[:n] {
			args = append(args, x.row(&entries[i])...)
		}
		written, err := x.db.Write(ctx, x.add(n), args...)
		if err != nil {
			return added, failed("add", err)
		}
		added += int(written)
		entries = entries[n:]
	}
	return added, nil
}

// Find implements Index.
func (x *tableIndex) Find(ctx context.Context, userID, handle string) (Entry, error) {
	found, err := x.query(ctx, x.find, userID, handle)
	if err != nil {
		return Entry{}, failed("find", err)
	}
	for _, e := range found {
		if e.Handle == handle {
			return e, nil
		}
	}
	return Entry{}, ErrNoDevice
}

// List implements Index.
func (x *tableIndex) List(ctx context.Context, userID string, after Position, limit int) ([]Entry, error) {
	last := after.LastSeen
	if after.Handle == "" {
		last = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	date := x.db.Date(last)
	found, err := x.query(ctx, x.list, userID, date, date, after.Handle, limit)
	return found, failed("list", err)
}

// query returns the user's entries that a statement selects, whose first argument
// is the user.
func (x *tableIndex) query(ctx context.Context, text, userID string, args ...any) (found []Entry, err error) {
	rows, err := x.db.SQL.QueryContext(ctx, text, append(x.db.Key(userID), args...)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e Entry
		var dates [3]any
		if err := rows.Scan(&e.Session, &e.UserID, &e.Handle, &dates[0], &dates[1], &dates[2], &e.Address, &e.UserAgent, &e.Backend); err != nil {
			return nil, err
		}
		for i, into := range []*time.Time{&e.Created, &e.LastSeen, &e.Expires} {
			t, _, err := x.db.ScanDate(dates[i])
			if err != nil {
				return nil, err
			}
			*into = t.UTC()
		}
		found = append(found, e)
	}
	return found, rows.Err()
}

// Remove implements Index.
func (x *tableIndex) Remove(ctx context.Context, userID string, names ...string) error {
	const most = 16 // names a statement: each number of them is a statement of its own
	for chunk := range slices.Chunk(names, most) {
		var args []any
		for _, name := range chunk {
			args = append(args, name)
		}
		if _, err := x.db.Write(ctx, x.remove(len(chunk)), append(args, x.db.Key(userID)...)...); err != nil {
			return failed("remove", err)
		}
	}
	return nil
}

// setClock implements clocked.
func (x *tableIndex) setClock(now func() time.Time) { x.now.Store(&now) }

// ClearExpired implements sessions.Clearer.
func (x *tableIndex) ClearExpired(ctx context.Context, limit int) (int, error) {
	now := time.Now
	if clock := x.now.Load(); clock != nil {
		now = *clock
	}
	n, err := x.db.Clear(ctx, x.clear, x.db.Date(now()), limit)
	return n, failed("clear expired", err)
}

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("devices: %s: %w", what, err)
}
