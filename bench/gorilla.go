package main

import (
	"fmt"
	"net/http"

	"github.com/gorilla/sessions"
)

// openGorilla is gorilla/sessions with its cookie store: signed, not encrypted, as
// Django's signed_cookies.
func openGorilla(s spec) (*subject, error) {
	if s.On != "cookie" {
		return nil, fmt.Errorf("no store for %s", s)
	}
	registerGob()
	store := sessions.NewCookieStore([]byte(secretKey))
	with := func(f func(s *sessions.Session) (save bool)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, "session")
			if err == nil && f(s) {
				err = s.Save(r, w)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			answer(w, userID)
		})
	}
	return &subject{close: func() {}, ops: map[string]http.Handler{
		opNone: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, userID) }),
		opRead: with(func(s *sessions.Session) bool { _ = s.Values[nameUser].(string); return false }),
		opSave: with(func(s *sessions.Session) bool {
			s.Values[nameCount] = s.Values[nameCount].(int) + 1
			return true
		}),
		opNew: with(func(s *sessions.Session) bool {
			eachValue(func(name string, value any) { s.Values[name] = value })
			return true
		}),
	}}, nil
}
