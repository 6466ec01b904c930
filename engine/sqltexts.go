package engine

import (
	"strings"

	"github.com/keepsake-go/sessions/internal/sqldialect"
)

// sessionTables is Django's table in each dialect. %[1]s is its name, %[2]s and
// %[4]s are those of the indexes, %[3]s further columns.
var sessionTables = map[string][]string{
	"sqlite": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL%[3]s)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s" ON %[1]s ("expire_date")`,
	},
	"postgresql": {
		`CREATE TABLE IF NOT EXISTS %[1]s ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" timestamp with time zone NOT NULL%[3]s)`,
		`CREATE INDEX IF NOT EXISTS "%[4]s" ON %[1]s ("session_key" varchar_pattern_ops)`,
		`CREATE INDEX IF NOT EXISTS "%[2]s" ON %[1]s ("expire_date")`,
	},
	"mysql": {
		"CREATE TABLE IF NOT EXISTS %[1]s (`session_key` varchar(40) NOT NULL PRIMARY KEY, `session_data` longtext NOT NULL, `expire_date` datetime(6) NOT NULL%[3]s, INDEX `%[2]s` (`expire_date`))",
	},
}

// sqlTexts are the statements on one table.
type sqlTexts struct {
	load, insert, replace sqldialect.Statement

	touch, move, remove, removeExpired, clear, clearTraces, trace, list string

	probe func(keys int) string
}

func newSQLTexts(d *sqldialect.Dialect, table string, columns []Column) sqlTexts {
	key, match := d.KeyMatch("session_key"), " AND "+d.Match("session_data")
	table = d.QuoteName(table)
	names, marks, sets := "", "", ""
	for _, c := range columns {
		name := d.QuoteName(c.Name)
		names += ", " + name
		marks += ", ?"
		sets += ", " + name + " = ?"
	}
	old := " WHERE " + key + match + " AND expire_date = " + d.DateParam + " AND expire_date > " + d.DateParam
	return sqlTexts{
		load: sqldialect.Statement{
			One:  d.Rebind("SELECT session_data, " + d.DateText("expire_date") + " FROM " + table + " WHERE " + key),
			Many: loadMany(d, table),
		},
		insert: sqldialect.Statement{
			One:  d.Rebind("INSERT INTO " + table + " (session_key, session_data, expire_date" + names + ") VALUES (?, ?, " + d.DateParam + marks + ")"),
			Many: insertMany(d, table, columns),
		},
		trace: d.Rebind("INSERT INTO " + table + " (session_key, session_data, expire_date) VALUES (?, ?, " + d.DateParam + ")"),
		replace: sqldialect.Statement{
			One:  d.Rebind("UPDATE " + table + " SET session_data = ?, expire_date = " + d.DateParam + sets + old),
			Many: replaceMany(d, table, columns), Key: 2,
		},
		touch:         d.Rebind("UPDATE " + table + " SET expire_date = " + d.DateParam + old),
		move:          d.Rebind("UPDATE " + table + " SET session_key = ?, session_data = ?, expire_date = " + d.DateParam + sets + old),
		remove:        d.Rebind("DELETE FROM " + table + " WHERE " + key),
		removeExpired: d.Rebind("DELETE FROM " + table + " WHERE " + key + " AND expire_date <= " + d.DateParam),
		list: d.Rebind("SELECT session_key, session_data, " + d.DateText("expire_date") + " FROM " + table +
			" WHERE session_key > ? AND expire_date > " + d.DateParam + " AND session_key NOT LIKE 'trace:%' ORDER BY session_key LIMIT ?"),
		clear:       d.ClearText(table, "session_key", "expire_date", "session_key NOT LIKE 'trace:%'"),
		clearTraces: d.ClearText(table, "session_key", "expire_date", "session_key LIKE 'trace:%'"),
		probe: func(keys int) string {
			return d.Rebind("SELECT session_key, " + d.DateText("expire_date") + " FROM " + table + " WHERE session_key IN (?" + strings.Repeat(", ?", keys-1) + ")")
		},
	}
}

// loadMany is load for several sessions, with an array in place of its argument,
// where the database has them.
func loadMany(d *sqldialect.Dialect, table string) string {
	if d != sqldialect.PostgreSQL {
		return ""
	}
	keys := "CAST(" + anyNumber("$1") + " AS text[])" // else ANY would take it for rows
	return `SELECT session_key, session_data, expire_date FROM ` + table + ` WHERE session_key = ANY(` + keys + `)`
}

// replaceMany is replace for several sessions, with arrays in place of its arguments,
// where the database has them. First it finds and locks the rows that are as they
// should be, by the index whatever the table's size was when the plan was made; those
// that somebody else holds are left out. A row's place alone would not do: partitions
// count theirs on their own.
func replaceMany(d *sqldialect.Dialect, table string, columns []Column) string {
	if d != sqldialect.PostgreSQL || len(columns) > 0 {
		return ""
	}
	return `WITH free AS (SELECT s.place, v.key, v.data, v.expires FROM unnest(` + anyNumber("$1") + `, CAST($2 AS timestamp with time zone[]), ` +
		`CAST($3 AS text[]), CAST($4 AS text[]), CAST($5 AS timestamp with time zone[]), CAST($6 AS timestamp with time zone[])) ` +
		`AS v (data, expires, key, old_data, old_expires, present) ` +
		`CROSS JOIN LATERAL (SELECT ctid AS place FROM ` + table + ` WHERE session_key = v.key AND session_data = v.old_data ` +
		`AND expire_date = v.old_expires AND expire_date > v.present FOR NO KEY UPDATE SKIP LOCKED) AS s) ` +
		`UPDATE ` + table + ` AS s SET session_data = free.data, expire_date = free.expires FROM free ` +
		`WHERE s.ctid = free.place AND s.session_key = free.key RETURNING s.session_key`
}

// insertMany is insert for several sessions. It leaves out those whose key is taken.
func insertMany(d *sqldialect.Dialect, table string, columns []Column) string {
	if d != sqldialect.PostgreSQL || len(columns) > 0 {
		return ""
	}
	return `INSERT INTO ` + table + ` (session_key, session_data, expire_date) ` +
		`SELECT * FROM unnest(` + anyNumber("$1") + `, CAST($2 AS text[]), CAST($3 AS timestamp with time zone[])) ` +
		`ON CONFLICT DO NOTHING RETURNING session_key`
}

// anyNumber is a parameter that is an array of texts, however many, for the planner.
// One that knew how many would make a plan for every batch, which costs the database
// as much as the batch itself.
func anyNumber(param string) string { return "(SELECT CAST(" + param + " AS text[]))" }

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
