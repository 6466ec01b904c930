package messages_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/messages"
)

// A form that redirects after it was saved, and the page that says so.
func Example() {
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for this example, and only for this example"
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /profile", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		messages.Success(s, "Your profile was saved.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		list, err := messages.Take(r.Context(), s)
		if err != nil {
			m.Error(w, r, err)
			return
		}
		for _, message := range list {
			fmt.Fprintf(w, "<li class=%q>%s</li>", message.Tags(), message)
		}
	}))
	site := m.Handler(mux)

	saved := httptest.NewRecorder()
	site.ServeHTTP(saved, httptest.NewRequest("POST", "https://example.com/profile", nil))
	for range 2 {
		page := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "https://example.com/", nil)
		r.AddCookie(saved.Result().Cookies()[0])
		site.ServeHTTP(page, r)
		fmt.Printf("%q\n", page.Body)
	}
	// Output:
	// "<li class=\"success\">Your profile was saved.</li>"
	// ""
}
