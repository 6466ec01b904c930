package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Database is an entry of Django's DATABASES.
type Database struct {
	Alias    string // "default"
	Engine   string // ENGINE as Options.Databases has it: "django.db.backends.postgresql"
	Name     string // NAME: of the database, or a SQLite file
	User     string // USER
	Password string // PASSWORD
	Host     string // HOST: a name, an address, or the path of a socket
	Port     int    // PORT; 0: the default one

	// Options is OPTIONS, with the names of the Python driver: strings, int64,
	// float64, bool, []any, map[string]any. From a URL all are strings.
	Options map[string]any

	// TimeZone is TIME_ZONE, the zone of stored dates with USE_TZ. Nil is UTC.
	TimeZone *time.Location

	// ConnMaxAge is CONN_MAX_AGE, how long a connection is used. 0 is no limit:
	// Django's 0, a connection for each request, makes no sense in Go.
	ConnMaxAge time.Duration

	// Pooler is DISABLE_SERVER_SIDE_CURSORS, which Django wants for poolers such
	// as pgbouncer that give each transaction another connection: nothing may be
	// prepared on one.
	Pooler bool

	at    place
	where map[string]place // of the OPTIONS
}

// Errorf is an error about a setting of this database, NAME or OPTIONS.sslmode
// for instance, with the line where it stands.
func (d Database) Errorf(setting, format string, args ...any) error {
	return entryError(d.at, d.where, "DATABASES."+d.Alias, setting, fmt.Sprintf(format, args...))
}

// String names the database, without user or password.
func (d Database) String() string {
	text := d.Engine[strings.LastIndex(d.Engine, ".")+1:] + " " + strconv.Quote(d.Name)
	if d.Host != "" {
		text += " on " + d.Host
	}
	if d.Port != 0 {
		text += ":" + strconv.Itoa(d.Port)
	}
	return text
}

// Format keeps the password out of every fmt verb.
func (d Database) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.String())) }

func entryError(at place, where map[string]place, entry, setting, text string) error {
	if p, found := where[setting]; found {
		at = p
	}
	return fmt.Errorf("config: %v: %s.%s %s", at, entry, setting, text)
}

const (
	databaseNames = "ENGINE NAME USER PASSWORD HOST PORT OPTIONS TIME_ZONE CONN_MAX_AGE DISABLE_SERVER_SIDE_CURSORS"

	// What sessions have no use for: they open no transaction for a request,
	// database/sql checks connections by itself, and tests are Django's.
	databaseIgnored = "ATOMIC_REQUESTS AUTOCOMMIT CONN_HEALTH_CHECKS TEST"
)

// databases reads DATABASES.
func (l *loader) databases(settings table) map[string]Database {
	all := map[string]Database{}
	entries := l.table(settings, "DATABASES")
	for _, alias := range slices.Sorted(maps.Keys(entries)) {
		r := entries[alias]
		if text, ok := r.value.(string); ok {
			t, err := databaseURL(r.place, text)
			if err != nil {
				l.wrong(r, "DATABASES.%s: %v", alias, err)
				continue
			}
			r = &raw{place: r.place, value: t}
		}
		t, ok := r.value.(table)
		if !ok {
			l.wrong(r, "DATABASES.%s must be a table or a URL, not %s", alias, r.kind())
			continue
		}
		all[alias] = l.database(alias, r, t)
	}
	return all
}

