package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
)

// cleanUp is workload H: expired sessions are cleared, out of twice as many rows,
// beside running saves. What counts is how long saves take meanwhile, and how long
// it takes in all against one DELETE on a database that is left alone.
func (r *run) cleanUp(on string) error {
	expired := 1_000_000
	if r.quick {
		expired = 20_000
	}
	url, err := r.machine.url(on)
	if err != nil {
		return err
	}
	s := spec{Lib: "keepsake", On: on, URL: url}
	db, err := openSQL(s)
	if err != nil {
		return err
	}
	defer db.Close()
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
	cookies, err := visitors(sub.ops[opNew], visitorsInside)
	if err != nil {
		return err
	}
	data, err := encoded()
	if err != nil {
		return err
	}
	fill := func(prefix string, end time.Duration) error {
		date := time.Now().Add(end).UTC().Format("2006-01-02 15:04:05.000000-07:00")
		if on == "postgres" {
			_, err := db.Exec(`INSERT INTO django_session SELECT $1::text || lpad(n::text, 30, '0'), $2::text, $3::text::timestamptz FROM generate_series(1, $4) AS n`,
				prefix, data, date, expired)
			return err
		}
		series := "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?) "
		_, err := db.Exec(series+"INSERT INTO django_session SELECT ? || printf('%030d', n), ?, ? FROM s", expired, prefix, data, date[:26])
		return err
	}
	name := "H " + on + " "
	if err := fill("live", 24*time.Hour); err != nil {
		return err
	}
	if err := fill("old1", -time.Hour); err != nil {
		return err
	}
	if on == "postgres" {
		_, _ = db.Exec("ANALYZE django_session")
	}
	begin := time.Now()
	now := time.Now().UTC().Format("2006-01-02 15:04:05")
	text := "DELETE FROM django_session WHERE expire_date < ?"
	if on == "postgres" {
		text, now = "DELETE FROM django_session WHERE expire_date < $1::text::timestamptz", now+"+00"
	}
	if _, err := db.Exec(text, now); err != nil {
		return err
	}
	r.results[name+"one-delete"] = []sample{{ns: float64(time.Since(begin))}}
	if err := fill("old2", -time.Hour); err != nil {
		return err
	}

	r.results[name+"saves-alone"] = []sample{traffic(sub.ops[opSave], cookies, func() { time.Sleep(3 * r.slice) })}
	var cleared int
	begin = time.Now()
	var took time.Duration
	r.results[name+"saves-meanwhile"] = []sample{traffic(sub.ops[opSave], cookies, func() {
		cleared, err = m.ClearExpired(context.Background(), nil)
		took = time.Since(begin)
	})}
	if err != nil || cleared != expired {
		return fmt.Errorf("%d of %d cleared: %w", cleared, expired, err)
	}
	r.results[name+"clean-up"] = []sample{{ns: float64(took)}}
	return nil
}

// traffic saves from four workers, a few hundred times a second, for as long as f
// runs.
func traffic(h http.Handler, cookies []string, f func()) sample {
	const workers = 4
	stop := make(chan struct{})
	waits := make([][]time.Duration, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			w := &discard{header: http.Header{}}
			for n := i; ; n += workers {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				clear(w.header)
				begin := time.Now()
				h.ServeHTTP(w, request(opSave, cookies[n%len(cookies)]))
				waits[i] = append(waits[i], time.Since(begin))
			}
		})
	}
	f()
	close(stop)
	wg.Wait()
	var sum, n float64
	for _, some := range waits {
		for _, d := range some {
			sum += float64(d)
			n++
		}
	}
	return sample{ns: sum / max(n, 1), p99: slowest(waits)}
}
