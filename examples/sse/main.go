// An event stream that ends with its visitor's logout, whatever the process that
// does it. Log in, watch the clock in two windows, and log out in one:
//
//	go run ./examples/sse
//
// The page is on http://127.0.0.1:8000/.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

func main() {
	st := sessions.DefaultSettings()
	st.SecretKey = rand.Text() + rand.Text() // a site has one that lasts
	st.CookieSecure = false                  // this is plain HTTP
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://127.0.0.1:8000/")
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", site(m)))
}

func site(m *sessions.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.HandlerFunc(page))
	mux.Handle("POST /login", sessions.HandlerFunc(login))
	mux.Handle("POST /logout", sessions.HandlerFunc(logout))
	mux.Handle("GET /events", sessions.HandlerFunc(events))
	// Neither a login nor a logout may come from another site.
	return http.NewCrossOriginProtection().Handler(m.Handler(mux))
}

// events sends the time each second, until the session ends.
func events(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	user := sessions.Get(s, "user", "")
	if user == "" {
		w.WriteHeader(http.StatusNoContent) // a browser does not come back then
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for now := time.Now(); ; {
		fmt.Fprintf(w, "data: %s, %s\n\n", user, now.Format(time.TimeOnly))
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		select {
		case now = <-tick.C:
		case <-s.Done(): // the browser comes back, with a cookie or without
			return
		case <-r.Context().Done():
			return
		}
	}
}

// login has no password: the package auth has real logins.
func login(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	s.Set("user", "ann")
	if err := s.CycleKey(r.Context()); err != nil { // the key of before may be known
		log.Print(err)
		http.Error(w, "not logged in", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	if err := s.Flush(r.Context()); err != nil {
		log.Print(err)
		http.Error(w, "not logged out", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func page(w http.ResponseWriter, _ *http.Request, s *sessions.Session) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !s.Has("user") {
		_, _ = io.WriteString(w, `<form method=post action=/login><button>Log in</button></form>`)
		return
	}
	_, _ = io.WriteString(w, `<p id=now></p>
<form method=post action=/logout><button>Log out</button></form>
<script>
  const events = new EventSource("/events")
  events.onmessage = e => now.textContent = e.data
  events.onerror = () => { if (events.readyState == EventSource.CLOSED) location.reload() }
</script>`)
}
