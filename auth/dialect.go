package auth

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dialect is what differs between the databases that Django keeps users in.
type dialect struct {
	name     string
	quote    string
	numbered bool   // parameters are $1, $2 … instead of ?
	text     string // a column as text
	bytes    string // compares a column byte for byte
	date     string // a parameter for a date; where it is an instant, it has an offset

	// hyphens: UUIDs have a type of their own, and dashes.
	hyphens bool
}

var dialects = []*dialect{
	{name: "sqlite", quote: `"`, text: "CAST(%s AS TEXT)", bytes: "%s = ?", date: "?"},
	{name: "postgresql", quote: `"`, numbered: true, text: "CAST(%s AS text)", bytes: "%s = ?", date: "CAST(? AS timestamp with time zone)", hyphens: true},
	{name: "mysql", quote: "`", text: "CAST(%s AS CHAR)", bytes: "CAST(%s AS BINARY) = CAST(? AS BINARY)", date: "?"},
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
			return dialects[0], nil
		case strings.Contains(path, "pgx"), strings.HasSuffix(path, "lib/pq"):
			return dialects[1], nil
		case strings.Contains(path, "mysql"):
			return dialects[2], nil
		}
		return nil, fmt.Errorf("unknown driver %s: set Dialect", t)
	}
	for _, d := range dialects {
		if d.name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("unknown dialect %q: \"sqlite\", \"postgresql\" and \"mysql\" are supported", name)
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,62}$`)

// isTable reports whether a name, or a schema and a name with a dot between them,
// needs no escaping.
func isTable(name string) bool {
	schema, table, found := strings.Cut(name, ".")
	return identifier.MatchString(schema) && (!found || identifier.MatchString(table))
}

func (d *dialect) quoteName(name string) string {
	return d.quote + strings.ReplaceAll(name, ".", d.quote+"."+d.quote) + d.quote
}

// rebind numbers the parameters where the database wants that.
func (d *dialect) rebind(text string) string {
	if !d.numbered {
		return text
	}
	for n := 1; strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", "$"+strconv.Itoa(n), 1)
	}
	return text
}

// formatDate writes t as Django does: with its offset for PostgreSQL, which keeps
// instants, else as its own clock shows it, without a zero fraction.
func (d *dialect) formatDate(t time.Time) string {
	if d.numbered {
		return t.UTC().Format("2006-01-02 15:04:05.999999-07:00")
	}
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("2006-01-02 15:04:05.000000")
}

// notAValue reports whether the database says that a parameter can't be a value
// of the column: then nothing has it. SQLSTATE 22P02 and 22003 are PostgreSQL's,
// for a text that is no integer, or too large a one, or no UUID.
func notAValue(err error) bool {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) {
		return false
	}
	state := e.SQLState()
	return state == "22P02" || state == "22003"
}
