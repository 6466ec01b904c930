package engine

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dialect is what differs between the databases that Django keeps sessions in.
type dialect struct {
	name     string
	quote    string
	numbered bool // parameters are $1, $2 … instead of ?

	// oneWriter serialises this process's writes: the database has one writer
	// at a time, and would have the others poll for their turn.
	oneWriter bool

	// prepare keeps statements prepared. Off where the driver does that itself.
	prepare bool

	keyMatch  string // finds a key byte for byte
	keyTwice  bool   // keyMatch takes the key twice
	dataMatch string // compares the payload byte for byte
	date      string // a parameter for a date
	dateText  string // expire_date as a date of this engine's, or as text
	clear     string // deletes a batch from the table %[1]s; %[2]s is LIKE for traces, NOT LIKE for sessions

	exists string // counts the tables of a schema ("" for the current) and a name
	schema []string

	duplicate func(error) bool // the key is taken
	refused   func(error) bool // the database has answered: nothing was done
}

// sqlite keeps dates as text; casting stops drivers from parsing them.
var sqlite = dialect{
	name: "sqlite", quote: `"`, oneWriter: true, prepare: true,
	keyMatch: "session_key = ?", dataMatch: "session_data = ?",
	date: "?", dateText: "CAST(expire_date AS TEXT)",
	clear:  `DELETE FROM %[1]s WHERE session_key IN (SELECT session_key FROM %[1]s WHERE expire_date < ? AND session_key %[2]s 'trace:%%' LIMIT ?)`,
	exists: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND ? = '' AND name = ?`,
	schema: []string{
		`CREATE TABLE IF NOT EXISTS %[1]s ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL%[3]s)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s" ON %[1]s ("expire_date")`,
	},
	duplicate: func(err error) bool {
		return strings.Contains(err.Error(), "UNIQUE constraint failed") && strings.Contains(err.Error(), ".session_key")
	},
	refused: func(error) bool { return true },
}

// postgresql compares dates as instants.
var postgresql = dialect{
	name: "postgresql", quote: `"`, numbered: true,
	keyMatch: "session_key = ?", dataMatch: "session_data = ?",
	date: "CAST(? AS timestamp with time zone)", dateText: "expire_date",
	clear: `DELETE FROM %[1]s WHERE session_key IN (SELECT session_key FROM %[1]s WHERE expire_date < CAST(? AS timestamp with time zone)` +
		` AND session_key %[2]s 'trace:%%' ORDER BY session_key LIMIT ? FOR UPDATE SKIP LOCKED)`,
	exists: `SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace` +
		` WHERE c.relkind IN ('r', 'p', 'v', 'f') AND CASE WHEN CAST($1 AS text) = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = CAST($1 AS text) END AND c.relname = CAST($2 AS text)`,
	schema: []string{
		// IF NOT EXISTS alone fails when two processes start at once.
		`SELECT pg_advisory_xact_lock(hashtext('keepsake migrate'))`,
		`CREATE TABLE IF NOT EXISTS %[1]s ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL%[3]s)`,
		`CREATE INDEX IF NOT EXISTS "%[4]s" ON %[1]s ("session_key" varchar_pattern_ops)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s" ON %[1]s ("expire_date")`,
	},
	duplicate: func(err error) bool {
		return sqlState(err) == "23505" && strings.Contains(err.Error(), "_pkey")
	},
	refused: func(err error) bool { return sqlState(err) != "" },
}

// mysql serves MariaDB, too. Its usual collations take two keys, and two
// payloads, for equal that differ only in case.
var mysql = dialect{
	name: "mysql", quote: "`", prepare: true,
	keyMatch: "session_key = ? AND CAST(session_key AS BINARY) = CAST(? AS BINARY)", keyTwice: true,
	dataMatch: "CAST(session_data AS BINARY) = CAST(? AS BINARY)",
	date:      "?", dateText: "CAST(expire_date AS CHAR)",
	clear:  `DELETE FROM %[1]s WHERE expire_date < ? AND session_key %[2]s 'trace:%%' ORDER BY session_key LIMIT ?`,
	exists: `SELECT count(*) FROM information_schema.tables WHERE table_schema = IF(? = '', DATABASE(), ?) AND table_name = ?`,
	schema: []string{
		"CREATE TABLE IF NOT EXISTS %[1]s (`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL%[3]s, INDEX `%[2]s` (`expire_date`))",
	},
	duplicate: func(err error) bool {
		return strings.Contains(err.Error(), "Error 1062") && strings.Contains(err.Error(), "PRIMARY")
	},
	refused: func(err error) bool {
		return strings.Contains(err.Error(), "Error ") // the server's, as the driver writes it
	},
}

