package devices_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/devices"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/engine"
)

// oneUser is a site with one user.
type oneUser struct{}

func (oneUser) Name() string { return "example.OneUser" }

func (oneUser) User(_ context.Context, id string) (*auth.User, error) {
	if id != "7" {
		return nil, auth.ErrNoUser
	}
	return &auth.User{ID: id, Username: "alice", Password: "her password's hash", Active: true}, nil
}

// A page "my devices". The index would be devices.Table(db, devices.TableOptions{}),
// and the login ask for a password.
func Example() {
	st := sessions.DefaultSettings()
	st.SecretKey = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"
	st.CookieSecure = false // the example speaks plain HTTP
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		fmt.Println(err)
		return
	}
	index := devices.InCache(cache.NewLocal(cache.LocalOptions{}), cache.Keys{})
	d, err := devices.New(m, devices.Options{Index: index, Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := auth.New(m, auth.Options{Backends: []auth.Backend{oneUser{}}, ConfirmURL: "/confirm/", Tracker: d})
	if err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	mux.Handle("POST /login/", auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, s *sessions.Session, _ *auth.User) {
			user, err := oneUser{}.User(r.Context(), "7")
			if err == nil {
				err = a.Login(r.Context(), s, user)
			}
			if err != nil {
				m.Error(w, r, err)
				return
			}
			fmt.Fprint(w, "Welcome.")
		}))
	mux.Handle("GET /devices/", a.RequireLogin(auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, _ *sessions.Session, u *auth.User) {
			mine, _, err := d.List(r.Context(), u.ID, "")
			if err != nil {
				m.Error(w, r, err)
				return
			}
			for _, device := range mine {
				name := device.UserAgent
				if device.Current {
					name += " (this one)"
				}
				fmt.Fprintf(w, "%s; ", name)
			}
		})))
	// Only who has logged in a moment ago may end other sessions.
	mux.Handle("POST /devices/revoke-others/", a.RequireRecentLogin(15*time.Minute, auth.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, _ *sessions.Session, u *auth.User) {
			ended, err := d.RevokeOthers(r.Context(), u.ID)
			if err != nil {
				m.Error(w, r, err)
				return
			}
			fmt.Fprintf(w, "%d ended.", ended)
		})))
	srv := httptest.NewServer(m.Handler(a.Handler(mux)))
	defer srv.Close()

	browser := func(agent string) func(method, path string) {
		jar, _ := cookiejar.New(nil)
		client := http.Client{Jar: jar}
		return func(method, path string) {
			r, _ := http.NewRequest(method, srv.URL+path, nil)
			r.Header.Set("User-Agent", agent)
			resp, err := client.Do(r)
			if err != nil {
				fmt.Println(err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			var body strings.Builder
			_ = resp.Write(&body)
			_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
			fmt.Printf("%s: %s\n", agent, strings.TrimSpace(text))
		}
	}
	phone, laptop := browser("Phone"), browser("Laptop")
	phone("POST", "/login/")
	laptop("POST", "/login/")
	laptop("GET", "/devices/")
	laptop("POST", "/devices/revoke-others/")
	phone("GET", "/devices/")
	laptop("GET", "/devices/")

	// Output:
	// Phone: Welcome.
	// Laptop: Welcome.
	// Laptop: Laptop (this one); Phone;
	// Laptop: 1 ended.
	// Phone: Unauthorized
	// Laptop: Laptop (this one);
}
