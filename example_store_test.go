package sessions_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// Sessions outside of requests: Django's SessionStore.
func ExampleManager_Open() {
	m := exampleManager()
	ctx := context.Background()

	s := m.Open("") // SessionStore()
	s.Set("last_login", 1376587691)
	if err := s.Save(ctx); err != nil {
		panic(err)
	}
	key := s.Key()
	fmt.Println("a key of", len(key), "characters")

	s = m.Open(key) // SessionStore(session_key=key)
	if err := s.Load(ctx); err != nil {
		panic(err)
	}
	fmt.Println(sessions.Get(s, "last_login", 0))
	fmt.Println(s.ExpiryDate().Format(time.DateTime)) // if it were saved now

	// A key that does not exist is never adopted.
	s = m.Open("no-such-session-here")
	if err := s.Load(ctx); err != nil {
		panic(err)
	}
	if err := s.Save(ctx); err != nil {
		panic(err)
	}
	fmt.Println(s.Key() != "no-such-session-here", len(s.Key()))

	fmt.Println(m.Exists(ctx, key))
	if err := m.Delete(ctx, key); err != nil {
		panic(err)
	}
	fmt.Println(m.Exists(ctx, key))
	// Output:
	// a key of 32 characters
	// 1376587691
	// 2026-03-15 12:00:00
	// true 32
	// true <nil>
	// false <nil>
}

// A handler that shows what was saved, parallel requests included, saves first.
func ExampleSession_Save() {
	m := exampleManager()
	site := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		sessions.Update(s, "tickets", func(n int) int { return n + 1 })
		if err := s.Save(r.Context()); err != nil {
			http.Error(w, "Not saved.", sessions.StatusCode(err))
			return
		}
		fmt.Fprint(w, "Your ticket: ", sessions.Get(s, "tickets", 0))
	}))

	visitor := exampleVisitor{site: site}
	visitor.get("/")
	visitor.get("/")
	// Output:
	// Your ticket: 1
	// Your ticket: 2
}

// Create makes a new session of what is in memory, whatever key there was.
func ExampleSession_Create() {
	m := exampleManager()
	ctx := context.Background()
	s := m.Open("")
	s.Set("user_id", 42)
	if err := s.Create(ctx); err != nil {
		panic(err)
	}
	first := s.Key()
	if err := s.Create(ctx); err != nil {
		panic(err)
	}
	fmt.Println(s.Key() != first, sessions.Get(s, "user_id", 0))
	fmt.Println(m.Exists(ctx, first))
	// Output:
	// true 42
	// true <nil>
}

// What stands in the session_data column of a row: Django's
// Session.get_decoded(). A real Django has written this one.
func ExampleManager_Decode() {
	st := exampleSettings()
	st.SecretKey = "vector-secret-key"
	m, err := sessions.New(st, engine.File(os.TempDir()))
	if err != nil {
		panic(err)
	}
	values, err := m.Decode("eyJjYXQiOiJkb2cifQ:1x8elk:grr4KFNZfNBd_8UNchDVylIdQtSD5PNh-S0XmxLCcHc")
	if err != nil {
		panic(err)
	}
	for member := range values.All() {
		fmt.Println(member.Name, member.JSON)
	}
	var cat string
	found, err := values.Decode("cat", &cat)
	fmt.Println(cat, found, err)
	// Output:
	// cat "dog"
	// dog true <nil>
}

// Sessions in SQLite, in the table that Django uses. The program imports a
// driver for its side effect: _ "modernc.org/sqlite".
func ExampleManager_Migrate() {
	db, err := sql.Open("sqlite", "file:site.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	st := sessions.DefaultSettings()
	st.SecretKey = "the SECRET_KEY of the Django that shares the database"
	m, err := sessions.New(st, engine.Database(db))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Migrate(context.Background()); err != nil { // makes django_session if it is missing
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", m.Handler(http.DefaultServeMux)))
}
