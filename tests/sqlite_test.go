package tests

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
