// The program of the README: it counts each visitor's visits.
//
//	SECRET_KEY=$(openssl rand -base64 48) go run ./examples/hello
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine"
)

func main() {
	st := sessions.DefaultSettings()
	st.SecretKey = os.Getenv("SECRET_KEY") // 50 random characters or more
	st.CookieSecure = false                // this is plain HTTP
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		sessions.Update(s, "visits", func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visits:", sessions.Get(s, "visits", 0))
	}))
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", m.Handler(http.DefaultServeMux)))
}
