package stress

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between an application and its server, and harms what passes.
type proxy struct {
	addr  string
	delay atomic.Int64 // nanoseconds more for each answer
	lossy atomic.Int64 // one answer in so many is lost, and its connection with it
	deaf  atomic.Int64 // so is one request in so many, before the server sees it
	cut   atomic.Bool  // nobody gets through

	mu   sync.Mutex
	open map[net.Conn]bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String(), open: map[net.Conn]bool{}}
	var all sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		p.sever()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			if p.cut.Load() {
				client.Close()
				continue
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			p.mu.Lock()
			p.open[client], p.open[server] = true, true
			p.mu.Unlock()
			all.Go(func() { pass(server, client, &p.deaf, nil); server.Close() })
			all.Go(func() { p.answer(client, server) })
		}
	})
	return p
}

// sever breaks all connections.
func (p *proxy) sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
}

func (p *proxy) answer(client, server net.Conn) {
	defer func() {
		client.Close()
		server.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, client)
		delete(p.open, server)
	}()
	pass(client, server, &p.lossy, &p.delay)
}

// pass carries what comes from one side to the other, until some of it is lost.
func pass(to, from net.Conn, lose, delay *atomic.Int64) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if one := lose.Load(); one > 0 && rand.Int64N(one) == 0 {
			return
		}
		if delay != nil {
			time.Sleep(time.Duration(delay.Load()))
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
