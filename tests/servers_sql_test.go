package tests

import (
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// sqlServer is a database on a real server, as a driver is told to open it.
type sqlServer struct{ driver, dsn string }

// sqlServers are the servers that the database engine works with. Each call of
// start gives an empty database.
var sqlServers = []struct {
	name  string
	start func(testing.TB) sqlServer
}{
	{"postgresql", func(t testing.TB) sqlServer {
		return sqlServer{"pgx", testserver.SharedPostgres(t).URL()}
	}},
	{"mariadb", mariadb("")},
	{"mariadb, found rows and times", mariadb("clientFoundRows=true&parseTime=true")},
	{"mariadb, interpolated", mariadb("interpolateParams=true")},
}

func mariadb(params string) func(testing.TB) sqlServer {
	return func(t testing.TB) sqlServer {
		return sqlServer{"mysql", testserver.SharedMariaDB(t).DSN(params)}
	}
}

// open opens the database, as one process does.
func (s sqlServer) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.driver, s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// eachSQLServer runs a test on every server.
func eachSQLServer(t *testing.T, test func(t *testing.T, server sqlServer)) {
	for _, server := range sqlServers {
		t.Run(server.name, func(t *testing.T) { test(t, server.start(t)) })
	}
}

// exec executes a statement.
func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// column is the first column of what a query finds; NULL is "NULL".
func column(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		text := sql.NullString{}
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		if !text.Valid {
			text.String = "NULL"
		}
		all = append(all, text.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSQLServers puts the database engine through the suite on every server,
// in two processes and with a table for each case.
func TestSQLServers(t *testing.T) {
	eachSQLServer(t, func(t *testing.T, server sqlServer) {
		var db *sql.DB
		var table string
		cases := 0
		enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
			cases++
			db, table = server.open(t), fmt.Sprintf("sessions_%d", cases)
			return engine.DatabaseEngine{DB: db, Table: table}
		}, enginetest.Options{
			Name: "db",
			Another: func(t *testing.T, _ sessions.Settings) sessions.Engine {
				return engine.DatabaseEngine{DB: server.open(t), Table: table}
			},
			Names:     func(t *testing.T) []string { return column(t, db, "SELECT session_key FROM "+table) },
			FoldsKeys: server.driver == "mysql",
		})
	})
}
