package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
)

// TestSQLite puts the database engine through the suite: with both drivers, in
// one process and in two.
func TestSQLite(t *testing.T) {
	for _, driver := range drivers {
		for processes := 1; processes <= 2; processes++ {
			t.Run(fmt.Sprintf("%s/%d", driver.name, processes), func(t *testing.T) {
				var path string
				var db *sql.DB
				opts := enginetest.Options{Name: "db on SQLite", Names: func(t *testing.T) []string { return names(t, db) }}
				if processes == 2 {
					opts.Another = func(t *testing.T, _ sessions.Settings) sessions.Engine {
						return engine.Database(openFile(t, driver.name, driver.options, path))
					}
				}
				enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
					path = filepath.Join(t.TempDir(), "sessions.db")
					db = openFile(t, driver.name, driver.options, path)
					return engine.Database(db)
				}, opts)
			})
		}
	}
}

// names lists the keys in the table, those of traces included.
func names(t *testing.T, db *sql.DB) []string {
	rows, err := db.QueryContext(t.Context(), `SELECT session_key FROM django_session`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A row whose date nobody can read hides no other session, wherever it stands in a
// page.
func TestListDamagedDate(t *testing.T) {
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			db := openFile(t, driver.name, driver.options, filepath.Join(t.TempDir(), "sessions.db"))
			st := sessions.DefaultSettings()
			st.SecretKey = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"
			m, err := sessions.New(st, engine.Database(db))
			noError(t, err)
			_, err = m.Migrate(t.Context())
			noError(t, err)
			all := map[string]bool{}
			for i := range 6 {
				s := m.Open("")
				s.Set("n", i)
				noError(t, s.Save(t.Context()))
				all[s.Key()] = true
			}
			keys := slices.Sorted(maps.Keys(all))
			for _, i := range []int{1, 5} { // the last one of a page, and of all
				_, err := db.ExecContext(t.Context(), "UPDATE django_session SET expire_date = 'never' WHERE session_key = ?", keys[i])
				noError(t, err)
				delete(all, keys[i])
			}
			found := map[string]bool{}
			for cursor := ""; ; {
				page, next, err := m.List(t.Context(), cursor, 2)
				noError(t, err)
				for _, s := range page {
					found[s.Key] = true
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if !maps.Equal(found, all) {
				t.Errorf("%d sessions were listed, of %d", len(found), len(all))
			}
		})
	}
}

// lockedFile opens a store on a file that another *sql.DB, as a Django would, is
// writing to, until the function is called.
func lockedFile(t *testing.T, driver, options string) (s sessions.Store, rec sessions.Record, unlock func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	other := openFile(t, driver, options, path)
	s = storeOn(t, openFile(t, driver, options, path))
	rec = created(t, s, 1)[0]
	conn, err := other.Conn(t.Context())
	noError(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	noError(t, err)
	unlock = func() {
		_, err := conn.ExecContext(context.Background(), "COMMIT")
		noError(t, err)
		noError(t, conn.Close())
	}
	return s, rec, unlock
}

// TestSQLiteLocked: a save that another process keeps from writing ends at its
// deadline, or when busy_timeout is over, whichever is sooner, or when it is canceled
// and has no deadline. Then nothing was written, and it is known where the file has
// said so.
func TestSQLiteLocked(t *testing.T) {
	for _, driver := range drivers {
		for _, c := range []struct {
			name           string
			busy, deadline int // milliseconds
			known          bool
		}{
			{"until the deadline", 20_000, 300, false},
			{"until busy_timeout", 300, 20_000, true},
			{"until it is canceled", 20_000, 0, false},
		} {
			t.Run(driver.name+"/"+c.name, func(t *testing.T) {
				options := fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)", c.busy)
				s, rec, unlock := lockedFile(t, driver.name, options)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(c.deadline)*time.Millisecond)
					defer cancel()
				} else {
					time.AfterFunc(300*time.Millisecond, cancel)
				}
				start := time.Now()
				_, err := s.Replace(ctx, groupKey(0), rec, record("too late"))
				if took := time.Since(start); err == nil || took < 200*time.Millisecond || took > 10*time.Second {
					t.Errorf("%v after %v", err, took)
				}
				if known := !errors.Is(err, sessions.ErrUnknownOutcome); known != c.known {
					t.Errorf("%v", err)
				}
				unlock()
				if now, err := s.Load(t.Context(), groupKey(0)); err != nil || now.Data != rec.Data {
					t.Errorf("%q is stored: %v", now.Data, err)
				}
				if _, err := s.Replace(t.Context(), groupKey(0), rec, record("in time")); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestSQLiteUnwatched: a save's deadline costs nothing where busy_timeout is sooner.
func TestSQLiteUnwatched(t *testing.T) {
	for _, driver := range drivers {
		t.Run(driver.name, func(t *testing.T) {
			s := storeOn(t, openFile(t, driver.name, "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)", filepath.Join(t.TempDir(), "sessions.db")))
			rec := created(t, s, 1)[0]
			save := func(ctx context.Context) float64 {
				n := 0
				return testing.AllocsPerRun(100, func() {
					var err error
					n++
					rec, err = s.Replace(ctx, groupKey(0), rec, record(fmt.Sprint("next", n)))
					noError(t, err)
				})
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if alone, watched := save(context.Background()), save(ctx); watched > alone+2 {
				t.Errorf("a save with a deadline allocates %v times, %v without", watched, alone)
			}
		})
	}
}
