package engine_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
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

// Django's get_session_cookie_age(), for any engine.
func ExampleWithCookieAge() {
	m, err := sessions.New(settings(), engine.WithCookieAge(engine.Memory(), 30*24*time.Hour))
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Settings().CookieAge, m.Open("").ExpiryAge())
	// Output: 720h0m0s 720h0m0s
}

// A column that the database can find sessions by: create_model_instance of
// Django's documentation. It is NULL for who is not logged in.
func ExampleColumn() {
	account := engine.Column{
		Name: "account_id",
		Type: "integer NULL",
		Value: func(values *sessions.Values) any {
			var id string
			if found, err := values.Decode("_auth_user_id", &id); err != nil || !found {
				return nil
			}
			return id
		},
	}
	var values sessions.Values
	fmt.Println(account.Value(&values))
	if err := values.Encode("_auth_user_id", "42"); err != nil {
		panic(err)
	}
	fmt.Println(account.Value(&values))
	// Output:
	// <nil>
	// 42
}

// Who reads this cache finds neither a session's key nor its values.
func ExampleHardened() {
	local := cache.NewLocal(cache.LocalOptions{})
	m, err := sessions.New(settings(), engine.Hardened(engine.Cache(local)))
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	s := m.Open("")
	s.Set("cat", "dog")
	if err := s.Save(ctx); err != nil {
		panic(err)
	}
	_, err = local.Get(ctx, ":1:django.contrib.sessions.cache"+s.Key())
	fmt.Println(err)
	fmt.Println(m.Exists(ctx, s.Key()))
	// Output:
	// cache: miss
	// true <nil>
}
