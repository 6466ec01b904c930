package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/jackc/pgx/v5/pgxpool"
	goredis "github.com/redis/go-redis/v9"
)

// openSCS is scs with the store that its documentation names for the server, and
// no clean-up in the background: nobody else cleans up during a measurement.
func openSCS(s spec) (*subject, error) {
	registerGob()
	m := scs.New()
	closed := func() {}
	switch kind, _, _ := strings.Cut(s.On, "-"); kind {
	case "memory":
		m.Store = memstore.NewWithCleanupInterval(0)
	case "redis":
		o, err := goredis.ParseURL(s.URL)
		if err != nil {
			return nil, err
		}
		client := goredis.NewClient(o)
		m.Store, closed = goredisstore.New(client), func() { _ = client.Close() }
	case "sqlite":
		db, err := openSQL(s)
		if err != nil {
			return nil, err
		}
		m.Store, closed = sqlite3store.NewWithCleanupInterval(db, 0), func() { _ = db.Close() }
	case "postgres":
		config, err := pgxpool.ParseConfig(s.URL)
		if err != nil {
			return nil, err
		}
		config.MaxConns = conns
		pool, err := pgxpool.NewWithConfig(context.Background(), config)
		if err != nil {
			return nil, err
		}
		m.Store, closed = pgxstore.NewWithCleanupInterval(pool, 0), pool.Close
	default:
		return nil, fmt.Errorf("no store for %s", s)
	}
	return scsSubject(m, closed), nil
}

// scsTables make the tables of scs's documentation.
var scsTables = map[string][]string{
	"sqlite": {
		`CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)`,
		`CREATE INDEX sessions_expiry_idx ON sessions(expiry)`,
	},
	"postgres": {
		`CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL)`,
		`CREATE INDEX sessions_expiry_idx ON sessions (expiry)`,
	},
}

func scsSubject(m *scs.SessionManager, closed func()) *subject {
	wrap := func(f http.HandlerFunc) http.Handler { return m.LoadAndSave(f) }
	return &subject{close: closed, ops: map[string]http.Handler{
		opNone: wrap(func(w http.ResponseWriter, _ *http.Request) { answer(w, userID) }),
		opRead: wrap(func(w http.ResponseWriter, r *http.Request) { answer(w, m.GetString(r.Context(), nameUser)) }),
		opSave: wrap(func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), nameCount, m.GetInt(r.Context(), nameCount)+1)
			answer(w, userID)
		}),
		opNew: wrap(func(w http.ResponseWriter, r *http.Request) {
			eachValue(func(name string, value any) { m.Put(r.Context(), name, value) })
			answer(w, userID)
		}),
		opKey: wrap(func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), param(r), userID)
			answer(w, userID)
		}),
		opAdd: wrap(func(w http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), param(r), m.GetInt(r.Context(), param(r))+1)
			answer(w, userID)
		}),
		opSum: wrap(func(w http.ResponseWriter, r *http.Request) {
			sum := 0
			for _, name := range m.Keys(r.Context()) {
				if strings.HasPrefix(name, adder) {
					sum += m.GetInt(r.Context(), name)
				}
			}
			answer(w, strconv.Itoa(sum))
		}),
	}}
}
