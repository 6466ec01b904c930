package tests

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// accounts is the example of Django's documentation of extended database-backed
// engines: a table with the account that each session belongs to.
//
//	class CustomSession(AbstractBaseSession):
//	    account_id = models.IntegerField(null=True, db_index=True)
func accounts(db *sql.DB) engine.DatabaseEngine {
	e := engine.Database(db)
	e.Table = "accounts_customsession"
	e.Columns = []engine.Column{{Name: "account_id", Type: "integer NULL", Value: accountID}}
	return e
}

// accountID is create_model_instance: NULL for who is not logged in.
func accountID(values *sessions.Values) any {
	var text string
	if found, err := values.Decode("_auth_user_id", &text); err != nil || !found {
		return nil
	}
	id, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return id
}

// An extended SessionStore, as in Django's documentation: a column that the
// database can find sessions by, and get_session_cookie_age.
func Example_extendedEngine() {
	dir, err := os.MkdirTemp("", "keepsake")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "site.db"))
	if err != nil {
		panic(err)
	}
	defer db.Close()

	const cookieAge = 30 * 24 * time.Hour // get_session_cookie_age
	m, err := sessions.New(settings(), engine.WithCookieAge(accounts(db), cookieAge))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if _, err := m.Migrate(ctx); err != nil { // or Django's migrate
		panic(err)
	}

	s := m.Open("")
	s.Set("_auth_user_id", "42")
	if err := s.Save(ctx); err != nil {
		panic(err)
	}
	fmt.Println(s.ExpiryAge())

	visitor := m.Open("")
	visitor.Set("color", "blue")
	if err := visitor.Save(ctx); err != nil {
		panic(err)
	}
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM accounts_customsession WHERE account_id = 42").Scan(&n); err != nil {
		panic(err)
	}
	fmt.Println("sessions of account 42:", n)
	if err := db.QueryRow("SELECT COUNT(*) FROM accounts_customsession WHERE account_id IS NULL").Scan(&n); err != nil {
		panic(err)
	}
	fmt.Println("of nobody:", n)
	// Output:
	// 720h0m0s
	// sessions of account 42: 1
	// of nobody: 1
}
