package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/engine/enginetest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// caching opens a cache with client-side caching.
func caching(t testing.TB, location string, life time.Duration) *redis.Cache {
	t.Helper()
	o, err := redis.ParseLocation(location)
	if err != nil {
		t.Fatal(err)
	}
	o.ClientCaching = life
	return openOptions(t, o)
}

// store opens an engine's store.
func store(t *testing.T, e sessions.Engine) sessions.Store {
	t.Helper()
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key that is long enough for Django's own checks, too"
	b, err := e.Open(st)
	if err != nil {
		t.Fatal(err)
	}
	return b.Store
}

// TestClientCaching: with client-side caching the cache is as exact as ever, and
// in one process sessions are, too.
func TestClientCaching(t *testing.T) {
	const life = 20 * time.Millisecond
	t.Run("cache", func(t *testing.T) {
		s := testserver.Redis(t, testserver.RedisOptions{})
		cacheSuite(t, s, caching(t, s.URL(), life), caching(t, s.URL(), life))
	})
	sessionsOn := func(t *testing.T, servers []*testserver.RedisServer, url string) {
		c := caching(t, url, life)
		n := 0
		keys := func() cache.Keys { return cache.Keys{Prefix: fmt.Sprint("site", n)} }
		enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine {
			n++
			return engine.CacheEngine{Cache: c, Keys: keys()}
		}, enginetest.Options{
			Name: "cache on Redis, client-side caching", NoExpiry: true, ClearsItself: true,
			Another: func(*testing.T, sessions.Settings) sessions.Engine { // of the same process
				return engine.CacheEngine{Cache: c, Keys: keys()}
			},
			Advance: func(t *testing.T, d time.Duration) {
				age(t, servers, d)
				time.Sleep(life) // the server's clock is not the copies'
			},
		})
	}
	t.Run("sessions", func(t *testing.T) {
		s := testserver.Redis(t, testserver.RedisOptions{})
		sessionsOn(t, []*testserver.RedisServer{s}, s.URL())
	})
	t.Run("Cluster", func(t *testing.T) {
		c := testserver.RedisCluster(t, testserver.RedisOptions{})
		sessionsOn(t, c.RedisNodes, clusterURL(c))
	})
	t.Run("Sentinel", func(t *testing.T) {
		s := testserver.RedisSentinel(t, testserver.RedisOptions{})
		sessionsOn(t, s.RedisNodes, sentinelURL(s))
	})
}

// gets is how many GETs the server has answered.
func gets(t *testing.T, s *testserver.RedisServer) int {
	t.Helper()
	_, rest, _ := strings.Cut(fmt.Sprint(do(t, s, "INFO", "commandstats")), "cmdstat_get:calls=")
	n, _, _ := strings.Cut(rest, ",")
	calls, _ := strconv.Atoi(n)
	return calls
}

// TestCopy: what was read lately is not asked for again, until it has changed, is
// too old, or has ended.
func TestCopy(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			s := testserver.Redis(t, testserver.RedisOptions{Program: program})
			const life = time.Second
			c, other := caching(t, s.URL(), life), open(t, s.URL())
			set := func(c *redis.Cache, value string, ttl time.Duration) {
				t.Helper()
				if err := c.Set(t.Context(), "k", value, ttl); err != nil {
					t.Fatal(err)
				}
			}
			get := func() string {
				item, err := c.GetCopy(t.Context(), "k")
				if err != nil {
					return err.Error()
				}
				return item.Value
			}
			set(c, "a", time.Hour)
			before := gets(t, s)
			for range 100 {
				if got := get(); got != "a" {
					t.Fatal(got)
				}
			}
			if n := gets(t, s) - before; n != 1 {
				t.Errorf("100 reads have asked the server %d times", n)
			}
			time.Sleep(life)
			get()
			if n := gets(t, s) - before; n != 2 {
				t.Errorf("after the copy's life the server was asked %d times", n)
			}
			if set(c, "b", time.Hour); get() != "b" {
				t.Error("an own write is not seen")
			}
			set(other, "c", time.Hour)
			for start := time.Now(); get() != "c"; {
				if time.Since(start) > life/2 {
					t.Fatal("the server's message has not come")
				}
			}
			set(other, "d", 30*time.Millisecond)
			for get() == "c" {
			}
			time.Sleep(40 * time.Millisecond)
			if got := get(); got != cache.ErrMiss.Error() {
				t.Errorf("after its end: %s", got)
			}
		})
	}
}

