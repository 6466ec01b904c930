package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/cache/redis"
	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestSlotMoves: while a Cluster moves keys to another node, and after it has,
// every call works: it follows ASK and MOVED, also where a replica has to
// confirm it, and also where the node does not know the script yet.
func TestSlotMoves(t *testing.T) {
	for _, replicas := range []int{0, 1} {
		t.Run(fmt.Sprint("WaitReplicas ", replicas), func(t *testing.T) {
			cluster := testserver.RedisCluster(t)
			fresh := func() *redis.Cache {
				return openOptions(t, redis.Options{Addrs: cluster.Addrs(), Cluster: true, WaitReplicas: replicas})
			}
			c := fresh()
			key := func(name string) string { return "{slot}" + name }
			from, to := cluster.Master(key("")), cluster.Master("another")
			for i := 0; from == to; i++ {
				to = cluster.Master(fmt.Sprint("another", i))
			}
			fromID, toID := do(t, from, "CLUSTER", "MYID").(string), do(t, to, "CLUSTER", "MYID").(string)
			slot := fmt.Sprint(do(t, from, "CLUSTER", "KEYSLOT", key("")))
			for _, name := range []string{"swap", "set", "delete"} {
				if _, err := c.Add(t.Context(), key(name), "v", time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			works := func(stage string) {
				t.Helper()
				swapped, err := c.Swap(t.Context(), key("swap"), cache.Item{Value: "v"}, "w", time.Hour)
				if err != nil {
					t.Fatalf("%s: Swap: %v", stage, err)
				}
				if item, err := c.Swap(t.Context(), key("swap"), cache.Item{Value: "v"}, "x", time.Hour); !errors.Is(err, cache.ErrConflict) || item.Value != "w" {
					t.Errorf("%s: Swap again: %q, %v", stage, item.Value, err)
				}
				if _, err := c.Swap(t.Context(), key("swap"), swapped, "v", time.Hour); err != nil {
					t.Errorf("%s: Swap back: %v", stage, err)
				}
				if _, err := c.Add(t.Context(), key("add "+stage), "v", time.Hour); err != nil {
					t.Errorf("%s: Add: %v", stage, err)
				}
				if _, err := c.Add(t.Context(), key("add "+stage), "v", time.Hour); err != cache.ErrExists {
					t.Errorf("%s: Add again: %v", stage, err)
				}
				if err := c.Set(t.Context(), key("set"), stage, time.Hour); err != nil {
					t.Errorf("%s: Set: %v", stage, err)
				}
				if item, err := c.Get(t.Context(), key("set")); err != nil || item.Value != stage {
					t.Errorf("%s: Get: %q, %v", stage, item.Value, err)
				}
				if err := c.Delete(t.Context(), key("delete")); err != nil {
					t.Errorf("%s: Delete: %v", stage, err)
				}
				if _, err := c.Get(t.Context(), key("delete")); err != cache.ErrMiss {
					t.Errorf("%s: Get of what was deleted: %v", stage, err)
				}
			}
			works("before")

			do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
			do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
			host, port, _ := strings.Cut(to.Addr, ":")
			for _, name := range do(t, from, "CLUSTER", "GETKEYSINSLOT", slot, "100").([]any) {
				do(t, from, "MIGRATE", host, port, name.(string), "0", "5000")
			}
			works("on the way")

			do(t, to, "CLUSTER", "SETSLOT", slot, "NODE", toID)
			do(t, from, "CLUSTER", "SETSLOT", slot, "NODE", toID)
			works("after")
			if got := do(t, to, "GET", key("set")); got != "after" {
				t.Errorf("the new node has %v", got)
			}
			c = fresh()
			works("to a new client")
		})
	}
}

// TestWaitReplicas: a write is acknowledged when enough replicas have it.
func TestWaitReplicas(t *testing.T) {
	master, replica := testserver.Redis(t, testserver.RedisOptions{}), testserver.Redis(t, testserver.RedisOptions{})
	c := openOptions(t, redis.Options{Addrs: []string{master.Addr}, WaitReplicas: 1, Timeout: 150 * time.Millisecond})
	writes := func(state string, acknowledged bool) {
		t.Helper()
		do(t, master, "SET", "k", "v")
		do(t, master, "DEL", "k2")
		for name, call := range calls {
			err := call(t.Context(), c, "k")
			switch {
			case name == "Get" || acknowledged:
				if err != nil {
					t.Errorf("%s: %s: %v", state, name, err)
				}
			case !errors.Is(err, cache.ErrUnknownOutcome) || !strings.Contains(err.Error(), "0 of 1 replicas"):
				t.Errorf("%s: %s: %v", state, name, err)
			}
			do(t, master, "SET", "k", "v")
		}
		// Nothing is to be confirmed where nothing was written.
		if item, err := c.Swap(t.Context(), "k", cache.Item{Value: "x"}, "w", time.Hour); err != cache.ErrConflict || item.Value != "v" {
			t.Errorf("%s: a conflict: %q, %v", state, item.Value, err)
		}
		if _, err := c.Swap(t.Context(), "none", cache.Item{Value: "x"}, "w", time.Hour); err != cache.ErrMiss {
			t.Errorf("%s: a miss: %v", state, err)
		}
		if _, err := c.Add(t.Context(), "k", "w", time.Hour); err != cache.ErrExists {
			t.Errorf("%s: Add: %v", state, err)
		}
	}
	writes("no replica", false)
	host, port, _ := strings.Cut(master.Addr, ":")
	do(t, replica, "REPLICAOF", host, port)
	eventually(t, "the replica", func() error {
		if strings.Contains(do(t, replica, "INFO", "replication").(string), "master_link_status:up") {
			return nil
		}
		return errors.New("it has no master")
	})
	writes("a replica", true)
	if got := do(t, replica, "GET", "k"); got != "v" {
		t.Errorf("the replica has %v", got)
	}
	replica.Freeze()
	writes("a replica that hangs", false)
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Set(ctx, "k", "w", time.Hour); !errors.Is(err, cache.ErrUnknownOutcome) || time.Since(begin) > time.Second {
		t.Errorf("with little time, after %v: %v", time.Since(begin), err)
	}
}

// TestClusterDown: without most of its masters a Cluster refuses everything, and
// says so; it comes back by itself.
func TestClusterDown(t *testing.T) {
	cluster := testserver.RedisCluster(t)
	c := open(t, clusterURL(cluster)+"?socket_timeout=1&socket_connect_timeout=1")
	var mine string // a key of a master that lives on
	down := []*testserver.RedisServer{cluster.RedisNodes[0], cluster.RedisNodes[1]}
	for i := 0; ; i++ {
		mine = fmt.Sprintf("{k%d}", i)
		if cluster.Master(mine) == cluster.RedisNodes[2] {
			break
		}
	}
	if err := c.Set(t.Context(), mine, "v", time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, s := range down {
		s.Kill()
	}
	eventually(t, "a Cluster that is down", func() error {
		_, err := c.Get(t.Context(), mine)
		if err != nil && strings.Contains(err.Error(), "CLUSTERDOWN") {
			return nil
		}
		return fmt.Errorf("it answers %v", err)
	})
	for name, call := range calls {
		if err := call(t.Context(), c, mine); isAnswer(err) || errors.Is(err, cache.ErrUnknownOutcome) || !strings.Contains(err.Error(), "CLUSTERDOWN") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range down {
		s.Start()
	}
	eventually(t, "Get", func() error {
		item, err := c.Get(t.Context(), mine)
		if err == nil && item.Value != "v" {
			t.Errorf("it has %q", item.Value)
		}
		return err
	})
}
