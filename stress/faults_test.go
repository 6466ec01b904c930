package stress

import (
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// fault is what is done to a server under load. It returns when the server is
// well again.
type fault struct {
	name   string
	quick  bool
	harm   func(t *testing.T, s *site)
	forget bool // the server loses what it has, or goes back to what it had
}

// site is an application and its servers.
type site struct {
	config
	redis    *testserver.RedisServer
	postgres *testserver.PostgresServer
	proxy    *proxy   // before the cache's server
	direct   []string // the cache's server for the second process, past the proxy
	bounded  bool     // reads may be as old as EntryLife
	ledger   *ledger
	healed   time.Time
}

// rules are what must hold beside the zeros.
type rules struct {
	reads, writes bool          // none of them may fail
	longest       time.Duration // for a request
	recovery      time.Duration // after the server is well
	during        int64         // at least so many requests are answered in a fault of seconds
}

// suffer runs an application in two processes under load, and a fault.
func suffer(t *testing.T, engine string, s *site, f fault, rest time.Duration, must rules) {
	t.Helper()
	s.SaveTimeout = 2 * time.Second
	ps := runAll(t, s.config, 1)
	second := s.config
	if s.direct != nil {
		second.Addrs = s.direct
	}
	l := newLedger(t, append(ps, run(t, second)), 60)
	s.ledger = l
	if s.bounded {
		l.bound = s.EntryLife
	}
	l.run(6, 6*time.Millisecond, func() {
		time.Sleep(300 * time.Millisecond)
		before, begun := l.tried.Load(), time.Now()
		f.harm(t, s)
		s.healed = time.Now()
		if n := l.tried.Load() - before; n < must.during && s.healed.Sub(begun) > 1500*time.Millisecond {
			t.Errorf("%d requests were answered in %v", n, s.healed.Sub(begun).Round(time.Millisecond))
		}
		time.Sleep(rest)
	})
	r := row{what: f.name, engine: engine}
	l.audit(run(t, s.config), &r)
	for why, n := range l.fails {
		kind, status, _ := strings.Cut(why, " ")
		if kind == "read" && must.reads || kind == "write" && must.writes {
			t.Errorf("%d %ss failed with %s", n, kind, status)
		}
		if status != "503" {
			t.Errorf("%d %ss were answered with %s", n, kind, status)
		}
	}
	if l.longest() > must.longest {
		t.Errorf("a request took %v", l.longest())
	}
	if l.failed() > 0 {
		recovery := l.recovery(s.healed)
		r.note("well again after %v", recovery.Round(time.Millisecond))
		if recovery > must.recovery {
			t.Errorf("requests failed until %v after the server was well", recovery)
		}
	}
	r.report(t)
}

func do(t *testing.T, r *testserver.RedisServer, args ...string) {
	t.Helper()
	if _, err := r.Do(t.Context(), args...); err != nil {
		t.Errorf("%s: %v", args[0], err)
	}
}

// redisFaults are what becomes of a Redis.
var redisFaults = []fault{
	{"Redis stopped for 2 s", false, func(_ *testing.T, s *site) {
		s.redis.Stop()
		time.Sleep(2 * time.Second)
		s.redis.Start()
	}, false},
	{"Redis killed and restarted", true, func(_ *testing.T, s *site) {
		s.redis.Kill()
		s.redis.Start()
	}, false},
	{"Redis restarted without persistence", false, func(t *testing.T, s *site) {
		do(t, s.redis, "FLUSHALL")
		do(t, s.redis, "CONFIG", "SET", "appendonly", "no")
		s.redis.Kill()
		s.redis.Start()
	}, true},
	{"Redis flushed, ten times", false, func(t *testing.T, s *site) {
		for range 10 {
			do(t, s.redis, "FLUSHALL")
			time.Sleep(50 * time.Millisecond)
		}
	}, true},
	{"Redis frozen for 2 s", true, func(_ *testing.T, s *site) {
		s.redis.Freeze()
		time.Sleep(2 * time.Second)
		s.redis.Thaw()
	}, false},
	{"Redis 30 ms slower", false, func(_ *testing.T, s *site) {
		s.proxy.delay.Store(int64(30 * time.Millisecond))
		time.Sleep(2 * time.Second)
		s.proxy.delay.Store(0)
	}, false},
	{"Redis's answers lost, one in 40", false, func(_ *testing.T, s *site) {
		s.proxy.lossy.Store(40)
		time.Sleep(2 * time.Second)
		s.proxy.lossy.Store(0)
	}, false},
	{"Redis restarted with an old dump", false, func(t *testing.T, s *site) {
		do(t, s.redis, "SAVE")
		time.Sleep(500 * time.Millisecond)
		s.redis.Kill()
		s.redis.Start()
	}, true},
}

// TestRedisFaults: the cache engine answers 503 and nothing else while Redis is
// away. For cached_db no request fails; if it is strict, only writes are refused.
func TestRedisFaults(t *testing.T) {
	for _, f := range redisFaults {
		for _, e := range []struct {
			name   string
			strict bool
			rules  rules
		}{
			{"cache, Redis", false, rules{longest: 5 * time.Second, recovery: time.Second}},
			{"cached_db", false, rules{reads: true, writes: true, longest: 4 * time.Second, during: 100}},
			{"cached_db, strict", true, rules{reads: true, longest: 4 * time.Second, recovery: 2500 * time.Millisecond}},
		} {
			if !full() && !(f.quick && e.name == "cached_db") {
				continue
			}
			t.Run(f.name+"/"+e.name, func(t *testing.T) {
				t.Parallel() // they wait most of the time
				s := &site{redis: testserver.Redis(t, testserver.RedisOptions{Volatile: strings.Contains(f.name, "dump")})}
				s.proxy = newProxy(t, s.redis.Addr)
				s.Cache, s.Addrs = "redis", []string{s.proxy.addr}
				if s.Engine = "cache"; e.name != "cache, Redis" {
					s.Engine, s.Strict = "cached_db", e.strict
					onPostgres(t, &s.config)
				}
				own := f
				own.harm = func(t *testing.T, s *site) {
					// All that a cache alone has is gone then, and its doing.
					s.ledger.forgets.Store(f.forget && s.Engine == "cache")
					f.harm(t, s)
				}
				suffer(t, e.name, s, own, time.Duration(size(5, 4))*time.Second, e.rules)
			})
		}
	}
}