// TestCopyOwnWrites: a process sees its own writes at once, however many read
// meanwhile.
func TestCopyOwnWrites(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	c := caching(t, s.URL(), time.Second)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	for range 8 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = c.GetCopy(ctx, "k")
			}
		})
	}
	item, err := c.Add(t.Context(), "k", "0", time.Hour)
	for i := 1; i <= 2000 && err == nil; i++ {
		if item, err = c.Swap(t.Context(), "k", item, strconv.Itoa(i), time.Hour); err != nil {
			break
		}
		var got cache.Item
		if got, err = c.GetCopy(t.Context(), "k"); err == nil && got.Value != item.Value {
			t.Fatalf("read %s after writing %s", got.Value, item.Value)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopyAge measures how old a read is after another process's write: never
// older than the copies' life. Saves that begin with a copy lose nothing.
func TestCopyAge(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	const life = 250 * time.Millisecond
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key that is long enough for Django's own checks, too"
	var managers []*sessions.Manager
	for range 2 {
		m, err := sessions.New(st, engine.Cache(caching(t, s.URL(), life)))
		if err != nil {
			t.Fatal(err)
		}
		managers = append(managers, m)
	}
	first := managers[0].Open("")
	first.Set("n", 0)
	if err := first.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	const each = 300
	var ages []time.Duration
	for i := range each {
		for _, m := range managers { // the second one's copy is of before the first one's write
			session := m.Open(first.Key())
			if err := session.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			sessions.Update(session, "n", func(n int) int { return n + 1 })
			if err := session.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		written := time.Now()
		for {
			session := managers[0].Open(first.Key())
			if err := session.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := sessions.Get(session, "n", 0); n == 2*(i+1) {
				break
			} else if began := time.Since(written); began > life {
				t.Fatalf("%v after it was written, %d is read as %d", began, 2*(i+1), n)
			}
		}
		ages = append(ages, time.Since(written))
	}
	slices.Sort(ages)
	t.Logf("until another's write is read: median %v, p99 %v", ages[each/2], ages[each*99/100])
	time.Sleep(life)
	session := managers[1].Open(first.Key())
	if err := session.Load(t.Context()); err != nil || sessions.Get(session, "n", 0) != 2*each {
		t.Errorf("%d of %d updates are left: %v", sessions.Get(session, "n", 0), 2*each, err)
	}
}

// TestCopyEnded: once a logout, or a change of the key, was acknowledged, no
// process reads the session, even one that the server's messages don't reach.
func TestCopyEnded(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	p := newProxy(t, s.Addr)
	const life = 200 * time.Millisecond
	away := store(t, engine.Cache(caching(t, "redis://"+p.addr, life)))
	here := store(t, engine.Cache(caching(t, s.URL(), life)))
	for name, end := range map[string]func(key string, rec sessions.Record) error{
		"delete": func(key string, _ sessions.Record) error { return here.Delete(t.Context(), key) },
		"rotate": func(key string, rec sessions.Record) error {
			_, err := here.Rotate(t.Context(), key, "new"+key, rec, rec)
			return err
		},
		"expire": func(key string, rec sessions.Record) error {
			ended := rec
			ended.Expires = time.Now().Add(time.Millisecond)
			_, err := here.Replace(t.Context(), key, rec, ended)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := sessions.Record{Data: "data", Expires: time.Now().Add(time.Hour)}
			created, err := here.Create(t.Context(), name, rec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := away.Load(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			p.held.Store(true)
			defer p.held.Store(false)
			if _, err := away.Load(t.Context(), name); err != nil {
				t.Fatal("not read from a copy: the test shows nothing:", err)
			}
			created.Expires = rec.Expires
			if err := end(name, created); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := away.Load(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after the end, without the server: %v", err)
			}
			p.held.Store(false)
			if _, err := away.Load(t.Context(), name); !errors.Is(err, sessions.ErrNotFound) && !errors.Is(err, sessions.ErrRotated) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
	t.Run("no time to wait", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), life/2)
		defer cancel()
		if err := here.Delete(ctx, "k"); !errors.Is(err, sessions.ErrUnknownOutcome) {
			t.Errorf("Delete: %v", err)
		}
	})
}

// TestCopyConnection: copies end with the connection whose server would tell of
// changes.
func TestCopyConnection(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	c, other := caching(t, s.URL(), time.Second), open(t, s.URL())
	if err := other.Set(t.Context(), "k", "a", time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetCopy(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	before := gets(t, s)
	do(t, s, "CLIENT", "KILL", "TYPE", "normal")
	for start := time.Now(); gets(t, s) == before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 700*time.Millisecond {
			t.Fatal("the copy is still read")
		}
		if _, err := c.GetCopy(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoClientCaching: where it can't be had, it is refused.
func TestNoClientCaching(t *testing.T) {
	for _, o := range []redis.Options{
		{ClientCaching: -1}, {ClientCaching: 2 * time.Second}, {ClientCaching: time.Second, RESP2: true},
	} {
		if _, _, err := redis.OpenOptions(o); err == nil || !strings.Contains(err.Error(), "ClientCaching") {
			t.Errorf("%v: %v", o.ClientCaching, err)
		}
	}
	s := testserver.Redis(t, testserver.RedisOptions{Args: []string{"--rename-command", "HELLO", ""}})
	c := caching(t, s.URL(), time.Second)
	if _, err := c.GetCopy(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "ClientCaching can't be had") {
		t.Errorf("a server without RESP3: %v", err)
	}
	if err := c.Set(t.Context(), "k", "v", time.Hour); err == nil || errors.Is(err, cache.ErrUnknownOutcome) {
		t.Errorf("a write: %v", err)
	}
}
