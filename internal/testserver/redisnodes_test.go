package testserver

import (
	"testing"
	"time"
)

// TestRedisCluster kills a master, sees its replica take over with the data, and
// has the old master come back as a replica.
func TestRedisCluster(t *testing.T) {
	begin := time.Now()
	c := RedisCluster(t)
	t.Logf("started in %v", time.Since(begin))
	master := c.Master("k")
	master.must("SET", "k", "v")
	master.must("WAIT", "1", "1000")

	master.Kill()
	begin = time.Now()
	wait(t, "another master", func() error {
		_, err := c.Master("k").text("GET", "k")
		return err
	})
	t.Logf("failed over in %v", time.Since(begin))
	if v, err := c.Master("k").text("GET", "k"); v != "v" || err != nil {
		t.Errorf("after the failover: %q, %v", v, err)
	}
	master.Start()
	c.Wait()
	if c.Master("k") == master {
		t.Error("the old master is the master again")
	}

	c.Stop()
	begin = time.Now()
	c.Start()
	c.Wait()
	t.Logf("restarted in %v", time.Since(begin))
	if v, err := c.Master("k").text("GET", "k"); v != "v" || err != nil {
		t.Errorf("after a restart of all: %q, %v", v, err)
	}
}

// TestRedisSentinel does the same with Sentinels, and by freezing the master.
func TestRedisSentinel(t *testing.T) {
	begin := time.Now()
	s := RedisSentinel(t)
	t.Logf("started in %v", time.Since(begin))
	for _, fault := range []struct {
		name        string
		do, recover func(*Server)
	}{
		{"killed", (*Server).Kill, (*Server).Start},
		{"frozen", (*Server).Freeze, (*Server).Thaw},
	} {
		master := s.Master()
		master.must("SET", "k", fault.name)
		master.must("WAIT", "2", "1000")
		begin = time.Now()
		fault.do(master.Server)
		wait(t, "another master", func() error {
			for s.Master() == master {
				time.Sleep(20 * time.Millisecond)
			}
			_, err := s.Master().text("SET", "k2", fault.name)
			return err
		})
		t.Logf("%s: failed over in %v", fault.name, time.Since(begin))
		if v, err := s.Master().text("GET", "k"); v != fault.name || err != nil {
			t.Errorf("%s: %q, %v", fault.name, v, err)
		}
		fault.recover(master.Server)
		if fault.name == "frozen" {
			return // it takes the Sentinels ten seconds more to see that all is well
		}
		s.Wait()
		if v, err := master.text("GET", "k2"); v != fault.name || err != nil {
			t.Errorf("the old master has %q, %v", v, err)
		}
	}
}
