package tests

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

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
