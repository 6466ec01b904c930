package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
)

const sessionsOfAUser = 10

// listDevices is workload I: the sessions of one user among all. Keepsake asks its
// index and then the store; a Django has to decode each session that there is.
func (r *run) listDevices(on string) error {
	n := 1_000_000
	if r.quick {
		n = 50_000
	}
	url, err := r.machine.url(on + "-devices")
	if err != nil {
		return err
	}
	s := spec{Lib: "keepsake", On: on, URL: url}
	var index devices.Index
	var e sessions.Engine
	var fill func(rows [][]any) error
	if on == "redis" {
		c, closed, err := redis.Open(url)
		if err != nil {
			return err
		}
		defer closed()
		e, index = engine.Cache(c), devices.InCache(c, cache.Keys{})
		fill = func(rows [][]any) error { return fillCache(c, rows) }
	} else {
		db, err := openSQL(s)
		if err != nil {
			return err
		}
		defer db.Close()
		if index, err = devices.Table(db, devices.TableOptions{}); err != nil {
			return err
		}
		e = engine.Database(db)
		fill = func(rows [][]any) error { return fillTable(db, on, rows) }
	}
	m, err := sessions.New(settings(), e)
	if err != nil {
		return err
	}
	d, err := devices.New(m, devices.Options{Index: index})
	if err != nil {
		return err
	}
	if _, err := d.Migrate(context.Background()); err != nil {
		return err
	}
	users := n / sessionsOfAUser
	user := func(i int) string { return strconv.Itoa(1_000_000 + i) }
	rows := make([][]any, 0, n)
	for i := range n {
		data, err := encodedFor(m, user(i%users))
		if err != nil {
			return err
		}
		rows = append(rows, []any{freshKey() + "000000", data, time.Now().Add(lives).UTC().Truncate(time.Second)})
	}
	if err := fill(rows); err != nil {
		return err
	}
	if _, err := d.Rebuild(context.Background()); err != nil {
		return err
	}
	name := fmt.Sprintf("I %s of %d ", on, n)
	for i := range 50 {
		begin := time.Now()
		list, _, err := d.List(context.Background(), user(i*(users-1)/50), "")
		if err != nil || len(list) != sessionsOfAUser {
			return fmt.Errorf("%d sessions listed: %w", len(list), err)
		}
		r.add(name+"keepsake", sample{ns: float64(time.Since(begin))})
	}
	if on == "redis" {
		return nil // Django's cache engine can't list sessions
	}
	took, err := r.djangoLists(s, user(users-1))
	if err != nil {
		return err
	}
	r.add(name+"django", sample{ns: float64(took)})
	return nil
}

// encodedFor is the session of a user as it is stored.
func encodedFor(m *sessions.Manager, user string) (string, error) {
	var v sessions.Values
	var failed error
	eachValue(func(name string, value any) {
		if name == nameUser {
			value = user
		}
		if err := v.Encode(name, value); err != nil {
			failed = err
		}
	})
	if failed != nil {
		return "", failed
	}
	return m.Encode(v)
}

func fillTable(db *sql.DB, on string, rows [][]any) error {
	ctx := context.Background()
	if on == "postgres" {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		err = conn.Raw(func(raw any) error {
			_, err := raw.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"django_session"},
				[]string{"session_key", "session_data", "expire_date"}, pgx.CopyFromRows(rows))
			return err
		})
		if err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, "ANALYZE django_session")
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	insert, err := tx.Prepare("INSERT INTO django_session VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := insert.Exec(row[0], row[1], row[2].(time.Time).Format("2006-01-02 15:04:05")); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// fillCache sends from many goroutines: what they send goes together.
func fillCache(c cache.Cache, rows [][]any) error {
	const workers = 64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for n := i; n < len(rows) && errs[i] == nil; n += workers {
				key := cache.Keys{}.Make("django.contrib.sessions.cache" + rows[n][0].(string))
				errs[i] = c.Set(context.Background(), key, rows[n][1].(string), lives)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// djangoLists is how long a Django takes for the sessions of a user.
func (r *run) djangoLists(s spec, user string) (time.Duration, error) {
	python, _, err := r.findDjango()
	if err != nil {
		return 0, err
	}
	site := map[string]any{"secret": secretKey}
	if err := djangoDatabase(site, s); err != nil {
		return 0, err
	}
	text, err := json.Marshal(site)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(python, filepath.Join(root(), "bench", "testdata", "sessions_of.py"), user)
	cmd.Env = append(os.Environ(), "BENCH="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	var found int
	var seconds float64
	if _, err := fmt.Fscan(strings.NewReader(string(out)), &found, &seconds); err != nil || found != sessionsOfAUser {
		return 0, fmt.Errorf("Django has found %d sessions: %w", found, err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
