package redis

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// opened is a client of its own, as a process has one.
func opened(t *testing.T, o Options) *Cache {
	t.Helper()
	c, closeClient, err := OpenOptions(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeClient)
	return c
}

// subscribed subscribes until the test ends, and returns what comes, and why it
// ended.
func subscribed(ctx context.Context, c *Cache, channel string) (messages chan string, ended chan error, ready chan struct{}) {
	messages, ended, ready = make(chan string, 16), make(chan error, 1), make(chan struct{})
	go func() {
		ended <- c.Subscribe(ctx, channel, func() { close(ready) }, func(m string) { messages <- m })
	}()
	return messages, ended, ready
}

// Messages go from one process to another, on one server, in either protocol, and
// from any node of a Cluster to any other.
func TestPublish(t *testing.T) {
	server := testserver.Redis(t, testserver.RedisOptions{})
	cluster := testserver.RedisCluster(t)
	for name, o := range map[string]Options{
		"one server":       {Addrs: []string{server.Addr}},
		"RESP2":            {Addrs: []string{server.Addr}, RESP2: true},
		"another database": {Addrs: []string{server.Addr}, DB: 3},
		"Cluster":          {Addrs: cluster.Addrs(), Cluster: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for _, channel := range []string{"keepsake_a", "keepsake_b", "keepsake_c"} { // on several nodes
				messages, _, ready := subscribed(ctx, opened(t, o), channel)
				<-ready
				other := opened(t, o)
				for _, p := range [][2]string{{"keepsake_else", "no"}, {channel, "one"}, {channel, "two"}} {
					if err := other.Publish(t.Context(), p[0], p[1]); err != nil {
						t.Fatal(err)
					}
				}
				a, b := <-messages, <-messages // one may overtake the other through the nodes
				if o.Cluster && a > b {
					a, b = b, a
				}
				if a != "one" || b != "two" {
					t.Errorf("%q, %q", a, b)
				}
			}
		})
	}
}

// The end of the context and that of the connection end a subscription, and the
// cache goes on.
func TestSubscriptionEnds(t *testing.T) {
	server := testserver.Redis(t, testserver.RedisOptions{})
	c := opened(t, Options{Addrs: []string{server.Addr}})
	ctx, cancel := context.WithCancel(t.Context())
	_, ended, ready := subscribed(ctx, c, "keepsake_a")
	<-ready
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if text, _ := server.Do(t.Context(), "PUBSUB", "NUMSUB", "keepsake_a"); len(text.([]any)) != 2 || text.([]any)[1] != int64(0) {
		t.Errorf("still subscribed: %v", text)
	}

	_, ended, ready = subscribed(t.Context(), c, "keepsake_a")
	<-ready
	if _, err := server.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.HasPrefix(err.Error(), "redis: subscribe: ") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the subscription outlives its connection")
	}
	if err := c.Set(t.Context(), "a", "1", time.Minute); err != nil {
		t.Error(err)
	}
}
