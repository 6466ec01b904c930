package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// do sends a command to a server, past the cache.
func do(t *testing.T, s *testserver.RedisServer, args ...string) any {
	t.Helper()
	reply, err := s.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// age lets everything in a server grow older by d: the suite's clock is not the
// server's.
func age(t *testing.T, s *testserver.RedisServer, d time.Duration) {
	t.Helper()
	names, _ := do(t, s, "KEYS", "*").([]any)
	for _, name := range names {
		key := fmt.Sprint(name)
		left, err := strconv.ParseInt(fmt.Sprint(do(t, s, "PTTL", key)), 10, 64)
		switch {
		case err != nil:
			t.Fatal(err)
		case left < 0: // no end, or it has ended just now
		case left <= d.Milliseconds()+1:
			do(t, s, "DEL", key)
		default:
			do(t, s, "PEXPIRE", key, strconv.FormatInt(left-d.Milliseconds(), 10))
		}
	}
}

// suite runs the engine's suite on two clients, as two processes would have them.
func suite(t *testing.T, servers []*testserver.RedisServer, open func() *redis.Cache) {
	t.Helper()
	one, two := open(), open()
	n := 0
	keys := func() cache.Keys { return cache.Keys{Prefix: fmt.Sprint("site", n)} }
	enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine {
		n++
		return engine.CacheEngine{Cache: one, Keys: keys()}
	}, enginetest.Options{
		NoExpiry:     true,
		ClearsItself: true,
		Another: func(*testing.T, sessions.Settings) sessions.Engine {
			return engine.CacheEngine{Cache: two, Keys: keys()}
		},
		Advance: func(t *testing.T, d time.Duration) {
			for _, s := range servers {
				age(t, s, d)
			}
		},
	})
}

func openURL(t *testing.T, url string) func() *redis.Cache {
	return func() *redis.Cache {
		t.Helper()
		c, closeClient, err := redis.Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(closeClient)
		return c
	}
}

func TestSessions(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		s := testserver.Redis(t, testserver.RedisOptions{})
		suite(t, []*testserver.RedisServer{s}, openURL(t, s.URL()))
	})
	t.Run("account and socket", func(t *testing.T) {
		s := testserver.Redis(t, testserver.RedisOptions{ACL: true, UnixSocket: true})
		suite(t, []*testserver.RedisServer{s}, openURL(t, s.SocketURL()))
	})
	t.Run("TLS", func(t *testing.T) {
		s := testserver.Redis(t, testserver.RedisOptions{TLS: true})
		suite(t, []*testserver.RedisServer{s}, func() *redis.Cache {
			client, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{s.Addr}, TLSConfig: s.ClientTLS(), DisableRetry: true, DisableCache: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			return redis.New(client)
		})
	})
}

// TestServerAway: without its server every call is an error, and never a miss;
// afterwards it works on, with what was stored.
func TestServerAway(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	c := openURL(t, s.URL())()
	stored, err := c.Add(t.Context(), "k", "v", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, getErr := c.Get(ctx, "k")
	_, addErr := c.Add(ctx, "k2", "v", time.Hour)
	_, swapErr := c.Swap(ctx, "k", stored, "w", time.Hour)
	for what, err := range map[string]error{"Get": getErr, "Add": addErr, "Swap": swapErr, "Set": c.Set(ctx, "k", "x", time.Hour), "Delete": c.Delete(ctx, "k")} {
		if err == nil || errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrExists) || errors.Is(err, cache.ErrConflict) {
			t.Errorf("%s without a server: %v", what, err)
		}
	}
	s.Start()
	item, err := c.Get(t.Context(), "k")
	for end := time.Now().Add(5 * time.Second); err != nil && time.Now().Before(end); item, err = c.Get(t.Context(), "k") {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil || item.Value != "v" {
		t.Errorf("after its return: %q, %v", item.Value, err)
	}
}

// TestURLIsNotQuoted: a URL may hold a password.
func TestURLIsNotQuoted(t *testing.T) {
	_, _, err := redis.Open("redis://user:hunter2@[broken")
	if err == nil || fmt.Sprint(err) != "redis: the URL can't be read" {
		t.Errorf("the error is %v", err)
	}
}
