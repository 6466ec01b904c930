package redis_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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

var programs = []string{"redis-server", "valkey-server"}

// do sends a command to a server, past the cache.
func do(t testing.TB, s *testserver.RedisServer, args ...string) any {
	t.Helper()
	reply, err := s.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// age lets everything in the masters grow older by d: the suite's clock is not
// theirs.
func age(t *testing.T, servers []*testserver.RedisServer, d time.Duration) {
	t.Helper()
	for _, s := range servers {
		if strings.Contains(fmt.Sprint(do(t, s, "INFO", "replication")), "role:slave") {
			continue
		}
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
}

// suite runs the engine's suite on two clients, as two processes have them.
func suite(t *testing.T, servers []*testserver.RedisServer, open func() *redis.Cache) {
	t.Helper()
	one, two := open(), open()
	n := 0
	keys := func() cache.Keys { return cache.Keys{Prefix: fmt.Sprint("site", n)} }
	enginetest.Run(t, func(*testing.T, sessions.Settings) sessions.Engine {
		n++
		return engine.CacheEngine{Cache: one, Keys: keys()}
	}, enginetest.Options{
		Name:         "cache on Redis",
		NoExpiry:     true,
		ClearsItself: true,
		Another: func(*testing.T, sessions.Settings) sessions.Engine {
			return engine.CacheEngine{Cache: two, Keys: keys()}
		},
		Advance: func(t *testing.T, d time.Duration) { age(t, servers, d) },
	})
}

func open(t testing.TB, location ...string) *redis.Cache {
	t.Helper()
	o, err := redis.ParseLocation(location...)
	if err != nil {
		t.Fatal(err)
	}
	return openOptions(t, o)
}

func openOptions(t testing.TB, o redis.Options) *redis.Cache {
	t.Helper()
	c, closeCache, err := redis.OpenOptions(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeCache)
	return c
}

func clusterURL(c *testserver.RedisClusterServers) string {
	return "redis+cluster://" + strings.Join(c.Addrs(), ",")
}

func sentinelURL(s *testserver.RedisSentinelServers) string {
	return "redis+sentinel://" + strings.Join(s.Sentinels.Addrs(), ",") + "/" + s.MasterName + "/0"
}

func TestSessions(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			t.Run("one server", func(t *testing.T) {
				s := testserver.Redis(t, testserver.RedisOptions{Program: program})
				suite(t, []*testserver.RedisServer{s}, func() *redis.Cache { return open(t, s.URL()) })
			})
			t.Run("account and socket", func(t *testing.T) {
				s := testserver.Redis(t, testserver.RedisOptions{Program: program, ACL: true, UnixSocket: true})
				suite(t, []*testserver.RedisServer{s}, func() *redis.Cache { return open(t, s.SocketURL()) })
			})
			t.Run("TLS", func(t *testing.T) {
				s := testserver.Redis(t, testserver.RedisOptions{Program: program, TLS: true})
				suite(t, []*testserver.RedisServer{s}, func() *redis.Cache {
					return openOptions(t, redis.Options{Addrs: []string{s.Addr}, TLS: s.ClientTLS()})
				})
			})
			t.Run("Cluster", func(t *testing.T) {
				c := testserver.RedisCluster(t, testserver.RedisOptions{Program: program})
				suite(t, c.RedisNodes, func() *redis.Cache { return open(t, clusterURL(c)) })
				spread(t, c)
			})
			t.Run("Sentinel", func(t *testing.T) {
				s := testserver.RedisSentinel(t, testserver.RedisOptions{Program: program})
				suite(t, s.RedisNodes, func() *redis.Cache { return open(t, sentinelURL(s)) })
			})
		})
	}
}

// spread sees that each master of a Cluster has run the suite's script, which it
// had to be told first.
func spread(t *testing.T, c *testserver.RedisClusterServers) {
	t.Helper()
	masters := 0
	for _, s := range c.RedisNodes {
		stats := fmt.Sprint(do(t, s, "INFO", "commandstats"))
		if strings.Contains(stats, "cmdstat_eval:calls=") && strings.Contains(stats, "cmdstat_evalsha:calls=") {
			masters++
		}
	}
	if masters != 3 {
		t.Errorf("%d masters have run the script", masters)
	}
}

// TestClient: a client of the program's own works as well, retries or not.
func TestClient(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := redis.New(client)
	if _, err := c.Add(t.Context(), "k", "v", time.Hour); err != nil {
		t.Fatal(err)
	}
	if epoch, err := c.Epoch(t.Context()); epoch != "" || err != nil {
		t.Errorf("Epoch of a client whose connections are not seen: %q, %v", epoch, err)
	}
}

// TestEnd: values end when Redis says so, in milliseconds, or never.
func TestEnd(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	c := open(t, s.URL())
	add := func(key string, ttl time.Duration) cache.Item {
		t.Helper()
		item, err := c.Add(t.Context(), key, "v", ttl)
		if err != nil {
			t.Fatal(err)
		}
		return item
	}
	swapped := func(key string, ttl time.Duration) {
		t.Helper()
		if _, err := c.Swap(t.Context(), key, add(key, time.Hour), "w", ttl); err != nil {
			t.Fatal(err)
		}
	}
	const year = 365 * 24 * time.Hour
	add("never", cache.NoEnd)
	add("long", 290*year)
	add("now", 0)
	swapped("swapped never", cache.NoEnd)
	swapped("swapped", 90*time.Second)
	swapped("swapped now", -1)
	for key, ttl := range map[string]time.Duration{"set never": cache.NoEnd, "set": 90 * time.Second, "set now": 0} {
		if err := c.Set(t.Context(), key, "v", ttl); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string][2]int64{
		"never": {-1, -1}, "swapped never": {-1, -1}, "set never": {-1, -1},
		"now": {-2, -2}, "swapped now": {-2, -2}, "set now": {-2, -2},
		"swapped": {60_000, 90_000}, "set": {60_000, 90_000},
		"long": {(289 * year).Milliseconds(), (290 * year).Milliseconds()},
	} {
		if left := do(t, s, "PTTL", key).(int64); left < want[0] || left > want[1] {
			t.Errorf("%s: PTTL is %d", key, left)
		}
	}
	if _, err := c.Add(t.Context(), "set", "v", 0); err != cache.ErrExists {
		t.Errorf("Add over something, to end at once: %v", err)
	}
	if !slices.Contains([]any{"v"}, do(t, s, "GET", "set")) {
		t.Error("it has changed what was there")
	}
}

// TestFormat: a session lies where a Django looks for it, as it wrote it, and
// ends there when it ends.
func TestFormat(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key that is long enough for Django's own checks, too"
	m, err := sessions.New(st, engine.Cache(open(t, s.URL())))
	if err != nil {
		t.Fatal(err)
	}
	session := m.Open("")
	session.Set("n", 1)
	session.ExpireAfter(90 * time.Second)
	if err := session.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := ":1:django.contrib.sessions.cache" + session.Key()
	if value, _ := do(t, s, "GET", key).(string); !strings.HasPrefix(value, "\x80") || !strings.HasSuffix(value, ".") {
		t.Errorf("it is no pickle: %q", value)
	}
	if left := do(t, s, "PTTL", key).(int64); left < 80_000 || left > 90_000 {
		t.Errorf("it ends in %d ms", left)
	}
}
