package sessions_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/keepsake-go/sessions"
)

// Django's first example: a visitor may comment once.
func Example_hasCommented() {
	m := exampleManager()
	postComment := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
		if sessions.Get(s, "has_commented", false) {
			fmt.Fprint(w, "You've already commented.")
			return
		}
		s.Set("has_commented", true)
		fmt.Fprint(w, "Thanks for your comment!")
	})

	visitor := exampleVisitor{site: m.Handler(postComment)}
	visitor.get("/comment")
	visitor.get("/comment")
	// Output:
	// Thanks for your comment!
	// You've already commented.
}

// Django's second example: "logging in" a member of the site, and out again. The
// key is renewed at the login, so that nobody who knew the old one is logged in,
// and the session ends at the logout.
func Example_memberLogin() {
	members := map[string]struct {
		id       int
		password string
	}{"fred": {id: 7, password: "secret"}}

	m := exampleManager()
	mux := http.NewServeMux()
	mux.Handle("/login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		member, known := members[r.FormValue("username")]
		if !known || member.password != r.FormValue("password") {
			fmt.Fprint(w, "Your username and password didn't match.")
			return
		}
		s.Set("member_id", member.id)
		if err := s.CycleKey(r.Context()); err != nil {
			http.Error(w, "Not logged in.", sessions.StatusCode(err))
			return
		}
		fmt.Fprint(w, "You're logged in.")
	}))
	mux.Handle("/logout", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if err := s.Flush(r.Context()); err != nil {
			http.Error(w, "Not logged out.", sessions.StatusCode(err))
			return
		}
		fmt.Fprint(w, "You're logged out.")
	}))
	mux.Handle("/me", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		id, found, err := sessions.Lookup[int](s, "member_id")
		fmt.Fprint(w, id, " ", found, " ", err)
	}))

	visitor := exampleVisitor{site: m.Handler(mux)}
	visitor.get("/login?username=fred&password=guess")
	visitor.get("/me")
	visitor.get("/login?username=fred&password=secret")
	visitor.get("/me")
	visitor.get("/logout")
	visitor.get("/me")
	// Output:
	// Your username and password didn't match.
	// 0 false <nil>
	// You're logged in.
	// 7 true <nil>
	// You're logged out.
	// 0 false <nil>
}

// Django's test cookie: does the browser take cookies? It is known one request
// later.
func ExampleSession_SetTestCookie() {
	m := exampleManager()
	login := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if r.URL.Query().Has("submit") {
			if s.TestCookieWorked() {
				s.DeleteTestCookie()
				fmt.Fprint(w, "You're logged in.")
			} else {
				fmt.Fprint(w, "Please enable cookies and try again.")
			}
			return
		}
		s.SetTestCookie()
		fmt.Fprint(w, "the form")
	})

	visitor := exampleVisitor{site: m.Handler(login)}
	visitor.get("/login")
	visitor.get("/login?submit")

	visitor.get("/login")
	visitor.cookies = nil // a browser that takes none
	visitor.get("/login?submit")
	// Output:
	// the form
	// You're logged in.
	// the form
	// Please enable cookies and try again.
}

// The old key is dead when CycleKey returns, and the values are under the new
// one.
func ExampleSession_CycleKey() {
	m := exampleManager()
	site := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		sessions.SetDefault(s, "basket", []string{"teapot"})
		if r.URL.Path == "/login" {
			if err := s.CycleKey(r.Context()); err != nil {
				http.Error(w, "Not logged in.", sessions.StatusCode(err))
				return
			}
		}
		fmt.Fprint(w, sessions.Get[[]string](s, "basket", nil))
	}))

	visitor := exampleVisitor{site: site}
	visitor.get("/")
	before := visitor.cookies["sessionid"]
	visitor.get("/login")
	after := visitor.cookies["sessionid"]

	fmt.Println("another key:", before != after)
	stillThere, err := m.Exists(context.Background(), before)
	fmt.Println("the old one:", stillThere, err)
	// Output:
	// [teapot]
	// [teapot]
	// another key: true
	// the old one: false <nil>
}

// Flush deletes the session from the store at once: check its error before you
// tell anybody that they are logged out.
func ExampleSession_Flush() {
	m := exampleManager()
	site := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		switch r.URL.Path {
		case "/login":
			s.Set("member_id", 7)
		case "/logout":
			if err := s.Flush(r.Context()); err != nil {
				http.Error(w, "Not logged out.", sessions.StatusCode(err))
				return
			}
		}
		fmt.Fprint(w, "member: ", sessions.Get(s, "member_id", 0))
	}))

	visitor := exampleVisitor{site: site}
	visitor.get("/login")
	visitor.get("/logout")
	fmt.Println(len(visitor.cookies), "cookies")
	// Output:
	// member: 7
	// member: 0
	// 0 cookies
}
