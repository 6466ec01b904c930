package main

import (
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

func settings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = secretKey
	st.CookieSecure = false
	st.Logger = slog.New(slog.DiscardHandler)
	return st
}

// secretKey is Django's, too.
const secretKey = "a secret key for benchmarks, which is long enough for Django"

func openKeepsake(s spec) (*subject, error) {
	e, closed, err := keepsakeEngine(s)
	if err != nil {
		return nil, err
	}
	st := settings()
	switch s.As {
	case "idle": // ends half an hour after the last use
		st.Timeouts.Idle = 30 * time.Minute
	case "every": // Django's way to the same: every request saves
		st.SaveEveryRequest = true
	}
	m, err := sessions.New(st, e)
	if err != nil {
		return nil, err
	}
	return keepsakeSubject(m, closed), nil
}

func keepsakeEngine(s spec) (sessions.Engine, func(), error) {
	switch kind, _, _ := strings.Cut(s.On, "-"); {
	case s.On == "memory":
		return engine.Memory(), func() {}, nil
	case s.On == "cookie":
		return engine.SignedCookiesEngine{Uncompressed: s.As == "plain"}, func() {}, nil
	case kind == "redis":
		o, err := redis.ParseLocation(s.URL)
		if err != nil {
			return nil, nil, err
		}
		if s.As == "tracking" {
			o.ClientCaching = 250 * time.Millisecond
		}
		c, closed, err := redis.OpenOptions(o)
		if err != nil {
			return nil, nil, err
		}
		return engine.Cache(c), closed, nil
	case kind == "sqlite", kind == "postgres":
		db, err := openSQL(s)
		if err != nil {
			return nil, nil, err
		}
		e := engine.Database(db)
		e.Codec = codec.SignedOptions{Uncompressed: s.As == "plain"}
		return e, func() { _ = db.Close() }, nil
	}
	return nil, nil, fmt.Errorf("no engine for %s", s)
}

// openSQL opens a database for database/sql.
func openSQL(s spec) (*sql.DB, error) {
	driver, url := "pgx", s.URL
	if strings.HasPrefix(s.On, "sqlite") {
		driver, url = "sqlite", "file:"+s.URL+durability(s.On)
	}
	db, err := sql.Open(driver, url)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func keepsakeSubject(m *sessions.Manager, closed func()) *subject {
	wrap := func(f sessions.HandlerFunc) http.Handler { return m.Handler(f) }
	return &subject{close: closed, ops: map[string]http.Handler{
		opNone: m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, userID) })),
		opRead: wrap(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			answer(w, sessions.Get(s, nameUser, ""))
		}),
		opSave: wrap(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			sessions.Update(s, nameCount, func(n int) int { return n + 1 })
			answer(w, userID)
		}),
		opNew: wrap(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			eachValue(s.Set)
			answer(w, userID)
		}),
		opKey: wrap(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set(param(r), userID)
			answer(w, userID)
		}),
		opAdd: wrap(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			sessions.Update(s, param(r), func(n int) int { return n + 1 })
			answer(w, userID)
		}),
		opSum: wrap(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			sum := 0
			for _, name := range s.Keys() {
				if strings.HasPrefix(name, adder) {
					sum += sessions.Get(s, name, 0)
				}
			}
			answer(w, strconv.Itoa(sum))
		}),
	}}
}

// adder begins the names that opAdd counts under.
const adder = "adder"
