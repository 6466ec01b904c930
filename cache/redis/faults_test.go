package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// calls are every call of a cache, on a key that holds "v".
var calls = map[string]func(ctx context.Context, c *redis.Cache, key string) error{
	"Get": func(ctx context.Context, c *redis.Cache, key string) error { _, err := c.Get(ctx, key); return err },
	"Add": func(ctx context.Context, c *redis.Cache, key string) error {
		_, err := c.Add(ctx, key+"2", "w", time.Hour)
		return err
	},
	"Swap": func(ctx context.Context, c *redis.Cache, key string) error {
		_, err := c.Swap(ctx, key, cache.Item{Value: "v"}, "w", time.Hour)
		return err
	},
	"Set":    func(ctx context.Context, c *redis.Cache, key string) error { return c.Set(ctx, key, "w", time.Hour) },
	"Delete": func(ctx context.Context, c *redis.Cache, key string) error { return c.Delete(ctx, key) },
}

// isAnswer: the error is one of those that say what is stored.
func isAnswer(err error) bool {
	return err == nil || errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrExists) || errors.Is(err, cache.ErrConflict)
}

// TestAway: without its server, or with one that hangs, every call is an error
// within the time that it has, and never an answer; afterwards all is well again.
func TestAway(t *testing.T) {
	for _, fault := range []struct {
		name        string
		do, recover func(*testserver.RedisServer)
	}{
		{"killed", func(s *testserver.RedisServer) { s.Kill() }, func(s *testserver.RedisServer) { s.Start() }},
		{"frozen", func(s *testserver.RedisServer) { s.Freeze() }, func(s *testserver.RedisServer) { s.Thaw() }},
	} {
		for _, used := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, used before %v", fault.name, used), func(t *testing.T) {
				s := testserver.Redis(t, testserver.RedisOptions{})
				do(t, s, "SET", "k", "v")
				c := open(t, s.URL()+"?socket_timeout=1&socket_connect_timeout=3")
				if used {
					if _, err := c.Get(t.Context(), "k"); err != nil {
						t.Fatal(err)
					}
				}
				fault.do(s)
				var patient sync.WaitGroup
				defer patient.Wait()
				for round := range 2 {
					// Who has more time must not hold up the others.
					patient.Go(func() { _, _ = c.Get(t.Context(), "none") })
					for name, call := range calls {
						ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
						begin := time.Now()
						err := call(ctx, c, "none")
						cancel()
						if isAnswer(err) {
							t.Errorf("%s: %v", name, err)
						}
						if took := time.Since(begin); took > 700*time.Millisecond {
							t.Errorf("%s took %v", name, took)
						}
						if fault.name == "killed" && round == 1 && errors.Is(err, cache.ErrUnknownOutcome) {
							t.Errorf("%s: nobody was there, but: %v", name, err)
						}
					}
				}
				begin := time.Now()
				if err := c.Set(t.Context(), "none", "v", time.Hour); isAnswer(err) || time.Since(begin) > 8*time.Second {
					t.Errorf("without a deadline, after %v: %v", time.Since(begin), err)
				}
				fault.recover(s)
				eventually(t, "Get", func() error {
					item, err := c.Get(t.Context(), "k")
					if err == nil && item.Value != "v" {
						t.Errorf("it has %q", item.Value)
					}
					return err
				})
			})
		}
	}
}

// noise is text that can't be compressed.
func noise(size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(rand.Text())
	}
	return b.String()
}

// TestLoading: while a server reads its file, it is an error, and no miss.
func TestLoading(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{Volatile: true, Args: []string{"--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"}})
	do(t, s, "SET", "k", "v")
	for i := range 50 {
		do(t, s, "SET", fmt.Sprint("large", i), noise(4096))
	}
	do(t, s, "SAVE")
	c := open(t, s.URL())
	s.Stop()
	stop := make(chan struct{})
	done := make(chan map[string]int)
	go func() {
		seen := map[string]int{}
		defer func() { done <- seen }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, err := c.Get(t.Context(), "k")
			switch {
			case err == nil:
				seen["found"]++
			case isAnswer(err):
				t.Errorf("%v", err)
			case strings.Contains(err.Error(), "LOADING"):
				seen["loading"]++
			default:
				seen["away"]++
			}
			if _, err := c.Swap(t.Context(), "k", cache.Item{Value: "v"}, "v", time.Hour); errors.Is(err, cache.ErrMiss) {
				t.Error("Swap misses")
			}
		}
	}()
	s.Start()
	time.Sleep(50 * time.Millisecond)
	close(stop)
	if seen := <-done; seen["loading"] == 0 || seen["found"] == 0 {
		t.Errorf("it was seen as %v", seen)
	}
}

