package sessions_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
)

// Handlers that take the connection over, or would.
var hijackRows = []responseRow{
	{
		name: "101 Switching Protocols", cookie: noCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "test")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, buffered, err := http.NewResponseController(w).Hijack()
			noError(t, err)
			send(t, buffered, "switched")
			noError(t, buffered.Flush())
			noError(t, conn.Close())
		},
		want: answer{status: 101, cookie: "new", vary: "Cookie", body: "switched", stored: createdSession},
	},
	{
		name: "101, which HTTP/2 has not", cookie: hasCookie, only: "HTTP/2",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			w.WriteHeader(http.StatusSwitchingProtocols)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello", stored: changedSession},
	},
	{
		name: "hijacks", cookie: hasCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			conn, buffered, err := w.(http.Hijacker).Hijack()
			noError(t, err)
			send(t, buffered, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			noError(t, buffered.Flush())
			noError(t, conn.Close())
		},
		want: answer{status: 200, body: "raw", stored: changedSession},
	},
	{
		name: "hijacks, changes afterwards", cookie: hasCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			noError(t, err)
			s.Set("b", 2)
			send(t, buffered, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			noError(t, buffered.Flush())
			noError(t, conn.Close())
		},
		want: answer{status: 200, body: "raw", stored: changedSession},
	},
	{
		name: "hijacks, new visitor", cookie: noCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			conn, _, err := http.NewResponseController(w).Hijack()
			if conn != nil || !errors.Is(err, sessions.ErrCookieNotSent) {
				t.Errorf("Hijack: %v, %v", conn, err)
			}
			send(t, w, "then without")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "then without", stored: createdSession},
	},
	{
		name: "hijacks, new visitor saved already", cookie: noCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			noError(t, s.Save(r.Context()))
			conn, _, err := http.NewResponseController(w).Hijack()
			if conn != nil || !errors.Is(err, sessions.ErrCookieNotSent) {
				t.Errorf("Hijack: %v, %v", conn, err)
			}
			send(t, w, "then without")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "then without", stored: createdSession},
	},
	{
		name: "hijacks after a rotation", cookie: hasCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.CycleKey(r.Context()))
			_, _, err := http.NewResponseController(w).Hijack()
			if !errors.Is(err, sessions.ErrCookieNotSent) {
				t.Errorf("Hijack: %v", err)
			}
			send(t, w, "then without")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "then without", stored: `new{"a":1}`},
	},
	{
		name: "hijacks, new visitor who only looks", cookie: noCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			_ = s.Has("a")
			conn, buffered, err := http.NewResponseController(w).Hijack()
			noError(t, err)
			send(t, buffered, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			noError(t, buffered.Flush())
			noError(t, conn.Close())
		},
		want: answer{status: 200, body: "raw", stored: unchangedSession},
	},
	{
		name: "hijacks, fails to save", cookie: hasCookie, only: "HTTP/1.1", down: "replace",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			conn, _, err := http.NewResponseController(w).Hijack()
			if conn != nil || !errors.Is(err, errStoreDown) {
				t.Errorf("Hijack: %v, %v", conn, err)
			}
		},
		want: answer{status: 503, vary: "Cookie", body: "Service Unavailable\n", stored: unchangedSession, log: "status=503"},
	},
	{
		name: "can't hijack", cookie: hasCookie, only: "HTTP/2",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if _, ok := w.(http.Hijacker); ok {
				t.Error("it is a Hijacker")
			}
			if _, ok := w.(http.Pusher); !ok {
				t.Error("it is no Pusher")
			}
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Hijack: %v", err)
			}
			s.Set("b", 2)
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "hello", stored: changedSession},
	},
	{
		name: "is no Pusher", cookie: hasCookie, only: "HTTP/1.1",
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if _, ok := w.(http.Pusher); ok {
				t.Error("it is a Pusher")
			}
		},
		want: answer{status: 200, stored: unchangedSession},
	},

	{
		name: "hijacks and flushes under a writer that only unwraps", cookie: hasCookie, only: "HTTP/1.1", outside: unwrapping,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			conn, buffered, err := w.(http.Hijacker).Hijack()
			noError(t, err)
			send(t, buffered, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
			noError(t, buffered.Flush())
			noError(t, conn.Close())
		},
		want: answer{status: 200, body: "raw", stored: changedSession},
	},
	{
		name: "pushes and flushes under a writer that only unwraps", cookie: noCookie, only: "HTTP/2", outside: unwrapping,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Push to a client that wants none: %v", err)
			}
			s.Set("b", 2)
			noError(t, http.NewResponseController(w).Flush())
			send(t, w, "hello")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
	{
		name: "flushes and streams under a writer that can't", cookie: noCookie, outside: plain,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			if _, ok := w.(http.Hijacker); ok {
				t.Error("it is a Hijacker")
			}
			if _, ok := w.(http.Pusher); ok {
				t.Error("it is a Pusher")
			}
			s.Set("b", 2)
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Flush: %v", err)
			}
			n, err := io.Copy(w, strings.NewReader("hello"))
			noError(t, err)
			equal(t, "bytes", n, 5)
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "hello", stored: createdSession},
	},
}
