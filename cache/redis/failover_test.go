package redis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestFailover has two processes change sessions while a master fails and its
// replica takes over. The service comes back by itself; no session ever shows
// what nobody saved in it; every error is clear; and what was acknowledged is
// there, except for what Redis may lose: nothing when every replica had to have
// it.
func TestFailover(t *testing.T) {
	kill := func(s *testserver.RedisServer) { s.Kill() }
	start := func(s *testserver.RedisServer) { s.Start() }
	freeze := func(s *testserver.RedisServer) { s.Freeze() }
	thaw := func(s *testserver.RedisServer) { s.Thaw() }
	for _, c := range []struct {
		name         string
		wait         bool // for every replica
		fail, repair func(*testserver.RedisServer)
	}{
		{"killed", false, kill, start},
		{"killed, with WaitReplicas", true, kill, start},
		{"frozen, with WaitReplicas", true, freeze, thaw}, // it wakes up as a master
	} {
		replicas := func(n int) int {
			if c.wait {
				return n
			}
			return 0
		}
		t.Run("Cluster "+c.name, func(t *testing.T) {
			servers := testserver.RedisCluster(t)
			o := redis.Options{Addrs: servers.Addrs(), Cluster: true, WaitReplicas: replicas(1)}
			l := newLoad(t, o)
			l.run(func() *testserver.RedisServer { return servers.Master("anything") }, c.fail, c.repair)
			l.judge(c.wait)
		})
		t.Run("Sentinel "+c.name, func(t *testing.T) {
			servers := testserver.RedisSentinel(t)
			o := redis.Options{Addrs: servers.Sentinels.Addrs(), Master: servers.MasterName, WaitReplicas: replicas(2)}
			l := newLoad(t, o)
			l.run(servers.Master, c.fail, c.repair)
			l.judge(c.wait)
		})
	}
}

// load is many sessions that are changed by two processes.
type load struct {
	t        *testing.T
	managers [2]*sessions.Manager
	keys     []string

	mu       sync.Mutex
	next     int
	tried    []map[string]error // by session and name, how its save ended
	kinds    map[string]int     // of errors
	finished []time.Time        // the latest acknowledged save of each session
}

func newLoad(t *testing.T, o redis.Options) *load {
	o.Timeout = time.Second
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key that is long enough for Django's own checks, too"
	st.Logger = secrettest.Logger()
	st.SaveTimeout = 2 * time.Second
	l := &load{t: t, kinds: map[string]int{}}
	for i := range l.managers {
		m, err := sessions.New(st, engine.Cache(openOptions(t, o)))
		if err != nil {
			t.Fatal(err)
		}
		l.managers[i] = m
	}
	for i := range 30 {
		s := l.managers[0].Open("")
		s.Set("owner", i)
		if err := s.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.keys = append(l.keys, s.Key())
		l.tried = append(l.tried, map[string]error{})
		l.finished = append(l.finished, time.Time{})
	}
	return l
}

// run changes the sessions all the time: a second in peace, a failure of the
// master, its repair when another one has taken over, and on until every session
// was saved again.
func (l *load) run(master func() *testserver.RedisServer, fail, repair func(*testserver.RedisServer)) {
	l.t.Helper()
	victim := master()
	ctx, cancel := context.WithCancel(l.t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for i := range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				l.change(l.managers[i%2])
				time.Sleep(3 * time.Millisecond)
			}
		})
	}
	time.Sleep(time.Second)
	fail(victim)
	failed := time.Now()
	eventually(l.t, "a failover", func() error {
		if master() == victim {
			return errors.New("the master is the same")
		}
		return nil
	})
	time.Sleep(time.Second)
	repair(victim)
	repaired := time.Now()
	eventually(l.t, "the service after the failover", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, at := range l.finished {
			if at.Before(repaired) {
				return fmt.Errorf("the session %d was not saved again", i)
			}
		}
		return nil
	})
	l.t.Logf("all sessions are saved again %v after the failure", time.Since(failed).Round(10*time.Millisecond))
	// Until then it may answer, and even acknowledge, what is then thrown away.
	eventually(l.t, "the old master as a replica", func() error {
		if reply, err := victim.Do(ctx, "INFO", "replication"); err != nil || !strings.Contains(fmt.Sprint(reply), "role:slave") || !strings.Contains(fmt.Sprint(reply), "master_link_status:up") {
			return fmt.Errorf("it is not: %v", err)
		}
		return nil
	})
}

