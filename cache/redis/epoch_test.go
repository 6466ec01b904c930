package redis_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/internal/testserver"
)

var _ cache.Epocher = (*redis.Cache)(nil)

func epoch(t *testing.T, c *redis.Cache) string {
	t.Helper()
	name, err := c.Epoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestEpoch: every client sees the same name; a restart gives another one, though
// the data is the same.
func TestEpoch(t *testing.T) {
	for _, program := range programs {
		t.Run(program, func(t *testing.T) {
			s := testserver.Redis(t, testserver.RedisOptions{Program: program, ACL: true})
			one, two := open(t, s.URL()), open(t, s.URL())
			before := epoch(t, one)
			if before == "" || epoch(t, two) != before {
				t.Fatalf("%q and %q", before, epoch(t, two))
			}
			if err := one.Set(t.Context(), "k", "v", time.Hour); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			s.Start()
			for _, c := range []*redis.Cache{two, one} {
				eventually(t, "Get", func() error {
					item, err := c.Get(t.Context(), "k")
					if err == nil && item.Value != "v" {
						t.Errorf("the value is %q", item.Value)
					}
					return err
				})
			}
			if after := epoch(t, one); after == before || after != epoch(t, two) {
				t.Errorf("%q, then %q and %q", before, after, epoch(t, two))
			}
		})
	}
}

// TestEpochIsUnknown where a name would promise too much.
func TestEpochIsUnknown(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{})
	do(t, s, "ACL", "SETUSER", "limited", "on", ">pw", "~*", "+get", "+set", "+hello")
	_, port, _ := strings.Cut(s.Addr, ":")
	c := open(t, "redis://limited:pw@127.0.0.1:"+port)
	if err := c.Set(t.Context(), "k", "v", time.Hour); err != nil {
		t.Error(err)
	}
	if name := epoch(t, c); name != "" {
		t.Errorf("the name is %q, though nobody can have said it", name)
	}
	cluster := testserver.RedisCluster(t)
	if name := epoch(t, open(t, clusterURL(cluster))); name != "" {
		t.Errorf("a Cluster: %q", name)
	}
	_, err := open(t, cluster.RedisNodes[0].URL()).Epoch(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Cluster") {
		t.Errorf("a node of a Cluster by itself: %v", err)
	}
}

// TestEpochNamesWhoAnswers kills a server that forgets everything, again and
// again. Each run of it is told its name: who answers with a name is that run.
func TestEpochNamesWhoAnswers(t *testing.T) {
	s := testserver.Redis(t, testserver.RedisOptions{Volatile: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var attributed, other atomic.Int64
	names := sync.Map{}
	for range 3 {
		c := open(t, s.URL())
		for range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					before, err := c.Epoch(ctx)
					if err != nil {
						continue
					}
					item, err := c.Get(ctx, "run")
					after, epochErr := c.Epoch(ctx)
					if err != nil || epochErr != nil || before != after {
						other.Add(1)
						continue
					}
					attributed.Add(1)
					names.Store(before, true)
					if before != item.Value {
						t.Errorf("%s answered, and the name is %s", item.Value, before)
					}
				}
			})
		}
	}
	for i := range 12 {
		info := do(t, s, "INFO", "server").(string)
		_, id, _ := strings.Cut(info, "run_id:")
		id, _, _ = strings.Cut(id, "\r\n")
		do(t, s, "SET", "run", id)
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if _, seen := names.Load(id); seen {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
		if i%2 == 0 {
			s.Kill()
		} else {
			s.Stop()
		}
		s.Start()
	}
	cancel()
	all.Wait()
	seen := 0
	names.Range(func(any, any) bool { seen++; return true })
	t.Logf("%d calls are of one run, %d could not be told; %d runs seen", attributed.Load(), other.Load(), seen)
	if seen != 12 {
		t.Errorf("%d runs of 12 were named", seen)
	}
}

// TestMasterMovesBehindItsAddress: a hosted Redis fails over, its name leads to
// another server, and connections to the old one, a replica now, stay open.
func TestMasterMovesBehindItsAddress(t *testing.T) {
	old, next := testserver.Redis(t, testserver.RedisOptions{}), testserver.Redis(t, testserver.RedisOptions{})
	p := newProxy(t, old.Addr)
	c := open(t, "redis://"+p.addr)
	if err := c.Set(t.Context(), "k", "v", time.Hour); err != nil {
		t.Fatal(err)
	}
	before := epoch(t, c)
	host, port, _ := strings.Cut(next.Addr, ":")
	do(t, old, "REPLICAOF", host, port)
	p.target.Store(&next.Addr)
	if err := c.Set(t.Context(), "k", "w", time.Hour); err == nil || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("a write to a replica: %v", err)
	}
	eventually(t, "Set", func() error { return c.Set(t.Context(), "k", "w", time.Hour) })
	if got := do(t, next, "GET", "k"); got != "w" {
		t.Errorf("the new master has %v", got)
	}
	if after := epoch(t, c); after == before {
		t.Errorf("the epoch is the old master's")
	}
	// Two servers by turns: no name can be right.
	p.target.Store(&old.Addr)
	do(t, old, "REPLICAOF", "NO", "ONE")
	do(t, next, "CLIENT", "KILL", "TYPE", "normal")
	eventually(t, "Get", func() error {
		_, err := c.Get(t.Context(), "none")
		if err == cache.ErrMiss {
			err = nil
		}
		return err
	})
	if name := epoch(t, c); name != "" {
		t.Errorf("the first server is back and the epoch is %q", name)
	}
}

// What Epoch costs beside a call.
func BenchmarkEpoch(b *testing.B) {
	s := testserver.Redis(b, testserver.RedisOptions{Volatile: true})
	c := open(b, s.URL())
	if _, err := c.Epoch(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("Epoch", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Epoch(b.Context())
		}
	})
	if err := c.Set(b.Context(), "k", strings.Repeat("x", 200), time.Hour); err != nil {
		b.Fatal(err)
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Get(b.Context(), "k")
		}
	})
	b.Run("Swap", func(b *testing.B) {
		b.ReportAllocs()
		item, _ := c.Get(b.Context(), "k")
		for b.Loop() {
			if _, err := c.Swap(b.Context(), "k", item, item.Value, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
}