// TestTooLarge: a value beyond the server's limit is an error, and what was
// stored before stays.
func TestTooLarge(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{Args: []string{"--proto-max-bulk-len", "1mb"}})
	c := open(t, s.URL())
	item, err := c.Add(t.Context(), "k", "v", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 3<<20)
	if _, err := c.Swap(t.Context(), "k", item, large, time.Hour); isAnswer(err) {
		t.Errorf("Swap: %v", err)
	}
	if err := c.Set(t.Context(), "k", large, time.Hour); isAnswer(err) || strings.Contains(err.Error(), "xxx") {
		t.Errorf("Set: %.100v", err)
	}
	eventually(t, "Get", func() error {
		item, err := c.Get(t.Context(), "k")
		if err == nil && item.Value != "v" {
			t.Errorf("it has %.10q", item.Value)
		}
		return err
	})
}

// TestHugeValue: what is larger than any value of ours is not taken for one, and
// can be removed and replaced; a session of that key begins anew. Nothing is
// written that would not be read.
func TestHugeValue(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
	c := open(t, s.URL())
	for name, call := range calls {
		do(t, s, "SETRANGE", "k", fmt.Sprint(64<<20), "x") // one byte too many
		err := call(t.Context(), c, "k")
		switch name {
		case "Add":
			if !errors.Is(err, cache.ErrExists) && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case "Set", "Delete":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if !errors.Is(err, cache.ErrCorrupt) || errors.Is(err, cache.ErrUnknownOutcome) {
				t.Errorf("%s: %v", name, err)
			}
		}
		do(t, s, "DEL", "k")
	}
	huge := strings.Repeat("x", 64<<20+1)
	_, addErr := c.Add(t.Context(), "k", huge, time.Hour)
	_, swapErr := c.Swap(t.Context(), "k", cache.Item{Value: "v"}, huge, time.Hour)
	for what, err := range map[string]error{"Add": addErr, "Swap": swapErr, "Set": c.Set(t.Context(), "k", huge, time.Hour)} {
		if !errors.Is(err, cache.ErrTooLarge) {
			t.Errorf("%s of a huge value: %v", what, err)
		}
	}
}

// TestLostAnswer: a write whose answer is lost is done at most once, and its
// outcome is unknown; so with a client of the program's own, which may be one
// that asks again what it has read.
func TestLostAnswer(t *testing.T) {
	commands := map[string]string{"Get": "get", "Add": "set", "Swap": "evalsha", "Set": "set", "Delete": "del"}
	for _, own := range []bool{false, true} {
		for name, call := range calls {
			s := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
			p := newProxy(t, s.Addr)
			c := open(t, "redis://"+p.addr)
			if own {
				client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{p.addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				c = redis.New(client)
			}
			if _, err := c.Swap(t.Context(), "none", cache.Item{}, "", time.Hour); err != cache.ErrMiss { // connects, and loads the script
				t.Fatal(err)
			}
			for range 20 { // connections that lie ready
				_, _ = c.Get(t.Context(), "none")
			}
			do(t, s, "SET", "k", "v")
			do(t, s, "CONFIG", "RESETSTAT")
			p.mute.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := call(ctx, c, "k")
			cancel()
			if isAnswer(err) || errors.Is(err, cache.ErrUnknownOutcome) != (name != "Get") {
				t.Errorf("%s: %v", name, err)
			}
			stats := do(t, s, "INFO", "commandstats").(string)
			if name != "Get" && !strings.Contains(stats, "cmdstat_"+commands[name]+":calls=1,") {
				t.Errorf("%s was not done once:\n%s", name, stats)
			}
		}
	}
}
