package testserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisNodes are Redis servers that belong together. Each can be stopped, killed
// and frozen by itself, or all at once.
type RedisNodes []*RedisServer

// Addrs are the addresses of the nodes.
func (n RedisNodes) Addrs() []string {
	var all []string
	for _, r := range n {
		all = append(all, r.Addr)
	}
	return all
}

// Stop ends all nodes in good order.
func (n RedisNodes) Stop() { n.each((*Server).Stop) }

// Kill ends all nodes with SIGKILL.
func (n RedisNodes) Kill() { n.each((*Server).Kill) }

// Start starts the nodes that don't run.
func (n RedisNodes) Start() {
	n.each(func(s *Server) {
		s.t.Helper()
		if !s.alive() {
			s.Start()
		}
	})
}

// Freeze stops all nodes where they are.
func (n RedisNodes) Freeze() { n.each((*Server).Freeze) }

// Thaw lets all nodes go on.
func (n RedisNodes) Thaw() { n.each((*Server).Thaw) }

func (n RedisNodes) each(do func(*Server)) {
	for _, r := range n {
		do(r.Server)
	}
}

// at is the node with that address.
func (n RedisNodes) at(addr string) *RedisServer {
	if i := slices.Index(n.Addrs(), addr); i >= 0 {
		return n[i]
	}
	return nil
}

// RedisClusterServers are a Redis Cluster: three masters with a replica each.
// Which are which changes when a master fails.
type RedisClusterServers struct{ RedisNodes }

// RedisCluster starts a Redis Cluster. It needs Redis 7 or later. At most one
// RedisOptions says what its nodes are.
func RedisCluster(t testing.TB, opts ...RedisOptions) *RedisClusterServers {
	t.Helper()
	var node RedisOptions
	if len(opts) > 0 {
		node = opts[0]
	}
	c := &RedisClusterServers{}
	for range 6 {
		r := newRedis(t, "cluster", node)
		command := r.command
		r.command = func() (string, []string) {
			program, args := command()
			return program, append(args, "--cluster-enabled", "yes", "--cluster-port", port(r.bus),
				"--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
		}
		r.begin()
		c.RedisNodes = append(c.RedisNodes, r)
	}
	for i, r := range c.RedisNodes {
		r.must("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < 3 {
			r.must("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(16384*i/3), strconv.Itoa(16384*(i+1)/3-1))
		}
		if i > 0 {
			c.RedisNodes[0].must("CLUSTER", "MEET", "127.0.0.1", port(r.Addr), port(r.bus))
		}
	}
	wait(t, "the nodes to know each other", func() error {
		for i, r := range c.RedisNodes[3:] {
			master, err := c.RedisNodes[i].text("CLUSTER", "MYID")
			if err != nil {
				return err
			}
			if _, err := r.text("CLUSTER", "REPLICATE", master); err != nil {
				return err
			}
		}
		return nil
	})
	c.Wait()
	return c
}

// Wait returns when all nodes that run agree that all is well, and every
// replica that runs has its master's data.
func (c *RedisClusterServers) Wait() {
	for _, r := range c.RedisNodes {
		r.t.Helper()
		if r.alive() {
			wait(r.t, "a node of the cluster", func() error { return r.clusterState(len(c.RedisNodes)) })
		}
	}
}

func (r *RedisServer) clusterState(nodes int) error {
	info, err := r.text("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, line := range []string{"cluster_state:ok", "cluster_slots_ok:16384", fmt.Sprintf("cluster_known_nodes:%d", nodes)} {
		if !strings.Contains(info, line+"\r\n") {
			return fmt.Errorf("not %s:\n%s", line, info)
		}
	}
	return r.replicates()
}

// replicates returns nil for a master, and for a replica that is up to date.
func (r *RedisServer) replicates() error {
	info, err := r.text("INFO", "replication")
	if err == nil && strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
		err = fmt.Errorf("a replica without its master:\n%s", info)
	}
	return err
}

// Master is the master that has a key, as a node that runs sees it now.
func (c *RedisClusterServers) Master(key string) *RedisServer {
	c.RedisNodes[0].t.Helper()
	var master *RedisServer
	wait(c.RedisNodes[0].t, "a node that knows the master", func() error {
		for _, r := range c.RedisNodes {
			if !r.alive() {
				continue
			}
			addr, err := r.masterOf(key)
			if err != nil {
				continue
			}
			if master = c.at(addr); master != nil {
				return nil
			}
		}
		return errors.New("no node knows")
	})
	return master
}

func (r *RedisServer) masterOf(key string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	slot, err := r.Do(ctx, "CLUSTER", "KEYSLOT", key)
	if err != nil {
		return "", err
	}
	ranges, err := r.Do(ctx, "CLUSTER", "SLOTS")
	if err != nil {
		return "", err
	}
	for _, entry := range ranges.([]any) {
		// first, last, the master, its replicas
		e := entry.([]any)
		if e[0].(int64) <= slot.(int64) && slot.(int64) <= e[1].(int64) {
			master := e[2].([]any)
			return fmt.Sprintf("%v:%v", master[0], master[1]), nil
		}
	}
	return "", fmt.Errorf("nobody has slot %v", slot)
}

// text is Do for a command that replies with a string.
func (r *RedisServer) text(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	v, err := r.Do(ctx, args...)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}

func (r *RedisServer) must(args ...string) {
	r.t.Helper()
	if _, err := r.text(args...); err != nil {
		r.t.Fatalf("testserver: %s: %v", strings.Join(args, " "), err)
	}
}

// wait tries until there is no error.
func wait(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("testserver: waited %v for %s: %v", startTimeout, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
