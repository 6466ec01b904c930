package sessions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
)

func ExampleSession() {
	s := exampleManager().Open("") // in a handler it comes from the middleware

	s.Set("fav_color", "blue")
	fmt.Println(s.Has("fav_color"), s.Len())
	fmt.Println(sessions.Get(s, "fav_color", "red"))
	fmt.Println(s.Delete("fav_color"), s.Delete("fav_color"))

	s.SetAll(map[string]any{"a": 1, "b": 2.0, "c": nil})
	for name, value := range s.Items() {
		fmt.Println(name, string(value))
	}
	s.Clear()
	fmt.Println(s.Keys(), s.Modified(), s.IsEmpty())
	// Output:
	// true 1
	// blue
	// true false
	// a 1
	// b 2.0
	// c null
	// [] true true
}

// A value of another type is not the same as none: Get gives the default, and
// the error fails the save. Lookup tells the three cases apart and leaves the
// session as it is.
func ExampleGet() {
	s := exampleManager().Open("")
	s.Set("visits", 3)

	fmt.Println(sessions.Get(s, "visits", 0))
	fmt.Println(sessions.Get(s, "color", "red"))
	fmt.Println(sessions.Get(s, "visits", "none"))

	var wrong *sessions.TypeError
	fmt.Println(errors.As(s.Err(), &wrong), wrong.Name, wrong.Want)
	// Output:
	// 3
	// red
	// none
	// true visits string
}

func ExampleLookup() {
	s := exampleManager().Open("")
	s.Set("visits", 3)

	visits, found, err := sessions.Lookup[int](s, "visits")
	fmt.Println(visits, found, err)

	_, found, err = sessions.Lookup[int](s, "other")
	fmt.Println(found, err)

	_, found, err = sessions.Lookup[time.Time](s, "visits")
	var wrong *sessions.TypeError
	fmt.Println(found, errors.As(err, &wrong), s.Err())
	// Output:
	// 3 true <nil>
	// false <nil>
	// false true <nil>
}

// Structs are stored as encoding/json would store them.
func ExampleSession_Set() {
	type Item struct {
		SKU      string `json:"sku"`
		Quantity int    `json:"quantity"`
	}
	s := exampleManager().Open("")
	s.Set("basket", []Item{{"A-1029", 3}})

	fmt.Println(sessions.Get[[]Item](s, "basket", nil))
	fmt.Println(string(sessions.Get[json.RawMessage](s, "basket", nil)))

	// What JSON can't express is an error, and fails the save.
	s.Set("callback", func() {})
	var refused *sessions.EncodeError
	fmt.Println(errors.As(s.Err(), &refused), refused.Name)
	// Output:
	// [{A-1029 3}]
	// [{"sku":"A-1029","quantity":3}]
	// true callback
}

// Two hundred parallel requests of one visitor: none is lost.
func ExampleUpdate() {
	m := exampleManager()
	ctx := context.Background()
	first := m.Open("")
	first.Set("visit_count", 0)
	if err := first.Save(ctx); err != nil {
		panic(err)
	}

	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			s := m.Open(first.Key())
			if err := s.Load(ctx); err != nil {
				panic(err)
			}
			sessions.Update(s, "visit_count", func(n int) int { return n + 1 })
			if err := s.Save(ctx); err != nil {
				panic(err)
			}
		})
	}
	wg.Wait()

	s := m.Open(first.Key())
	if err := s.Load(ctx); err != nil {
		panic(err)
	}
	fmt.Println(sessions.Get(s, "visit_count", 0))
	// Output: 200
}

// Pop is a claim: of two requests that take one token, one gets it. Save before
// you act on what was popped.
func ExamplePop() {
	m := exampleManager()
	ctx := context.Background()
	s := m.Open("")
	s.Set("token", "t-123")
	if err := s.Save(ctx); err != nil {
		panic(err)
	}

	request := func() *sessions.Session {
		s := m.Open(s.Key())
		if err := s.Load(ctx); err != nil {
			panic(err)
		}
		return s
	}
	a, b := request(), request()
	fmt.Println(sessions.Pop(a, "token", ""), a.Save(ctx))

	fmt.Println(sessions.Pop(b, "token", ""))
	err := b.Save(ctx)
	fmt.Println(errors.Is(err, sessions.ErrTaken), sessions.StatusCode(err))
	// Output:
	// t-123 <nil>
	// t-123
	// true 409
}

func ExampleSetDefault() {
	s := exampleManager().Open("")
	fmt.Println(sessions.SetDefault(s, "lang", "de"))
	fmt.Println(sessions.SetDefault(s, "lang", "fr"))
	// Output:
	// de
	// de
}

// When sessions are saved: a value that Get returned is a copy, so changing it
// changes nothing. Set it again. MarkModified, Django's
// request.session.modified = True, renews the expiry; it can't know of the copy.
func ExampleSession_MarkModified() {
	m := exampleManager()
	site := m.Handler(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
		foo := sessions.Get(s, "foo", map[string]string{})
		switch r.URL.Path {
		case "/set": // modified
			s.Set("foo", map[string]string{})
		case "/gotcha": // not modified
			foo["bar"] = "baz"
		case "/mark": // saved, but without the change
			foo["bar"] = "baz"
			s.MarkModified()
		case "/right":
			foo["bar"] = "baz"
			s.Set("foo", foo)
		case "/best": // nor can a parallel change of foo get lost
			sessions.Update(s, "foo", func(foo map[string]string) map[string]string {
				foo["qux"] = "quux"
				return foo
			})
		}
		fmt.Fprint(w, sessions.Get[map[string]string](s, "foo", nil), " modified: ", s.Modified())
	}))

	visitor := exampleVisitor{site: site}
	for _, path := range []string{"/set", "/gotcha", "/mark", "/right", "/best"} {
		visitor.get(path)
	}
	// Output:
	// map[] modified: true
	// map[] modified: false
	// map[] modified: true
	// map[bar:baz] modified: true
	// map[bar:baz qux:quux] modified: true
}
