package memcached

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// server is one memcached, with its connections that wait for work.
type server struct {
	network, address string
	name             string      // as pymemcache hashes it
	tls              *tls.Config // nil: none
	timeout          time.Duration
	maxIdle          int

	dials atomic.Uint64 // connections made so far

	mu     sync.Mutex
	idle   []*conn // the latest used last
	closed bool
}

// do lets f talk to the server over a connection of its own, until the context
// ends or the timeout.
func (s *server) do(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline := time.Now().Add(s.timeout)
	if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
		deadline = end
	}
	c, err := s.take(ctx, deadline)
	if err != nil {
		return ended(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err = f(c)
	if !stop() {
		c.broken = true // its deadline may be moved at any time
	}
	s.put(c)
	if c.broken {
		err = ended(ctx, err)
	}
	return err
}

// ended adds to an error that the caller's context is why.
func ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	cause := ctx.Err()
	if end, ok := ctx.Deadline(); ok && cause == nil && errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(end) {
		cause = context.DeadlineExceeded // the context's own timer is a little late
	}
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// take returns a connection that nobody else uses, with its deadline set: an idle
// one that still lives, or a new one.
func (s *server) take(ctx context.Context, deadline time.Time) (*conn, error) {
	for {
		c, err := s.takeIdle()
		if err != nil {
			return nil, err
		}
		if c == nil {
			break
		}
		if c.SetDeadline(deadline) == nil && alive(c.Conn) {
			return c, nil
		}
		c.Close() // nothing was sent on it: another one may serve
	}
	connection, err := s.dial(ctx, deadline)
	if err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(deadline); err != nil {
		connection.Close()
		return nil, err
	}
	return &conn{Conn: connection, r: bufio.NewReader(connection), number: s.dials.Add(1), dials: &s.dials}, nil
}

func (s *server) dial(ctx context.Context, deadline time.Time) (net.Conn, error) {
	dialer := &net.Dialer{Deadline: deadline}
	if s.tls == nil || s.network == "unix" {
		return dialer.DialContext(ctx, s.network, s.address)
	}
	secure := tls.Dialer{NetDialer: dialer, Config: s.tls}
	return secure.DialContext(ctx, s.network, s.address)
}

func (s *server) takeIdle() (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	if len(s.idle) == 0 {
		return nil, nil
	}
	last := len(s.idle) - 1
	c := s.idle[last]
	s.idle[last] = nil
	s.idle = s.idle[:last]
	return c, nil
}

// put keeps a connection for later if that is possible.
func (s *server) put(c *conn) {
	s.mu.Lock()
	keep := !c.broken && c.r.Buffered() == 0 && !s.closed && len(s.idle) < s.maxIdle
	if keep {
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if !keep {
		c.Close()
	}
}

// close closes what is idle; what is in use is closed by put.
func (s *server) close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
