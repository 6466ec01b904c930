package testserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// RedisSentinelServers are a Redis master with two replicas, and three
// Sentinels that watch them and make a replica the master when the master fails.
type RedisSentinelServers struct {
	RedisNodes            // the master and the replicas
	Sentinels  RedisNodes // clients ask them for the master
	MasterName string     // for which they ask
}

// RedisSentinel starts a Redis master with its replicas and Sentinels. At most
// one RedisOptions says what the master and the replicas are.
func RedisSentinel(t testing.TB, opts ...RedisOptions) *RedisSentinelServers {
	t.Helper()
	var node RedisOptions
	if len(opts) > 0 {
		node = opts[0]
	}
	s := &RedisSentinelServers{MasterName: account}
	for i := range 3 {
		o := node
		o.Args = append([]string{"--repl-diskless-sync-delay", "0"}, node.Args...)
		if i > 0 {
			o.Args = append(o.Args, "--replicaof", "127.0.0.1", port(s.RedisNodes[0].Addr))
		}
		s.RedisNodes = append(s.RedisNodes, Redis(t, o))
	}
	for range 3 {
		r := &RedisServer{Server: newServer(t, "sentinel")}
		program := node.find(t)
		config := r.file("sentinel.conf", strings.NewReplacer("NAME", s.MasterName, "PORT", port(s.RedisNodes[0].Addr), "DIR", r.dir).Replace(
			"bind 127.0.0.1\ndir DIR\n"+
				"sentinel monitor NAME 127.0.0.1 PORT 2\n"+
				"sentinel down-after-milliseconds NAME 1000\n"+
				"sentinel failover-timeout NAME 5000\n"))
		// The Sentinel writes to its file what it knows, and reads it again.
		r.command = func() (string, []string) { return program, []string{config, "--port", port(r.Addr), "--sentinel"} }
		r.ready = func(ctx context.Context) error {
			_, err := r.Do(ctx, "PING")
			return err
		}
		r.begin()
		s.Sentinels = append(s.Sentinels, r)
	}
	s.Wait()
	return s
}

// Wait returns when all Sentinels that run agree on a master that runs, know
// each other and all replicas, and the replicas that run have its data.
func (s *RedisSentinelServers) Wait() {
	t := s.Sentinels[0].t
	t.Helper()
	wait(t, "the Sentinels", func() error {
		masters := map[string]bool{}
		for _, r := range s.Sentinels {
			if !r.alive() {
				continue
			}
			state, err := r.sentinelState(s.MasterName)
			if err != nil {
				return err
			}
			for name, want := range map[string]string{"flags": "master", "num-slaves": "2", "num-other-sentinels": "2"} {
				if state[name] != want {
					return fmt.Errorf("%s is %q: %v", name, state[name], state)
				}
			}
			masters[state["ip"]+":"+state["port"]] = true
		}
		if len(masters) != 1 {
			return fmt.Errorf("the masters are %v", masters)
		}
		for _, r := range s.RedisNodes {
			role, err := "", error(nil)
			if r.alive() {
				if role, err = r.text("INFO", "replication"); err == nil {
					err = r.replicates()
				}
			}
			if err == nil && masters[r.Addr] != strings.Contains(role, "role:master") {
				err = fmt.Errorf("%s is a master or isn't:\n%s", r.Addr, role)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *RedisServer) sentinelState(name string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	reply, err := r.Do(ctx, "SENTINEL", "MASTER", name)
	if err != nil {
		return nil, err
	}
	fields, _ := reply.([]any)
	state := map[string]string{}
	for pair := range slices.Chunk(fields, 2) {
		state[fmt.Sprint(pair[0])] = fmt.Sprint(pair[len(pair)-1])
	}
	return state, nil
}

// Master is the master that a Sentinel that runs names now.
func (s *RedisSentinelServers) Master() *RedisServer {
	t := s.Sentinels[0].t
	t.Helper()
	var master *RedisServer
	wait(t, "a Sentinel that knows the master", func() error {
		for _, r := range s.Sentinels {
			if !r.alive() {
				continue
			}
			if state, err := r.sentinelState(s.MasterName); err == nil {
				if master = s.at(state["ip"] + ":" + state["port"]); master != nil {
					return nil
				}
			}
		}
		return errors.New("no Sentinel knows")
	})
	return master
}