func (l *loader) database(alias string, r *raw, t table) Database {
	l.only(t, "DATABASES."+alias, names(databaseNames+" "+databaseIgnored))
	d := Database{
		Alias: alias, at: r.place,
		Engine:   l.str(t, "ENGINE", ""),
		Name:     l.str(t, "NAME", ""),
		User:     l.str(t, "USER", ""),
		Password: l.str(t, "PASSWORD", ""),
		Host:     l.str(t, "HOST", ""),
		Port:     l.port(t),
		Pooler:   l.boolean(t, "DISABLE_SERVER_SIDE_CURSORS", false),
	}
	if d.Engine == "" {
		l.wrong(r, "DATABASES.%s has no ENGINE", alias)
	} else if _, name, err := l.findDatabase(d.Engine); err != nil {
		l.wrong(at(t, "ENGINE", r), "DATABASES.%s: %v", alias, err)
	} else {
		d.Engine = name
	}
	d.Options, d.where = l.entryOptions(t)
	if zone := t["TIME_ZONE"]; !none(zone) {
		d.TimeZone = l.zone(t, "TIME_ZONE")
	}
	if age := t["CONN_MAX_AGE"]; !none(age) {
		d.ConnMaxAge = l.duration(t, "CONN_MAX_AGE", 0)
	}
	return d
}

// port reads PORT, which Django's examples write as a string.
func (l *loader) port(t table) int {
	r := t["PORT"]
	if r == nil || r.value == "" {
		return 0
	}
	if text, ok := r.value.(string); ok {
		t = table{"PORT": {place: r.place, value: text, text: true}}
	}
	n := l.integer(t, "PORT", 0, 0)
	if n > math.MaxUint16 {
		l.wrong(r, "PORT must be at most 65535, not %d", n)
	}
	return int(n)
}

// duration reads a number of seconds.
func (l *loader) duration(t table, name string, def time.Duration) time.Duration {
	seconds := l.number(t, name, def.Seconds())
	if seconds > maxSeconds {
		l.wrong(t[name], "%s is too large", name)
		return def
	}
	return time.Duration(seconds * float64(time.Second))
}

// maxSeconds is a little below what a time.Duration holds, some 292 years.
const maxSeconds = 9e9

// zone reads the name of a time zone.
func (l *loader) zone(t table, name string) *time.Location {
	text := l.str(t, name, "")
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		l.wrong(t[name], "%s: there is no time zone %q: it takes a name like \"Europe/Berlin\"", name, text)
		return nil
	}
	return zone
}

// entryOptions reads OPTIONS as plain values, and where each stands.
func (l *loader) entryOptions(t table) (map[string]any, map[string]place) {
	options := l.table(t, "OPTIONS")
	where := make(map[string]place, len(options))
	for name, r := range t {
		where[name] = r.place
	}
	for name, r := range options {
		where["OPTIONS."+name] = r.place
	}
	return plain(options), where
}

func plain(t table) map[string]any {
	if t == nil {
		return nil
	}
	values := make(map[string]any, len(t))
	for name, r := range t {
		values[name] = r.value
		if inner, ok := r.value.(table); ok {
			values[name] = plain(inner)
		}
	}
	return values
}

// at is where a name of t stands, or t itself.
func at(t table, name string, whole *raw) *raw {
	if r := t[name]; r != nil {
		return r
	}
	return whole
}

const databasePackage = "django.db.backends."

// findDatabase finds the opener for an ENGINE, in Django's words or shorter, and
// the name that it is known by.
func (l *loader) findDatabase(engine string) (OpenDatabase, string, error) {
	if open := l.options.Databases[engine]; open != nil {
		return open, engine, nil
	}
	short := strings.TrimPrefix(engine, databasePackage)
	for _, name := range []string{short, databasePackage + short} {
		if open := l.options.Databases[name]; open != nil {
			return open, name, nil
		}
	}
	if len(l.options.Databases) == 0 {
		return nil, "", fmt.Errorf("no driver for ENGINE %q: Options.Databases has none; config/drivers has Django's", engine)
	}
	known := slices.Sorted(maps.Keys(l.options.Databases))
	hint := suggest(engine, known)
	if hint == "" {
		hint = suggest(databasePackage+short, known)
	}
	if hint == "" {
		hint = "; there is " + strings.Join(known, ", ")
	}
	return nil, "", fmt.Errorf("no driver for ENGINE %q%s", engine, hint)
}
