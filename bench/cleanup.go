package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
)

// cleanUp is workload H: expired sessions are cleared, out of twice as many rows,
// beside running saves. What counts is how long saves take meanwhile, against the
// same traffic without a clean-up, and how long it takes in all against one DELETE
// on a database that is left alone. Each round does all three, from the same state.
func (r *run) cleanUp(on string) error {
	expired, rounds := 1_000_000, min(r.rounds, 3)
	if r.quick {
		expired = 100_000
	}
	url, err := r.machine.url(on + "-cleanup")
	if err != nil {
		return err
	}
	s := spec{Lib: "keepsake", On: on, URL: url}
	table, err := openCleaned(s)
	if err != nil {
		return err
	}
	defer table.db.Close()
	e, closed, err := keepsakeEngine(s)
	if err != nil {
		return err
	}
	m, err := sessions.New(settings(), e)
	if err != nil {
		return err
	}
	sub := keepsakeSubject(m, closed)
	defer sub.close()
	if err := table.fill("live", expired, time.Now().Add(24*time.Hour)); err != nil {
		return err
	}
	cookies, err := visitors(sub.ops[opNew], visitorsInside)
	if err != nil {
		return err
	}
	name := "H " + on + " "
	alone := 3 * r.slice // then twice as long as the DELETE takes: about what the clean-up does
	if !r.quick {
		alone = 5 * time.Second
	}
	for round := range rounds {
		old := func(part string) error {
			return table.fill(fmt.Sprint(part, round), expired, time.Now().Add(-24*time.Hour))
		}
		if err := old("deleted"); err != nil {
			return err
		}
		begin := time.Now()
		if err := table.deleteExpired(); err != nil {
			return err
		}
		r.add(name+"one-delete", sample{ns: float64(time.Since(begin))})
		alone = max(alone, 2*time.Since(begin))

		if err := old("cleared"); err != nil {
			return err
		}
		traffic(sub.ops[opSave], cookies, func() { time.Sleep(r.slice) }) // warm
		r.add(name+"saves-alone", traffic(sub.ops[opSave], cookies, func() { time.Sleep(alone) }))
		var cleared int
		var took time.Duration
		meanwhile := traffic(sub.ops[opSave], cookies, func() {
			begin := time.Now()
			cleared, err = m.ClearExpired(context.Background(), nil)
			took = time.Since(begin)
		})
		if err != nil || cleared != expired {
			return fmt.Errorf("%d of %d cleared: %w", cleared, expired, err)
		}
		r.add(name+"saves-meanwhile", meanwhile)
		r.add(name+"clean-up", sample{ns: float64(took)})
	}
	return nil
}

func (r *run) add(name string, s sample) { r.results[name] = append(r.results[name], s) }

// cleaned is a table of sessions that is filled and emptied by the million.
type cleaned struct {
	db   *sql.DB
	on   string
	data string
}

func openCleaned(s spec) (*cleaned, error) {
	db, err := openSQL(s)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	data, err := encoded("sql")
	return &cleaned{db, s.On, data}, err
}

// do executes statements, on one connection.
func (c *cleaned) do(texts ...string) error {
	for _, text := range texts {
		if _, err := c.db.Exec(text); err != nil {
			return err
		}
	}
	return nil
}

// fill adds n sessions under keys in no order, as sessions' are, that expire one
// after another from a moment on, and leaves the database tidy.
func (c *cleaned) fill(what string, n int, from time.Time) error {
	const layout = "2006-01-02 15:04:05"
	first := from.UTC().Truncate(time.Second)
	if c.on == "postgres" {
		_, err := c.db.Exec(`INSERT INTO django_session SELECT md5($1::text || n::text), $2::text, $3::text::timestamptz + n * interval '1 millisecond' FROM generate_series(1, $4::int) AS n`,
			what, c.data, first.Format(layout)+"+00", n)
		if err != nil {
			return err
		}
		return c.do("VACUUM ANALYZE django_session", "CHECKPOINT")
	}
	// A large cache, or random keys take minutes.
	if err := c.do("PRAGMA cache_size = -400000"); err != nil {
		return err
	}
	_, err := c.db.Exec(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?) `+
		`INSERT INTO django_session SELECT lower(hex(randomblob(16))), ?, strftime('%Y-%m-%d %H:%M:%f', julianday(?) + n / 86400000.0) FROM s`,
		n, c.data, first.Format(layout))
	if err != nil {
		return err
	}
	return c.do("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA cache_size = -2000")
}

// deleteExpired is one DELETE of all that has expired, and leaves the database tidy.
func (c *cleaned) deleteExpired() error {
	if c.on == "postgres" {
		return c.do("DELETE FROM django_session WHERE expire_date < now()")
	}
	return c.do("DELETE FROM django_session WHERE expire_date < strftime('%Y-%m-%d %H:%M:%f', 'now')")
}
