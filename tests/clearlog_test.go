package tests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// A clean-up on SQLite leaves its connections as they were, also when it is given up
// and when the pool has one connection, and the log no longer than it was.
func TestClearExpiredLeavesSQLiteAsItWas(t *testing.T) {
	for _, driver := range drivers {
		for _, row := range []struct {
			name    string
			options string
			conns   int
			pages   int
			givenUp bool
		}{
			{"as it comes", "", 4, 1000, false},
			{"one connection", "", 1, 1000, false},
			{"its owner copies", "&_pragma=wal_autocheckpoint(0)", 4, 0, false},
			{"given up", "", 4, 1000, true},
			{"without a log", "?_pragma=busy_timeout(10000)", 4, 1000, false},
		} {
			t.Run(driver.name+"/"+row.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "db.sqlite3")
				options := row.options
				if !strings.HasPrefix(options, "?") {
					options = driver.options + options
				}
				db := openFile(t, driver.name, options, path)
				db.SetMaxOpenConns(row.conns)
				s := storeOn(t, db)
				const old = 6000
				_, err := db.Exec(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?)
					INSERT INTO django_session SELECT hex(randomblob(16)), ?, '2001-01-01 00:00:00' FROM s`, old, fmt.Sprintf("%0300d", 1))
				if err != nil {
					t.Fatal(err)
				}
				live := created(t, s, 10)
				if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
					t.Fatal(err)
				}

				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				progress := func(int) {
					if row.givenUp {
						cancel()
					}
				}
				n, err := manager(t, settings(), engine.Database(db)).ClearExpired(ctx, progress)
				switch {
				case row.givenUp && (!errors.Is(err, context.Canceled) || n == 0 || n == old):
					t.Errorf("given up: %d, %v", n, err)
				case !row.givenUp && (err != nil || n != old):
					t.Errorf("%d cleared, %v", n, err)
				}
				for i, rec := range live {
					if got, err := s.Load(t.Context(), groupKey(i)); err != nil || got.Data != rec.Data {
						t.Errorf("a live session: %v", err)
					}
				}
				for range row.conns {
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					var pages int
					if err := conn.QueryRowContext(t.Context(), "PRAGMA wal_autocheckpoint").Scan(&pages); err != nil || pages != row.pages {
						t.Errorf("wal_autocheckpoint is %d, not %d: %v", pages, row.pages, err)
					}
				}
				if log, err := os.Stat(path + "-wal"); err == nil && row.pages > 0 && log.Size() > 8<<20 {
					t.Errorf("the log has %d bytes", log.Size())
				}
			})
		}
	}
}

// A step that fails leaves what the steps before it have cleared, and says so.
func TestClearExpiredFailsInTheMiddle(t *testing.T) {
	db := openFile(t, drivers[0].name, drivers[0].options, filepath.Join(t.TempDir(), "db.sqlite3"))
	storeOn(t, db)
	for n := range 900 {
		if _, err := db.Exec("INSERT INTO django_session VALUES (?, 'x', ?)", groupKey(n), time.Unix(int64(1e9+n), 0).UTC().Format(time.DateTime)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`CREATE TRIGGER refuse BEFORE DELETE ON django_session WHEN OLD.session_key = '` + groupKey(800) + `' BEGIN SELECT RAISE(ABORT, 'not this one'); END`); err != nil {
		t.Fatal(err)
	}
	n, err := manager(t, settings(), engine.Database(db)).ClearExpired(t.Context(), nil)
	if err == nil || n == 0 || n > 800 || errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("%d, %v", n, err)
	}
	var left int
	if err := db.QueryRow("SELECT count(*) FROM django_session").Scan(&left); err != nil || left != 900-n {
		t.Errorf("%d are left after %d: %v", left, n, err)
	}
}
