package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/engine"
)

// A site with a login view, a logout view, and pages for members. Users would be
// auth.Table(db, auth.TableOptions{}), and the Hasher package auth/hashers'.
func Example() {
	st := sessions.DefaultSettings()
	st.SecretKey = siteSecret
	st.CookieSecure = false // the example speaks plain HTTP
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := auth.New(m, auth.Options{
		Backends: []auth.Backend{auth.ModelBackend{Users: newUsers(), Hasher: plainHasher{}}},
		LoginURL: "/login/",
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	mux.Handle("GET /account/", a.RequireLogin(auth.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request, _ *sessions.Session, u *auth.User) {
			fmt.Fprintf(w, "This is %s's account.", u.Username)
		})))
	mux.HandleFunc("GET /login/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "Who are you?")
	})
	mux.Handle("POST /login/", auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, s *sessions.Session, _ *auth.User) {
			user, err := a.Authenticate(r.Context(), r.PostFormValue("username"), r.PostFormValue("password"))
			if errors.Is(err, auth.ErrCredentials) {
				fmt.Fprint(w, "Your username and password didn't match.")
				return
			}
			if err == nil {
				err = a.Login(r.Context(), s, user)
			}
			if err != nil {
				m.Error(w, r, err)
				return
			}
			http.Redirect(w, r, auth.SafeRedirect(r, r.FormValue("next"), "/"), http.StatusSeeOther)
		}))
	mux.Handle("POST /logout/", auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, s *sessions.Session, _ *auth.User) {
			if err := a.Logout(r.Context(), s); err != nil {
				m.Error(w, r, err)
				return
			}
			fmt.Fprint(w, "Bye.")
		}))
	srv := httptest.NewServer(m.Handler(a.Handler(mux)))
	defer srv.Close()

	jar, _ := cookiejar.New(nil)
	browser := http.Client{Jar: jar}
	show := func(resp *http.Response, err error) {
		if err != nil {
			fmt.Println(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		var body strings.Builder
		_ = resp.Write(&body)
		_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
		fmt.Println(resp.Request.URL.RequestURI()+":", text)
	}
	form := func(username, password string) url.Values {
		return url.Values{"username": {username}, "password": {password}}
	}
	show(browser.Get(srv.URL + "/account/"))
	show(browser.PostForm(srv.URL+"/login/?next=/account/", form("alice", "guess")))
	show(browser.PostForm(srv.URL+"/login/?next=/account/", form("alice", "alice")))
	show(browser.PostForm(srv.URL+"/logout/", nil))
	show(browser.Get(srv.URL + "/account/"))
	// Output:
	// /login/?next=/account/: Who are you?
	// /login/?next=/account/: Your username and password didn't match.
	// /account/: This is alice's account.
	// /logout/: Bye.
	// /login/?next=/account/: Who are you?
}

// A change of the password ends the user's other sessions. The one that it was
// changed in goes on.
func ExampleAuth_UpdateSessionAuthHash() {
	ctx := context.Background()
	users := newUsers()
	m, a := exampleAuth(users)
	alice, _ := users.ByUsername(ctx, "alice")
	here, elsewhere := m.Open(""), m.Open("")
	_ = errors.Join(a.Login(ctx, here, alice), a.Login(ctx, elsewhere, alice))

	users.setPassword("alice", "a better one")
	alice, _ = users.ByUsername(ctx, "alice")
	if err := a.UpdateSessionAuthHash(ctx, here, alice); err != nil {
		fmt.Println(err)
	}

	user, err := a.User(ctx, here)
	fmt.Println("here:", user, err)
	user, err = a.User(ctx, elsewhere)
	fmt.Println("elsewhere:", user, err)
	// Output:
	// here: user 1 <nil>
	// elsewhere: anonymous user <nil>
}

// A program that keeps its users elsewhere, and shares a Django's sessions.
func ExampleSessionLogin() {
	ctx := context.Background()
	m, _ := exampleAuth(newUsers())
	const encoded = "pbkdf2_sha256$1000000$salt$hash" // of the user, as Django has it

	s := m.Open("")
	err := auth.SessionLogin(ctx, s, auth.Identity{
		UserID: "7", Backend: auth.ModelBackendName, Hash: auth.SessionHash(siteSecret, encoded),
	}, nil)
	fmt.Println(err)

	id, found, err := auth.SessionIdentity(s)
	fmt.Println(id.UserID, found, err)
	verdict, err := auth.SessionVerify(ctx, s, auth.SessionHash(siteSecret, encoded), nil)
	fmt.Println(verdict == auth.Verified, err)
	verdict, err = auth.SessionVerify(ctx, s, auth.SessionHash(siteSecret, "changed"), nil)
	fmt.Println(verdict == auth.Ended, s.Key() == "", err)
	// Output:
	// <nil>
	// 7 true <nil>
	// true <nil>
	// true true <nil>
}

func exampleAuth(users auth.Users) (*sessions.Manager, *auth.Auth) {
	st := sessions.DefaultSettings()
	st.SecretKey = siteSecret
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	a, err := auth.New(m, auth.Options{Backends: []auth.Backend{auth.ModelBackend{Users: users}}})
	if err != nil {
		panic(err)
	}
	return m, a
}
