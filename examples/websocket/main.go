// A WebSocket that ends with its visitor's logout, whatever the process that does
// it. Log in, watch the clock in two windows, and log out in one:
//
//	go run ./examples/websocket
//
// The page is on http://127.0.0.1:8000/. The example sse is the same with an event
// stream, and without a library.
package main

import (
	"context"
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/coder/websocket"

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
	mux.Handle("GET /socket", sessions.HandlerFunc(socket))
	// Neither a login nor a logout may come from another site.
	return http.NewCrossOriginProtection().Handler(m.Handler(mux))
}

// loggedOut is the code with which the socket is closed then: one of those that are
// an application's own.
const loggedOut websocket.StatusCode = 4401

// socket sends the time each second, until the session ends. It returns only then:
// the session belongs to the request.
func socket(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	user := sessions.Get(s, "user", "")
	if user == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	done := s.Done()
	conn, err := websocket.Accept(w, r, nil) // which refuses other sites' pages
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx := conn.CloseRead(context.WithoutCancel(r.Context())) // ends with the connection; nothing is received
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for now := time.Now(); ; {
		if err := conn.Write(ctx, websocket.MessageText, []byte(user+", "+now.Format(time.TimeOnly))); err != nil {
			return
		}
		select {
		case now = <-tick.C:
		case <-done:
			_ = conn.Close(loggedOut, "the session has ended")
			return
		case <-ctx.Done():
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
  const socket = new WebSocket("ws" + location.origin.slice(4) + "/socket")
  socket.onmessage = e => now.textContent = e.data
  socket.onclose = e => { if (e.code == 4401) location.reload() }
</script>`)
}
