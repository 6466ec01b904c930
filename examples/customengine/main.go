// A session engine of one's own, as in Django's documentation: a Store
// (store.go), a Codec (codec.go), and the suite that says whether they are right
// (main_test.go). The program makes a session with it, on a Redis on
// localhost:6379 or the one that is named:
//
//	go run ./examples/customengine redis://localhost:6379/0
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/keepsake-go/sessions"
	"github.com/redis/rueidis"
)

func main() {
	url := "redis://localhost:6379/0"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if err := run(context.Background(), url, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url string, out io.Writer) error {
	option, err := rueidis.ParseURL(url)
	if err != nil {
		return err
	}
	option.DisableCache = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		return err
	}
	defer client.Close()

	st := sessions.DefaultSettings()
	st.SecretKey = "a development key: this engine signs nothing, others do"
	m, err := sessions.New(st, Engine{client})
	if err != nil {
		return err
	}
	s := m.Open("")
	s.Set("favorite_color", "blue")
	sessions.Update(s, "visits", func(n int) int { return n + 1 })
	if err := s.Save(ctx); err != nil {
		return err
	}
	stored, err := client.Do(ctx, client.B().Get().Key("session:"+s.Key()).Build()).ToString()
	fmt.Fprintln(out, "stored:", stored)
	if err != nil {
		return err
	}
	again := m.Open(s.Key())
	if err := again.Load(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "color:", sessions.Get(again, "favorite_color", "red"))
	return again.Flush(ctx)
}
