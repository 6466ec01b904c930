package sessions_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

// Django's set_expiry has two meanings; here they are methods.
func ExampleSession_SetExpiry() {
	s := exampleManager().Open("") // it is 2026-03-01 12:00:00

	show := func(what string) {
		fmt.Printf("%-20s %-9v %s %v\n", what, s.ExpiryAge(), s.ExpiryDate().Format(time.DateTime), s.ExpiresAtBrowserClose())
	}
	show("default")

	s.ExpireAfter(5 * time.Minute) // set_expiry(300): five minutes after each save
	show("five minutes")

	s.ExpireAt(exampleNow.Add(90 * time.Minute)) // set_expiry(datetime) or (timedelta): then
	show("at 13:30")

	s.ExpireAtBrowserClose() // set_expiry(0)
	show("browser close")

	s.ExpireByDefault() // set_expiry(None)
	show("default again")

	s.SetExpiry(sessions.ExpiryAfter(-time.Second)) // set_expiry(-1): at once
	show("over")
	// Output:
	// default              336h0m0s  2026-03-15 12:00:00 false
	// five minutes         5m0s      2026-03-01 12:05:00 false
	// at 13:30             1h30m0s   2026-03-01 13:30:00 false
	// browser close        336h0m0s  2026-03-15 12:00:00 true
	// default again        336h0m0s  2026-03-15 12:00:00 false
	// over                 -1s       2026-03-01 11:59:59 false
}

// Django's get_expiry_age(modification=…, expiry=…).
func ExampleSession_ExpiryAgeFrom() {
	s := exampleManager().Open("")
	yesterday := exampleNow.Add(-24 * time.Hour)
	fmt.Println(s.ExpiryAgeFrom(yesterday, sessions.ExpiryAt(exampleNow)))
	fmt.Println(s.ExpiryDateFrom(yesterday, sessions.ExpiryAfter(time.Hour)).Format(time.DateTime))
	// Output:
	// 24h0m0s
	// 2026-02-28 13:00:00
}

// ExpireAfter slides with each save, ExpireAt does not, and the store ends a
// session whatever the browser thinks of its cookie.
func ExampleSession_ExpireAfter() {
	st := exampleSettings()
	now := exampleNow
	st.Clock = func() time.Time { return now }
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	visitor := exampleVisitor{site: m.Handler(sessions.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if r.URL.Path == "/begin" {
				s.ExpireAfter(5 * time.Minute)
			}
			if r.URL.Path != "/read" { // to read is not to save
				sessions.Update(s, "pages", func(n int) int { return n + 1 })
			}
			fmt.Fprint(w, now.Format(time.TimeOnly), " pages: ", sessions.Get(s, "pages", 0))
		}))}

	visitor.get("/begin")
	now = now.Add(4 * time.Minute)
	visitor.get("/page")
	now = now.Add(4 * time.Minute)
	visitor.get("/read")
	now = now.Add(2 * time.Minute)
	visitor.get("/page")
	// Output:
	// 12:00:00 pages: 1
	// 12:04:00 pages: 2
	// 12:08:00 pages: 2
	// 12:10:00 pages: 1
}

// An online exam: it is over half an hour after the last request.
func ExampleSettings_saveEveryRequest() {
	st := exampleSettings()
	st.CookieAge = 30 * time.Minute // SESSION_COOKIE_AGE = 1800
	st.SaveEveryRequest = true      // SESSION_SAVE_EVERY_REQUEST = True
	now := exampleNow
	st.Clock = func() time.Time { return now }
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	visitor := exampleVisitor{site: m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/think" { // nothing looks into the session, and yet it goes on
			fmt.Fprint(w, "…")
			return
		}
		s, err := sessions.FromContext(r.Context())
		if err != nil {
			http.Error(w, err.Error(), sessions.StatusCode(err))
			return
		}
		if r.URL.Path == "/begin" {
			s.Set("exam", "Go")
		}
		fmt.Fprint(w, sessions.Get(s, "exam", "no exam"))
	}))}

	visitor.get("/begin")
	now = now.Add(25 * time.Minute)
	visitor.get("/think")
	now = now.Add(25 * time.Minute)
	visitor.get("/answer")
	now = now.Add(31 * time.Minute)
	visitor.get("/answer")
	// Output:
	// Go
	// …
	// Go
	// no exam
}

// Browser-length sessions as the default, and one visitor who asked to be
// remembered.
func ExampleSettings_expireAtBrowserClose() {
	st := exampleSettings()
	st.ExpireAtBrowserClose = true // SESSION_EXPIRE_AT_BROWSER_CLOSE = True
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	site := m.Handler(sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sessions.Session) {
		s.Set("member_id", 7)
		if r.FormValue("remember") != "" {
			s.ExpireAfter(30 * 24 * time.Hour)
		}
	}))

	for _, path := range []string{"/login", "/login?remember=yes"} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", path, http.NoBody))
		fmt.Println("Max-Age:", w.Result().Cookies()[0].MaxAge)
	}
	// Output:
	// Max-Age: 0
	// Max-Age: 2592000
}

// Django's clearsessions: expired sessions are invisible, but stay in the store
// until somebody clears them, a daily job for instance.
func ExampleManager_ClearExpired() {
	st := exampleSettings()
	now := exampleNow
	st.Clock = func() time.Time { return now }
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for i := range 5 {
		s := m.Open("")
		s.ExpireAfter(time.Duration(i+1) * time.Hour)
		if err := s.Save(ctx); err != nil {
			panic(err)
		}
	}

	now = now.Add(3*time.Hour + time.Minute)
	fmt.Println(m.ClearExpired(ctx, nil))
	fmt.Println(m.ClearExpired(ctx, nil))
	// Output:
	// 3 <nil>
	// 0 <nil>
}