// sqlState is the SQLSTATE of an error that PostgreSQL sent, "" for others.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// findDialect knows a driver by the package that its type is from.
func findDialect(db *sql.DB, name string) (*dialect, error) {
	if name == "" {
		t := reflect.TypeOf(db.Driver())
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch path := strings.ToLower(t.PkgPath()); {
		case strings.Contains(path, "sqlite"):
			return &sqlite, nil
		case strings.Contains(path, "pgx"), strings.HasSuffix(path, "lib/pq"):
			return &postgresql, nil
		case strings.Contains(path, "mysql"):
			return &mysql, nil
		}
		return nil, fmt.Errorf("engine: Database: unknown driver %s: set Dialect", t)
	}
	for _, d := range []*dialect{&sqlite, &postgresql, &mysql} {
		if d.name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("engine: Database: unknown dialect %q: \"sqlite\", \"postgresql\" and \"mysql\" are supported", name)
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,62}$`)

// quoteName quotes a name, or a schema and a name with a dot between them.
func (d *dialect) quoteName(name string) string {
	return d.quote + strings.ReplaceAll(name, ".", d.quote+"."+d.quote) + d.quote
}

// rebind numbers the parameters where the database wants that.
func (d *dialect) rebind(text string) string {
	if !d.numbered {
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

// sqlTexts are the statements on one table.
type sqlTexts struct {
	load, insert, replace, touch, move, remove, removeExpired, clear, clearTraces, trace string
}

func (d *dialect) texts(table string, columns []Column) sqlTexts {
	table = d.quoteName(table)
	names, marks, sets := "", "", ""
	for _, c := range columns {
		name := d.quoteName(c.Name)
		names += ", " + name
		marks += ", ?"
		sets += ", " + name + " = ?"
	}
	old := " WHERE " + d.keyMatch + " AND " + d.dataMatch + " AND expire_date = " + d.date + " AND expire_date > " + d.date
	return sqlTexts{
		load:          d.rebind("SELECT session_data, " + d.dateText + " FROM " + table + " WHERE " + d.keyMatch),
		insert:        d.rebind("INSERT INTO " + table + " (session_key, session_data, expire_date" + names + ") VALUES (?, ?, " + d.date + marks + ")"),
		trace:         d.rebind("INSERT INTO " + table + " (session_key, session_data, expire_date) VALUES (?, ?, " + d.date + ")"),
		replace:       d.rebind("UPDATE " + table + " SET session_data = ?, expire_date = " + d.date + sets + old),
		touch:         d.rebind("UPDATE " + table + " SET expire_date = " + d.date + old),
		move:          d.rebind("UPDATE " + table + " SET session_key = ?, session_data = ?, expire_date = " + d.date + sets + old),
		remove:        d.rebind("DELETE FROM " + table + " WHERE " + d.keyMatch),
		removeExpired: d.rebind("DELETE FROM " + table + " WHERE " + d.keyMatch + " AND expire_date <= " + d.date),
		clear:         d.rebind(fmt.Sprintf(d.clear, table, "NOT LIKE")),
		clearTraces:   d.rebind(fmt.Sprintf(d.clear, table, "LIKE")),
	}
}

// Django's names of the indexes. Their hashes are of the table's name; other
// tables get readable ones.
func indexNames(table string) (date, like string) {
	if table == "django_session" {
		return "django_session_expire_date_a5c62663", "django_session_session_key_c0390e0f_like"
	}
	_, name, found := strings.Cut(table, ".")
	if !found {
		name = table
	}
	return name + "_expire_date", name + "_session_key_like"
}

// formatDate writes a date as Django's SQLite and MySQL backends do. They leave
// a zero fraction out.
func formatDate(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if t.Year() > 9999 { // the zone has led out of what can be written
		t = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, zone)
	}
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05.000000")
}

// formatInstant writes a date for PostgreSQL, which keeps instants.
func formatInstant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999-07:00") }

func parseDate(text string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone) // takes a fraction, too
	if err != nil {
		return time.Time{}, errors.New("expire_date is not a date")
	}
	return t, nil
}

// answered reports whether err says for sure that a write was not done.
func (d *dialect) answered(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || d.refused(err)
}

// collided reports whether the database has undone a write because others were
// in its way: it may be tried again, on what they have made.
func (d *dialect) collided(err error) bool {
	switch d.name {
	case "postgresql":
		state := sqlState(err)
		return state == "40001" || state == "40P01" // serialization failure, deadlock
	case "mysql":
		return strings.Contains(err.Error(), "Error 1213") // deadlock
	}
	return false
}
