package main

import (
	"fmt"
	"net/http"
	"strings"
)

// spec names a contestant: a library and what it keeps sessions on. It goes to the
// child process that serves it as JSON.
type spec struct {
	Lib string // keepsake, store (Keepsake's, alone), scs, gorilla, limit, bare, django
	As  string // a way to run it: "plain" stores uncompressed, "idle" and "every" renew the expiry, "many" has more visitors than are remembered, "own" reads what it has written itself
	On  string // memory, redis, sqlite, sqlite-full, postgres, cookie, codec
	URL string // of the server, or the path of the file
}

func (s spec) String() string { return s.Lib + "/" + s.On }

// subject is a contestant: a handler for each operation.
type subject struct {
	ops   map[string]http.Handler
	close func()
}

// ServeHTTP serves an operation by its path.
func (s *subject) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := s.ops[r.URL.Path]
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// open makes a contestant of this process.
func open(s spec) (*subject, error) {
	switch s.Lib {
	case "bare":
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, userID) })
		return &subject{ops: map[string]http.Handler{opNone: h, opRead: h, opSave: h, opNew: h}, close: func() {}}, nil
	case "keepsake":
		if s.On == "codec" {
			return keepsakeCodec(s)
		}
		return openKeepsake(s)
	case "store":
		return storeWriter(s)
	case "scs":
		return openSCS(s)
	case "gorilla":
		if s.On == "codec" {
			return gorillaCodec(), nil
		}
		return openGorilla(s)
	case "limit":
		return openLimit(s)
	}
	return nil, fmt.Errorf("no contestant %s", s)
}

// durability is how SQLite files are opened, by everybody.
func durability(on string) string {
	sync := "NORMAL"
	if strings.HasSuffix(on, "-full") {
		sync = "FULL"
	}
	return "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + sync + ")"
}

// conns is how many connections to a database everybody has.
const conns = 16
