package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// openLimit is what is below Keepsake, and nothing else: one statement, or one
// command, with the same driver or client, by the key in the cookie. No session is
// decoded, checked or encoded. In memory and in cookies it is one HMAC-SHA256 of
// as many bytes.
func openLimit(s spec) (*subject, error) {
	kind, _, _ := strings.Cut(s.On, "-")
	data, err := encoded(kind)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "memory", "cookie":
		mac := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := hmac.New(sha256.New, []byte(secretKey))
			h.Write([]byte(data))
			h.Sum(nil)
			answer(w, userID)
		})
		return &subject{close: func() {}, ops: map[string]http.Handler{opRead: mac, opSave: mac, opNew: mac}}, nil
	case "redis":
		return redisLimit(s, data)
	case "sqlite", "postgres":
		return sqlLimit(s, data)
	}
	return nil, fmt.Errorf("no limit for %s", s)
}

// encoded is the session as Keepsake stores it there, with its defaults.
func encoded(kind string) (string, error) {
	var c sessions.Codec
	var err error
	switch kind {
	case "memory":
		c, err = codec.NewJSON(codec.JSONOptions{})
	case "redis":
		c, err = codec.NewPickle(codec.PickleOptions{})
	default:
		c, err = codec.NewSigned(settings(), codec.SignedOptions{})
	}
	if err != nil {
		return "", err
	}
	var v sessions.Values
	eachValue(func(name string, value any) {
		err = errors.Join(err, v.Encode(name, value))
	})
	if err != nil {
		return "", err
	}
	return c.Encode(v)
}

const lives = 14 * 24 * time.Hour

func redisLimit(s spec, data string) (*subject, error) {
	option, err := rueidis.ParseURL(s.URL)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: option.InitAddress, DisableCache: true, PipelineMultiplex: -1,
	})
	if err != nil {
		return nil, err
	}
	set := func(ctx context.Context, key string) error {
		return client.Do(ctx, client.B().Set().Key("limit:"+key).Value(data).PxMilliseconds(lives.Milliseconds()).Build()).Error()
	}
	return limitSubject(client.Close,
		func(ctx context.Context, key string) error {
			return client.Do(ctx, client.B().Get().Key("limit:"+key).Build()).Error()
		}, set, set), nil
}

func sqlLimit(s spec, data string) (*subject, error) {
	db, err := openSQL(s)
	if err != nil {
		return nil, err
	}
	dates := func() string { return time.Now().Add(lives).UTC().Format("2006-01-02 15:04:05.999999") }
	mark := func(n int) string { return "?" }
	if s.On == "postgres" {
		mark = func(n int) string { return fmt.Sprint("$", n) }
		dates = func() string { return time.Now().Add(lives).UTC().Format(time.RFC3339Nano) }
	}
	prepare := func(text string) *sql.Stmt {
		stmt, prepareErr := db.Prepare(text)
		if prepareErr != nil {
			err = prepareErr
		}
		return stmt
	}
	read := prepare("SELECT session_data FROM limits WHERE session_key = " + mark(1))
	save := prepare("UPDATE limits SET session_data = " + mark(1) + ", expire_date = " + mark(2) + " WHERE session_key = " + mark(3))
	insert := prepare("INSERT INTO limits (session_data, expire_date, session_key) VALUES (" + mark(1) + ", " + mark(2) + ", " + mark(3) + ")")
	if err != nil {
		return nil, err
	}
	// One at a time where the database has one writer: the others would poll.
	write := func(ctx context.Context, stmt *sql.Stmt, key string) error {
		_, err := stmt.ExecContext(ctx, data, dates(), key)
		return err
	}
	if s.On != "postgres" {
		turn := make(chan struct{}, 1)
		unlocked := write
		write = func(ctx context.Context, stmt *sql.Stmt, key string) error {
			turn <- struct{}{}
			defer func() { <-turn }()
			return unlocked(ctx, stmt, key)
		}
	}
	return limitSubject(func() { _ = db.Close() },
		func(ctx context.Context, key string) error {
			var found string
			return read.QueryRowContext(ctx, key).Scan(&found)
		},
		func(ctx context.Context, key string) error { return write(ctx, save, key) },
		func(ctx context.Context, key string) error { return write(ctx, insert, key) }), nil
}

// limitTable is a session table with Django's indexes.
var limitTable = map[string][]string{
	"sqlite": {
		`CREATE TABLE limits (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date datetime NOT NULL)`,
		`CREATE INDEX limits_expire_date ON limits (expire_date)`,
	},
	"postgres": {
		`CREATE TABLE limits (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date timestamp with time zone NOT NULL)`,
		`CREATE INDEX limits_session_key_like ON limits (session_key varchar_pattern_ops)`,
		`CREATE INDEX limits_expire_date ON limits (expire_date)`,
	},
}

func freshKey() string { return strings.ToLower(rand.Text()) }

func limitSubject(closed func(), read, save, create func(ctx context.Context, key string) error) *subject {
	with := func(f func(ctx context.Context, key string) error, fresh bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, key, _ := strings.Cut(r.Header.Get("Cookie"), "=")
			if fresh {
				key = freshKey()
			}
			if err := f(r.Context(), key); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			if fresh {
				w.Header().Set("Set-Cookie", "sessionid="+key)
			}
			answer(w, userID)
		})
	}
	return &subject{close: closed, ops: map[string]http.Handler{
		opRead: with(read, false), opSave: with(save, false), opNew: with(create, true),
	}}
}
