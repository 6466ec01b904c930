package sessions_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
)

// Handlers that write, flush and stream.
var writingRows = []responseRow{
	{
		name: "writes nothing", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {},
		want:    answer{status: 200, stored: unchangedSession},
	},
	{
		name: "writes nothing, changes", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) { s.Set("b", 2) },
		want:    answer{status: 200, cookie: "old", vary: "Cookie", stored: changedSession},
	},
	{
		name: "writes nothing, changes, new visitor", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) { s.Set("b", 2) },
		want:    answer{status: 200, cookie: "new", vary: "Cookie", stored: createdSession},
	},
	{
		name: "writes a header only", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.WriteHeader(http.StatusNoContent)
		},
		want: answer{status: 204, cookie: "old", vary: "Cookie", stored: changedSession},
	},
	{
		name: "redirects", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.Header()["Location"] = []string{"/next"}
			w.WriteHeader(http.StatusSeeOther)
		},
		want: answer{status: 303, cookie: "new", vary: "Cookie", stored: createdSession},
	},
	{
		name: "writes", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			send(t, w, "hello ")
			send(t, w, "world")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello world", stored: changedSession},
	},
	{
		name: "writes, new visitor", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "reads and writes", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			send(t, w, fmt.Sprint(sessions.Get(s, "a", 0)))
		},
		want: answer{status: 200, vary: "Cookie", body: "1", stored: unchangedSession},
	},
	{
		name: "WriteString", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			if _, ok := w.(io.StringWriter); !ok {
				t.Error("no WriteString")
			}
			_, err := io.WriteString(w, "hello")
			noError(t, err)
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "ReadFrom", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			from, ok := w.(io.ReaderFrom)
			if !ok {
				t.Fatal("no ReadFrom")
			}
			n, err := from.ReadFrom(strings.NewReader("hello"))
			noError(t, err)
			equal(t, "bytes", n, 5)
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "http.ServeContent", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			r.Header.Set("Range", "bytes=1-3")
			http.ServeContent(w, r, "x.txt", siteNow, strings.NewReader("hello"))
		},
		want: answer{status: 206, cookie: "new", vary: "Cookie", body: "ell", stored: createdSession},
	},
	{
		name: "Flush first", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.(http.Flusher).Flush()
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "ResponseController.Flush first", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			noError(t, http.NewResponseController(w).Flush())
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello", stored: changedSession},
	},
	{
		name: "ResponseController's deadlines", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			c := http.NewResponseController(w)
			noError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
			noError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
			noError(t, c.EnableFullDuplex())
			s.Set("b", 2) // none of them was the response's beginning
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello", stored: changedSession},
	},
	{
		name: "streams", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, err := fmt.Fprintf(w, "data: %d\n\n", i)
				noError(t, err)
				noError(t, http.NewResponseController(w).Flush())
			}
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "data: 0\n\ndata: 1\n\ndata: 2\n\n", stored: createdSession},
	},
	{
		name: "103 Early Hints first", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			s.Set("b", 2) // after the hints, before the response
			w.WriteHeader(http.StatusEarlyHints)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession, hints: 2},
	},
	{
		name: "103 Early Hints and nothing else", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			w.WriteHeader(http.StatusEarlyHints)
			s.Set("b", 2)
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", stored: changedSession, hints: 1},
	},
}
