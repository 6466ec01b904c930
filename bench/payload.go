package main

import (
	"encoding/gob"
	"net/http"
	"net/url"
)

// The session that everybody keeps: who is logged in, a hash of their password, a
// CSRF token, preferences, a counter. As JSON it is about 300 bytes.
const (
	userID   = "12345"
	backend  = "django.contrib.auth.backends.ModelBackend"
	authHash = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
	token    = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"
)

// prefs is the small dict.
func prefs() map[string]any {
	return map[string]any{"theme": "dark", "per_page": 50, "lang": "de"}
}

const (
	nameUser    = "_auth_user_id"
	nameBackend = "_auth_user_backend"
	nameHash    = "_auth_user_hash"
	nameToken   = "_csrftoken"
	namePrefs   = "prefs"
	nameCount   = "n"
)

// eachValue calls set with every value of the session.
func eachValue(set func(name string, value any)) {
	set(nameUser, userID)
	set(nameBackend, backend)
	set(nameHash, authHash)
	set(nameToken, token)
	set(namePrefs, prefs())
	set(nameCount, 0)
}

// registerGob lets gob, which scs and gorilla encode with, write the dict.
func registerGob() { gob.Register(map[string]any{}) }

// What a request does with its session: the paths of every contestant's server.
const (
	opNone = "/none" // does not look into it
	opRead = "/read" // reads the user's id
	opSave = "/save" // adds one to the counter
	opNew  = "/new"  // makes a new one with all values
	opKey  = "/key"  // ?k=name: sets the value of that name, of a visitor's parallel requests
	opAdd  = "/add"  // ?k=name: adds one to the value of that name
	opSum  = "/sum"  // answers with the sum of all values that opAdd has made
)

// answer is every handler's response.
func answer(w http.ResponseWriter, text string) {
	h := w.Header()
	h["Content-Type"] = contentType
	_, _ = w.Write([]byte(text))
}

var contentType = []string{"text/plain"}

// param is ?k=.
func param(r *http.Request) string {
	q, _ := url.ParseQuery(r.URL.RawQuery)
	return q.Get("k")
}
