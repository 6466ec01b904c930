package sessions_test

import (
	"net/http"
	"testing"

	"github.com/keepsake-go/sessions"
)

// Handlers that panic, or answer 500: what they changed is not saved, but a
// rotation or a flush that was carried out is announced.
var errorRows = []responseRow{
	{
		name: "panics", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{stored: unchangedSession},
	},
	{
		name: "aborts", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			panic(http.ErrAbortHandler)
		},
		want: answer{stored: unchangedSession},
	},
	{
		name: "panics, recovered", cookie: hasCookie, outside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{status: 500, vary: "Cookie", body: "recovered\n", stored: unchangedSession},
	},
	{
		name: "panics, new visitor, recovered", cookie: noCookie, outside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{status: 500, vary: "Cookie", body: "recovered\n", stored: unchangedSession},
	},
	{
		name: "panics, recovered inside", cookie: hasCookie, inside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{status: 500, vary: "Cookie", body: "recovered\n", stored: unchangedSession},
	},
	{
		name: "rotates and panics, recovered", cookie: hasCookie, outside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.CycleKey(r.Context()))
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{status: 500, cookie: "new", vary: "Cookie", body: "recovered\n", stored: `new{"a":1}`},
	},
	{
		name: "flushes and panics, recovered", cookie: hasCookie, outside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			panic("handler")
		},
		want: answer{status: 500, cookie: "deleted", vary: "Cookie", body: "recovered\n"},
	},
	{
		name: "flushes, begins anew and panics, recovered", cookie: hasCookie, outside: recoverer,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			s.Set("b", 2)
			panic("handler")
		},
		want: answer{status: 500, cookie: "deleted", vary: "Cookie", body: "recovered\n"},
	},
	{
		name: "panics after the headers", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			noError(t, http.NewResponseController(w).Flush())
			s.Set("c", 3)
			panic("handler")
		},
		want: answer{status: 200, cookie: "old", vary: "Cookie", body: "(broken)", stored: changedSession},
	},

	{
		name: "500", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			http.Error(w, "oops", 500)
		},
		want: answer{status: 500, vary: "Cookie", body: "oops\n", stored: unchangedSession},
	},
	{
		name: "599, new visitor", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			http.Error(w, "oops", 599)
		},
		want: answer{status: 599, vary: "Cookie", body: "oops\n", stored: unchangedSession},
	},
	{
		name: "499 is saved", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			s.Set("b", 2)
			http.Error(w, "oops", 499)
		},
		want: answer{status: 499, cookie: "new", vary: "Cookie", body: "oops\n", stored: createdSession},
	},
	{
		name: "500 and changes afterwards", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			http.Error(w, "oops", 500)
			s.Set("b", 2)
		},
		want: answer{status: 500, body: "oops\n", stored: unchangedSession},
	},
	{
		name: "rotates and answers 500", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.CycleKey(r.Context()))
			s.Set("b", 2)
			http.Error(w, "oops", 500)
		},
		want: answer{status: 500, cookie: "new", vary: "Cookie", body: "oops\n", stored: `new{"a":1}`},
	},
	{
		name: "flushes and answers 500", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			http.Error(w, "oops", 500)
		},
		want: answer{status: 500, cookie: "deleted", vary: "Cookie", body: "oops\n"},
	},
	{
		name: "flushes", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			send(t, w, "bye")
		},
		want: answer{status: 200, cookie: "deleted", vary: "Cookie", body: "bye"},
	},
	{
		name: "flushes, new visitor", cookie: noCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			send(t, w, "bye")
		},
		want: answer{status: 200, vary: "Cookie", body: "bye", stored: unchangedSession},
	},
	{
		name: "flushes and begins anew", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.Flush(r.Context()))
			s.Set("b", 2)
			send(t, w, "bye")
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", body: "bye", stored: `new{"b":2}`},
	},
	{
		name: "rotates", cookie: hasCookie,
		handler: func(t *testing.T, w http.ResponseWriter, r *http.Request, s *sessions.Session) {
			noError(t, s.CycleKey(r.Context()))
			s.Set("b", 2)
		},
		want: answer{status: 200, cookie: "new", vary: "Cookie", stored: `new{"a":1,"b":2}`},
	},
}
