package sessions_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// Handlers that change the session after the headers, whose session can't be
// saved, or who are too slow.
var lateRows = []responseRow{
	{
		name: "changes after the headers", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			s.Set("b", 2)
		},
		want: answer{status: 200, body: "hello", stored: changedSession},
	},
	{
		name: "changes before and after the headers", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 0)
			send(t, w, "hello")
			s.Set("b", 2)
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello", stored: changedSession},
	},
	{
		name: "new visitor, changes before and after the headers", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 0)
			send(t, w, "hello")
			s.Set("b", 2)
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "new visitor, changes after the headers", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			s.Set("b", 2)
		},
		want: answer{status: 200, body: "hello", stored: unchangedSession, log: "can no longer be sent"},
	},
	{
		name: "new visitor, saves after the headers", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			s.Set("b", 2)
			if err := s.Save(r.Context()); !errors.Is(err, sessions.ErrCookieNotSent) {
				t.Errorf("Save: %v", err)
			}
		},
		want: answer{status: 200, body: "hello", stored: unchangedSession, log: "can no longer be sent"},
	},
	{
		name: "rotates after the headers", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			if err := s.CycleKey(r.Context()); !errors.Is(err, sessions.ErrCookieNotSent) {
				t.Errorf("CycleKey: %v", err)
			}
		},
		want: answer{status: 200, body: "hello", stored: unchangedSession},
	},
	{
		name: "flushes after the headers", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			noError(t, s.Flush(r.Context()))
		},
		want: answer{status: 200, body: "hello"},
	},
	{
		name: "changes after the headers, fails to save", cookie: hasCookie, down: "replace",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			s.Set("b", 2)
		},
		want: answer{status: 200, body: "hello", stored: unchangedSession, log: "the store is down"},
	},
	{
		name: "sets after the headers what can't be stored", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, "hello")
			s.Set("b", func() {})
		},
		want: answer{status: 200, body: "hello", stored: unchangedSession, log: "can't be stored"},
	},

	{
		name: "fails to save a prepared body", cookie: hasCookie, down: "replace",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			h := w.Header()
			h.Set("Content-Length", "5")
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"1"`)
			h.Set("Location", "/next")
			h.Set("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
			h.Set("Cache-Control", "public, max-age=60")
			h.Set("Content-Type", "image/png")
			h.Set("X-Request-Id", "7")
			w.WriteHeader(http.StatusCreated)
			if n, err := w.Write([]byte("hello")); n != 0 || !errors.Is(err, errStoreDown) {
				t.Errorf("Write: %v, %v", n, err)
			}
		},
		want: answer{
			status: 503, vary: "Cookie", body: "Service Unavailable\n", stored: unchangedSession, log: "status=503",
			missing: "Content-Encoding Etag Location Last-Modified Cache-Control",
		},
	},
	{
		name: "fails to save and never writes", cookie: noCookie, down: "create",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.Header().Set("Content-Length", "0")
			w.Header().Set("ETag", `"1"`)
		},
		want: answer{status: 503, vary: "Cookie", body: "Service Unavailable\n", stored: unchangedSession, log: "status=503", missing: "Etag"},
	},
	{
		name: "fails to save, by every way to write", cookie: noCookie, down: "create",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			_, writeString := io.WriteString(w, "hello")
			_, readFrom := io.Copy(w, strings.NewReader("hello"))
			flush := http.NewResponseController(w).Flush()
			w.WriteHeader(200)
			w.WriteHeader(103)
			w.(http.Flusher).Flush()
			for name, err := range map[string]error{"WriteString": writeString, "ReadFrom": readFrom, "Flush": flush} {
				if !errors.Is(err, errStoreDown) {
					t.Errorf("%s: %v", name, err)
				}
			}
		},
		want: answer{status: 503, vary: "Cookie", body: "Service Unavailable\n", stored: unchangedSession, log: "status=503"},
	},
	{
		name: "fails to save http.ServeContent", cookie: hasCookie, down: "replace",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			http.ServeContent(w, r, "x.txt", siteNow, strings.NewReader("hello"))
		},
		want: answer{
			status: 503, vary: "Cookie", body: "Service Unavailable\n", stored: unchangedSession, log: "status=503",
			missing: "Last-Modified Accept-Ranges",
		},
	},
	{
		name: "sets what can't be stored", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			s.Set("c", make(chan int))
			_, _ = w.Write([]byte("hello"))
		},
		want: answer{status: 500, vary: "Cookie", body: "Internal Server Error\n", stored: unchangedSession, log: "can't be stored"},
	},

	{
		name: "http.TimeoutHandler inside, in time", cookie: noCookie, inside: timeout(time.Minute),
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "http.TimeoutHandler inside, too late", cookie: hasCookie, inside: timeout(200 * time.Millisecond),
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			<-r.Context().Done()
			s.Set("c", 3)
		},
		want: answer{status: 503, vary: "Cookie", body: "too slow", stored: unchangedSession},
	},
	{
		name: "http.TimeoutHandler inside, rotated too late", cookie: hasCookie, inside: timeout(200 * time.Millisecond),
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.CycleKey(r.Context()))
			<-r.Context().Done()
		},
		want: answer{status: 503, cookie: "new", vary: "Cookie", body: "too slow", stored: `new{"a":1}`},
	},
	{
		name: "http.TimeoutHandler outside, in time", cookie: noCookie, outside: timeout(time.Minute),
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "http.TimeoutHandler outside, too late", cookie: hasCookie, outside: timeout(200 * time.Millisecond),
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			<-r.Context().Done()
		},
		want: answer{status: 503, body: "too slow", stored: changedSession},
	},
}
