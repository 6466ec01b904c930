package sqldialect

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Dialect is what differs between the databases. None of it changes.
type Dialect struct {
	Name string // "sqlite", "postgresql" or "mysql"

	// Numbered: parameters are $1, $2 … instead of ?: see Rebind. Dates are
	// instants there.
	Numbered bool

	DateParam string // a parameter for a date

	quote string

	// oneWriter serialises this process's writes: the database has one writer
	// at a time, and would have the others poll for their turn.
	oneWriter bool

	// prepare keeps statements prepared. Off where the driver does that itself.
	prepare bool

	match    string // finds the column %[1]s by its bytes
	keyMatch string // the same by way of an index
	keyTwice bool   // keyMatch takes the key twice
	text     string // the column %[1]s as text
	dateText string // the column %[1]s as a date of DB.Date's, or as text
	clear    string // ClearText: deletes some rows of the table %[1]s, with the key %[2]s and the date %[3]s, under the condition %[4]s
	exists   string // counts the tables of a schema ("" for the current) and a name

	duplicate func(err error, key string) bool
	refused   func(error) bool // the database has answered: nothing was done
}

// The dialects. SQLite keeps dates as text; casting stops drivers from parsing
// them. PostgreSQL compares dates as instants. MySQL serves MariaDB, too: its
// usual collations take two keys, and two payloads, for equal that differ only in
// case.
var (
	SQLite = &Dialect{
		Name: "sqlite", quote: `"`, oneWriter: true, prepare: true,
		match: "%[1]s = ?", keyMatch: "%[1]s = ?",
		DateParam: "?", text: "CAST(%[1]s AS TEXT)", dateText: "CAST(%[1]s AS TEXT)",
		clear:  `DELETE FROM %[1]s WHERE %[2]s IN (SELECT %[2]s FROM %[1]s WHERE %[3]s < ?%[4]s ORDER BY %[3]s LIMIT ?)`,
		exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND ? = '' AND name = ?`,
		duplicate: func(err error, key string) bool {
			return strings.Contains(err.Error(), "UNIQUE constraint failed") && strings.Contains(err.Error(), "."+key)
		},
		refused: func(error) bool { return true },
	}
	PostgreSQL = &Dialect{
		Name: "postgresql", quote: `"`, Numbered: true,
		match: "%[1]s = ?", keyMatch: "%[1]s = ?",
		DateParam: "CAST(? AS timestamp with time zone)", text: "CAST(%[1]s AS text)", dateText: "%[1]s",
		// The arguments are the date, where to begin, and how many. Nobody waits for the
		// disk: what a crash undoes was not needed.
		clear: `WITH old AS MATERIALIZED (SELECT ctid AS row, %[3]s AS date FROM %[1]s` +
			` WHERE %[3]s < CAST($1 AS timestamp with time zone) AND %[3]s >= CAST($2 AS timestamp with time zone)%[4]s` +
			` ORDER BY %[3]s LIMIT CASE set_config('synchronous_commit', 'off', true) WHEN 'off' THEN CAST($3 AS integer) END FOR UPDATE SKIP LOCKED), ` +
			`gone AS (DELETE FROM %[1]s WHERE ctid = ANY(ARRAY(SELECT row FROM old)) AND %[3]s < CAST($1 AS timestamp with time zone) RETURNING 1) ` +
			`SELECT (SELECT count(*) FROM gone), count(*), COALESCE(CAST(max(date) AS text), '-infinity') FROM old`,
		exists: `SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace` +
			` WHERE c.relkind IN ('r', 'p', 'v', 'f') AND CASE WHEN CAST($1 AS text) = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = CAST($1 AS text) END AND c.relname = CAST($2 AS text)`,
		duplicate: func(err error, _ string) bool {
			return sqlState(err) == "23505" && strings.Contains(err.Error(), "_pkey")
		},
		refused: func(err error) bool {
			// 08 is a connection's, as poolers report one that they have lost;
			// 40003 is statement_completion_unknown.
			state := sqlState(err)
			return state != "" && !strings.HasPrefix(state, "08") && state != "40003"
		},
	}
	MySQL = &Dialect{
		Name: "mysql", quote: "`", prepare: true,
		match:    "CAST(%[1]s AS BINARY) = CAST(? AS BINARY)",
		keyMatch: "%[1]s = ? AND CAST(%[1]s AS BINARY) = CAST(? AS BINARY)", keyTwice: true,
		DateParam: "?", text: "CAST(%[1]s AS CHAR)", dateText: "CAST(%[1]s AS CHAR)",
		clear:  `DELETE FROM %[1]s WHERE %[3]s < ?%[4]s ORDER BY %[3]s, %[2]s LIMIT ?`,
		exists: `SELECT count(*) FROM information_schema.tables WHERE table_schema = IF(? = '', DATABASE(), ?) AND table_name = ?`,
		duplicate: func(err error, _ string) bool {
			return strings.Contains(err.Error(), "Error 1062") && strings.Contains(err.Error(), "PRIMARY")
		},
		refused: func(err error) bool {
			// The server's, as the driver writes it; from 2000 to 2999 they are a
			// client's, such as a proxy's that has lost its server.
			_, number, found := strings.Cut(err.Error(), "Error ")
			return found && !strings.HasPrefix(number, "2")
		},
	}
)