// change is what a request does: it counts, and leaves a name of its own.
func (l *load) change(m *sessions.Manager) {
	l.mu.Lock()
	i, name := l.next%len(l.keys), fmt.Sprint("k", l.next)
	l.next++
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s := m.Open(l.keys[i])
	err := s.Load(ctx)
	if err == nil && (sessions.Get(s, "owner", -1) != i || !strings.HasPrefix(s.Key(), l.keys[i])) {
		l.t.Errorf("the session %d shows the owner %d", i, sessions.Get(s, "owner", -1))
	}
	if err == nil {
		sessions.Update(s, "n", func(n int) int { return n + 1 })
		s.Set(name, true)
		err = s.Save(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[i][name] = err
	if err == nil {
		l.finished[i] = time.Now()
		return
	}
	l.kinds[kind(err)]++
	if sessions.StatusCode(err) != http.StatusServiceUnavailable {
		l.t.Errorf("a client would see status %d: %v", sessions.StatusCode(err), err)
	}
}

var code = regexp.MustCompile(`: ([A-Z]{4,})\b`)

// kind is what an error is, in a word or two.
func kind(err error) string {
	text := "unknown outcome"
	if !errors.Is(err, sessions.ErrUnknownOutcome) {
		text = "not done"
	}
	switch found := code.FindStringSubmatch(err.Error()); {
	case found != nil:
		return text + ", " + found[1]
	case strings.Contains(err.Error(), "connection refused"):
		return text + ", connection refused"
	case strings.Contains(err.Error(), "replicas have it"):
		return text + ", too few replicas"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "timeout"):
		return text + ", time out"
	case strings.Contains(err.Error(), "EOF"), strings.Contains(err.Error(), "reset"), strings.Contains(err.Error(), "broken pipe"), strings.Contains(err.Error(), "closed"):
		return text + ", connection lost"
	}
	return text + ": " + err.Error()
}

// judge compares what is stored with what was told.
func (l *load) judge(nothingLost bool) {
	l.t.Helper()
	tried, acknowledged, unknown, lost := 0, 0, 0, 0
	for i, names := range l.tried {
		s := l.managers[1].Open(l.keys[i])
		if err := s.Load(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
		present := 0
		for name, err := range names {
			tried++
			has := s.Has(name)
			if has {
				present++
			}
			switch {
			case err == nil:
				acknowledged++
				if !has {
					lost++
				}
			case errors.Is(err, sessions.ErrUnknownOutcome):
				unknown++
			case has:
				l.t.Errorf("the session %d has what was said not to be done: %v", i, err)
			}
		}
		if n := sessions.Get(s, "n", 0); n != present || s.Len() != present+2 {
			l.t.Errorf("the session %d counts %d, and has %d names", i, n, present)
		}
	}
	var errs []string
	for _, kind := range slices.Sorted(maps.Keys(l.kinds)) {
		errs = append(errs, fmt.Sprintf("%d %s", l.kinds[kind], kind))
	}
	l.t.Logf("%d saves tried, %d acknowledged, %d of these lost; errors: %s", tried, acknowledged, lost, strings.Join(errs, "; "))
	if nothingLost && lost > 0 {
		l.t.Errorf("%d acknowledged saves are lost", lost)
	}
	// Without WaitReplicas Redis may lose what it has acknowledged, as much as it
	// takes in until a master that comes back is told that it is none.
	if acknowledged == 0 {
		l.t.Error("no save was acknowledged")
	}
}
