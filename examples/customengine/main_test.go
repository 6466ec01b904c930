package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
	"github.com/redis/rueidis"
)

// TestEngine puts the engine through the suite of the contract, as two processes
// on one Redis. (A cache of one's own, below engine.Cache, has cachetest.)
func TestEngine(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{}) // any Redis will do
	client := func() rueidis.Client {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, DisableCache: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	one, two := client(), client()
	do := func(t *testing.T, args ...string) any {
		t.Helper()
		answer, err := s.Do(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	enginetest.Run(t, func(t *testing.T, _ sessions.Settings) sessions.Engine {
		do(t, "FLUSHALL")
		return Engine{one}
	}, enginetest.Options{
		Name:         "custom engine on Redis",
		Another:      func(*testing.T, sessions.Settings) sessions.Engine { return Engine{two} },
		NoExpiry:     true, // Redis knows when a record ends, the store does not say
		ClearsItself: true,
		// The suite's clock is its own: everything in Redis has to grow older with it.
		Advance: func(t *testing.T, d time.Duration) {
			for _, key := range do(t, "KEYS", "*").([]any) {
				left := do(t, "PTTL", fmt.Sprint(key)).(int64) - d.Milliseconds()
				do(t, "PEXPIRE", fmt.Sprint(key), strconv.FormatInt(left, 10)) // none left: it is deleted
			}
		},
	})
}

func TestProgram(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), testserver.Redis(t, testserver.RedisOptions{}).URL(), &out); err != nil {
		t.Fatal(err)
	}
	if want := "stored: {\"favorite_color\":\"blue\",\"visits\":1}\ncolor: blue\n"; out.String() != want {
		t.Errorf("it prints\n%s", out.String())
	}
}

func TestCorrupt(t *testing.T) {
	for _, data := range []string{"", "[]", "{", `{"a"`, `{"a":}`, `{"a":1`, `{"a":1}x`, `{"a":1}{}`, "null"} {
		if _, err := (plainJSON{}).Decode(data); !errors.Is(err, sessions.ErrCorrupt) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func ExampleEngine() {
	var v sessions.Values
	v.Set(sessions.Member{Name: "cat", JSON: `"dog"`})
	v.Set(sessions.Member{Name: "n", JSON: "1.0"})
	data, err := plainJSON{}.Encode(v)
	fmt.Println(data, err)
	v, err = plainJSON{}.Decode(data)
	fmt.Println(v.Get("n"))
	fmt.Println(err)
	// Output:
	// {"cat":"dog","n":1.0} <nil>
	// {n 1.0 } true
	// <nil>
}