// sqlState is the SQLSTATE of an error that PostgreSQL sent, "" for others.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// Find returns the dialect of that name; for "" it knows the driver by the
// package that its type is from.
func Find(db *sql.DB, name string) (*Dialect, error) {
	t := reflect.TypeOf(db.Driver())
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := strings.ToLower(t.PkgPath())
	if strings.HasSuffix(path, "lib/pq") {
		return nil, errors.New("the driver lib/pq lets writes be sent twice whose answer was lost: use github.com/jackc/pgx/v5/stdlib")
	}
	if name == "" {
		switch {
		case strings.Contains(path, "sqlite"):
			return SQLite, nil
		case strings.Contains(path, "pgx"):
			return PostgreSQL, nil
		case strings.Contains(path, "mysql"):
			return MySQL, nil
		}
		return nil, fmt.Errorf("unknown driver %s: set Dialect", t)
	}
	for _, d := range []*Dialect{SQLite, PostgreSQL, MySQL} {
		if d.Name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("unknown dialect %q: \"sqlite\", \"postgresql\" and \"mysql\" are supported", name)
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,62}$`)

// IsName reports whether a name needs no escaping.
func IsName(name string) bool { return identifier.MatchString(name) }

// CheckTable reports what is wrong with a table's name, which may have its
// schema and a dot before it; in the dialect d unless that is nil.
func CheckTable(table string, d *Dialect) error {
	schema, name, found := strings.Cut(table, ".")
	var errs []error
	if !IsName(schema) || found && !IsName(name) {
		errs = append(errs, fmt.Errorf("%q is not a table name", table))
	}
	if found && d == SQLite {
		errs = append(errs, errors.New("SQLite has no schemas: open the file itself"))
	}
	return errors.Join(errs...)
}

// QuoteName quotes a name, or a schema and a name with a dot between them.
func (d *Dialect) QuoteName(name string) string {
	return d.quote + strings.ReplaceAll(name, ".", d.quote+"."+d.quote) + d.quote
}

// Match is a condition that finds a text by its bytes.
func (d *Dialect) Match(column string) string { return fmt.Sprintf(d.match, column) }

// KeyMatch is Match for the primary key. It takes Key's arguments.
func (d *Dialect) KeyMatch(column string) string { return fmt.Sprintf(d.keyMatch, column) }

// Key is a key as KeyMatch takes it.
func (d *Dialect) Key(key string) []any {
	if d.keyTwice {
		return []any{key, key}
	}
	return []any{key}
}

// Text selects a column of any type as text.
func (d *Dialect) Text(column string) string { return fmt.Sprintf(d.text, column) }

// DateText selects a date: see ScanDate.
func (d *Dialect) DateText(column string) string { return fmt.Sprintf(d.dateText, column) }

// Rebind numbers the parameters where the database wants that.
func (d *Dialect) Rebind(text string) string {
	if !d.Numbered {
		return text
	}
	var b strings.Builder
	n := 0
	for _, c := range text {
		if c == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Duplicate reports whether err says that the primary key, the column key, is
// taken.
func (d *Dialect) Duplicate(err error, key string) bool { return d.duplicate(err, key) }

// taken reports whether err says that a key, of whatever table, is taken.
func (d *Dialect) taken(err error) bool {
	return strings.Contains(err.Error(), "UNIQUE constraint failed")
}

// Unfit reports whether err says that a parameter can't be a value of the column:
// then nothing has it. PostgreSQL says so of a text that is no integer, too large
// a one, or no UUID; the others just find nothing.
func (d *Dialect) Unfit(err error) bool {
	state := sqlState(err)
	return state == "22P02" || state == "22003"
}

// answered reports whether err says for sure that a write was not done.
func (d *Dialect) answered(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || d.refused(err)
}

// Collided reports whether the database has undone a write because others were
// in its way: it may be tried again, on what they have made.
func (d *Dialect) Collided(err error) bool {
	switch d {
	case PostgreSQL:
		state := sqlState(err)
		return state == "40001" || state == "40P01" // serialization failure, deadlock
	case MySQL:
		return strings.Contains(err.Error(), "Error 1213") // deadlock
	}
	return false
}
