package sessions_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// exampleNow is when the examples happen.
var exampleNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// exampleSettings are what the examples start from.
func exampleSettings() sessions.Settings {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	st.Clock = func() time.Time { return exampleNow }
	st.Logger = slog.New(slog.DiscardHandler)
	return st
}

// exampleManager is a Manager with an empty store in memory.
func exampleManager() *sessions.Manager {
	m, err := sessions.New(exampleSettings(), engine.Memory())
	if err != nil {
		panic(err)
	}
	return m
}

// exampleVisitor is a browser: it keeps its cookies and shows pages.
type exampleVisitor struct {
	site    http.Handler
	cookies map[string]string
}

// get shows what the site answers, without the status if that is 200.
func (v *exampleVisitor) get(path string) {
	r := httptest.NewRequest("GET", "https://example.com"+path, http.NoBody)
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if v.cookies == nil {
			v.cookies = map[string]string{}
		}
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	if w.Code != http.StatusOK {
		fmt.Print(w.Code, " ")
	}
	fmt.Println(w.Body)
}

// A site that counts each visitor's visits.
func Example() {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}

	mux := http.NewServeMux()
	mux.Handle("GET /", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		sessions.Update(s, "visits", func(n int) int { return n + 1 })
		fmt.Fprint(w, "visits: ", sessions.Get(s, "visits", 0))
	}))
	site := m.Handler(mux)

	alice, bob := exampleVisitor{site: site}, exampleVisitor{site: site}
	alice.get("/")
	alice.get("/")
	bob.get("/")
	// Output:
	// visits: 1
	// visits: 2
	// visits: 1
}

// New names everything that is wrong, with Django's names, at once.
func ExampleNew() {
	st := sessions.DefaultSettings()
	st.CookieName = "__Host-sessionid"
	st.CookieDomain = "example.com"
	st.CookieAge = -time.Hour
	_, err := sessions.New(st, engine.Memory())
	fmt.Println(err)
	// Output:
	// sessions: SecretKey (SECRET_KEY) must not be empty
	// sessions: CookieAge (SESSION_COOKIE_AGE) is negative: -1h0m0s
	// sessions: CookieName (SESSION_COOKIE_NAME) "__Host-sessionid" needs CookieSecure, CookiePath "/" and no CookieDomain
}

// Settings are data: a program can check them on its own, at deployment for
// instance.
func ExampleSettings_Validate() {
	st := sessions.DefaultSettings()
	st.SecretKey = "an example of a secret key that is long enough to be used"
	st.CookieSameSite = "None"
	st.CookieSecure = false
	fmt.Println(st.Validate())
	// Output: sessions: CookieSameSite (SESSION_COOKIE_SAMESITE) "None" needs CookieSecure: browsers drop the cookie otherwise
}

// What a visitor's first request gets, and what one does that leaves its session
// alone.
func ExampleManager_Handler() {
	m := exampleManager()
	site := m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		if r.URL.Path == "/blue" {
			s.Set("favorite_color", "blue")
		}
	}))

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/", http.NoBody))
	fmt.Println(w.Header())

	w = httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/blue", http.NoBody))
	c := w.Result().Cookies()[0]
	fmt.Println("key:", len(c.Value), "characters")
	fmt.Println("Max-Age:", c.MaxAge, "HttpOnly:", c.HttpOnly, "Secure:", c.Secure)
	fmt.Println("Vary:", w.Header().Get("Vary"))
	// Output:
	// map[]
	// key: 32 characters
	// Max-Age: 1209600 HttpOnly: true Secure: true
	// Vary: Cookie
}

func ExampleHandlerFunc() {
	m := exampleManager()
	mux := http.NewServeMux()
	mux.Handle("/set", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("favorite_color", r.FormValue("color"))
		fmt.Fprint(w, "noted")
	}))
	mux.Handle("/show", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		fmt.Fprint(w, sessions.Get(s, "favorite_color", "red"))
	}))

	visitor := exampleVisitor{site: m.Handler(mux)}
	visitor.get("/show")
	visitor.get("/set?color=blue")
	visitor.get("/show")
	// Output:
	// red
	// noted
	// blue
}

// FromContext is for code that has a context and no session at hand, an ordinary
// handler or something below one.
func ExampleFromContext() {
	m := exampleManager()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.FromContext(r.Context())
		if err != nil {
			http.Error(w, err.Error(), sessions.StatusCode(err))
			return
		}
		fmt.Fprint(w, sessions.Get(s, "name", "stranger"))
	})

	visitor := exampleVisitor{site: m.Handler(handler)}
	visitor.get("/")

	visitor = exampleVisitor{site: handler} // without the middleware
	visitor.get("/")
	// Output:
	// stranger
	// 500 sessions: no session in the context: is the handler wrapped by Manager.Handler?
}

// Two Managers in one program: the shop's session lasts two weeks, the admin's
// half an hour from the last request.
func ExampleManager_Session() {
	shop := exampleManager()
	st := exampleSettings()
	st.CookieName = "adminid"
	st.CookieAge = 30 * time.Minute
	st.SaveEveryRequest = true
	admin, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}

	// FromContext and HandlerFunc give the innermost Manager's session; this is
	// how to reach either.
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		basket, desk := shop.Session(r.Context()), admin.Session(r.Context())
		for _, s := range []*sessions.Session{basket, desk} {
			if err := s.Load(r.Context()); err != nil {
				http.Error(w, err.Error(), sessions.StatusCode(err))
				return
			}
		}
		sessions.Update(basket, "items", func(n int) int { return n + 1 })
		sessions.Update(desk, "orders", func(n int) int { return n + 10 })
		fmt.Fprint(w, sessions.Get(basket, "items", 0), " ", sessions.Get(desk, "orders", 0))
	})

	visitor := exampleVisitor{site: shop.Handler(admin.Handler(page))}
	visitor.get("/")
	visitor.get("/")
	fmt.Println(len(visitor.cookies), "cookies")
	// Output:
	// 1 10
	// 2 20
	// 2 cookies
}

// OnError writes the page that a visitor sees when the session can't be loaded
// or saved.
func ExampleSettings_onError() {
	st := exampleSettings()
	st.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
		w.WriteHeader(sessions.StatusCode(err))
		_, _ = io.WriteString(w, "Sorry, please try again.")
	}
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	visitor := exampleVisitor{site: m.Handler(sessions.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
			s.Set("callback", func() {}) // JSON has no functions: the save fails
			fmt.Fprint(w, "All is well.")
		}))}
	visitor.get("/")
	// Output: 500 Sorry, please try again.
}
