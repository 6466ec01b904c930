package engine_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/engine"
)

func settings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	return st
}

// Each sessions.New with Memory has a store of its own.
func ExampleMemory() {
	m, err := sessions.New(settings(), engine.Memory())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	s := m.Open("")
	s.Set("cat", "dog")
	if err := s.Save(ctx); err != nil {
		panic(err)
	}
	fmt.Println(m.EngineName())
	fmt.Println(m.Exists(ctx, s.Key()))

	other, err := sessions.New(settings(), engine.Memory())
	if err != nil {
		panic(err)
	}
	fmt.Println(other.Exists(ctx, s.Key()))
	// Output:
	// memory
	// true <nil>
	// false <nil>
}

// SQLite, with a driver that the program imports: _ "modernc.org/sqlite".
func ExampleDatabase() {
	db, err := sql.Open("sqlite", "file:site.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	m, err := sessions.New(settings(), engine.Database(db))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// A table with another name, and rows that a Django before 3.1 has left behind.
func ExampleDatabaseEngine() {
	db, err := sql.Open("sqlite", "file:site.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	e := engine.Database(db)
	e.Table = "shop_session"
	e.Codec = codec.SignedOptions{ReadSHA1: true}
	if _, err := sessions.New(settings(), e); err != nil {
		log.Fatal(err)
	}
}
