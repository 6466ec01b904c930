package redis_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between a client and a server, as a load balancer does.
type proxy struct {
	addr   string
	target atomic.Pointer[string]
	mute   atomic.Bool // answers get lost, and with them the connection
	held   atomic.Bool // answers come later
	conns  atomic.Int64
}

func newProxy(t *testing.T, target string) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String()}
	p.target.Store(&target)
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		listener.Close()
		p.held.Store(false)
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			server, err := net.Dial("tcp", *p.target.Load())
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, server)
			mu.Unlock()
			all.Go(func() { _, _ = io.Copy(server, client); server.Close() })
			all.Go(func() { defer client.Close(); p.answer(client, server) })
		}
	})
	return p
}

func (p *proxy) answer(client, server net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || p.mute.Load() {
			return
		}
		for p.held.Load() {
			time.Sleep(time.Millisecond)
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
