package drivers

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/keepsake-go/sessions/config"
)

// libpq are the connection parameters of libpq that pgx has as well.
var libpq = []string{
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword", "sslsni", "sslnegotiation", "sslcertmode",
	"channel_binding", "require_auth", "connect_timeout", "passfile", "service", "krbsrvname",
	"target_session_attrs", "application_name", "options",
}

// PostgreSQL opens a database on a PostgreSQL server with pgx. HOST may be the
// folder of a socket. Of psycopg's options libpq's are honoured, and assume_role,
// pool (true, or a table with min_size and max_size) and prepare_threshold
// ("None": no prepared statements, as with DISABLE_SERVER_SIDE_CURSORS).
func PostgreSQL(d config.Database) (*sql.DB, error) {
	o := readOptions(d, d.Options)
	settings := map[string]string{"host": d.Host, "user": d.User, "password": d.Password, "database": d.Name}
	if d.Port != 0 {
		settings["port"] = strconv.Itoa(d.Port)
	}
	for _, name := range libpq {
		if value, found := o.value(name); found {
			settings[name] = fmt.Sprint(value)
		}
	}
	o.one("sslmode", "disable", "allow", "prefer", "require", "verify-ca", "verify-full")
	if settings["service"] == "" && d.Name == "" {
		o.errs = append(o.errs, d.Errorf("NAME", "is empty, and there is no OPTIONS.service"))
	}
	if role := o.text("assume_role"); role != "" {
		settings["role"] = role
	}
	o.ignore("server_side_binding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")
	if encoding := o.text("client_encoding"); encoding != "" && !strings.EqualFold(strings.ReplaceAll(encoding, "-", ""), "utf8") {
		o.wrong("client_encoding", "can't be honoured: pgx speaks UTF-8")
	}
	o.refuse(map[string]string{
		"isolation_level": "each save is one statement with its own condition, and needs no other level",
		"cursor_factory":  "it is a class of Python's",
		"gssencmode":      "pgx has no GSSAPI encryption", "sslcrl": "pgx reads no revocation lists",
		"sslcrldir": "pgx reads no revocation lists", "sslcompression": "pgx has no such thing",
		"replication": "sessions replicate nothing", "hostaddr": "put the address into HOST",
		"load_balance_hosts": "sessions need one database, the primary", "ssl_min_protocol_version": "it is TLS 1.2",
		"ssl_max_protocol_version": "pgx has no such limit",
	})
	size := pool(o)
	unprepared := o.values["prepare_threshold"] == "None"
	o.ignore("prepare_threshold")
	if err := o.err(); err != nil {
		return nil, err
	}

	parsed, err := pgx.ParseConfig(keywords(settings))
	if err != nil {
		return nil, d.Errorf("OPTIONS", "can't be used: %v", withoutDSN(err))
	}
	if unprepared || d.Pooler {
		parsed.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	db := stdlib.OpenDB(*parsed)
	db.SetMaxOpenConns(size.max)
	if size.min > 0 {
		db.SetMaxIdleConns(size.min)
	}
	return db, nil
}

// keywords writes libpq's keyword=value form.
func keywords(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if value := settings[name]; value != "" {
			fmt.Fprintf(&b, "%s='%s' ", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
		}
	}
	return b.String()
}

// withoutDSN is pgx's reason alone: its errors quote the whole data source.
func withoutDSN(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && parse.Unwrap() != nil {
		return parse.Unwrap()
	}
	return errors.New("pgx does not understand one of the values")
}

type poolSize struct{ min, max int }

// pool reads psycopg's pool, which database/sql has in any case.
func pool(o *optionReader) poolSize {
	value, found := o.value("pool")
	if _, isBool := config.Boolean(value); !found || isBool {
		return poolSize{}
	}
	inner := readOptions(o.entry, o.table("pool"))
	size := poolSize{min: inner.integer("min_size", 0), max: inner.integer("max_size", 0)}
	inner.ignore("timeout", "max_waiting", "max_lifetime", "max_idle", "num_workers", "name", "open")
	if err := inner.err(); err != nil {
		o.errs = append(o.errs, err)
	}
	return size
}
