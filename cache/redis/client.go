package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// client is a rueidis.Client that is made at its first use: a program starts
// while its Redis does not run, and works when it does. While there is no
// connection callers wait here, each as long as its context allows, and not
// inside rueidis for the caller who makes one.
type client struct {
	option rueidis.ClientOption
	runs   *runs // nil: rueidis makes its connections unseen
	ready  atomic.Pointer[rueidis.Client]

	mu      sync.Mutex // guards what follows
	closed  bool
	attempt *attempt // in progress; nil: none
}

// attempt is one to connect, for all who wait for it.
type attempt struct {
	done   chan struct{} // closed at its end
	client rueidis.Client
	err    error
}

var errClosed = notSent{errors.New("the cache is closed")}

// get returns the client. An error means that nothing was sent.
func (c *client) get(ctx context.Context) (rueidis.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, notSent{err}
	}
	if ready := c.ready.Load(); ready != nil && c.connected() {
		return *ready, nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, errClosed
	}
	a := c.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		c.attempt = a
		go c.connect(a) // it serves several callers, so it ends by timeouts of its own
	}
	c.mu.Unlock()
	select {
	case <-a.done:
		return a.client, a.err
	case <-ctx.Done():
		return nil, notSent{ctx.Err()}
	}
}

func (c *client) connected() bool { return c.runs == nil || c.runs.open.Load() > 0 }

func (c *client) connect(a *attempt) {
	made, err := c.open()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(a.done)
	c.attempt = nil
	if made != nil && c.closed {
		made.Close()
		a.err = errClosed
		return
	}
	if made != nil {
		c.ready.Store(&made)
	}
	if err != nil {
		a.err = notSent{fmt.Errorf("connect: %w", plain(err))}
		return
	}
	a.client = made
}

// open makes the client, or has it connect again. It may return a client and an
// error.
func (c *client) open() (rueidis.Client, error) {
	if ready := c.ready.Load(); ready != nil {
		ctx, cancel := context.WithTimeout(context.Background(), c.option.Dialer.Timeout)
		defer cancel()
		err := (*ready).Do(ctx, (*ready).B().Ping().Build().ToRetryable()).Error()
		if c.connected() {
			err = nil // the account may lack PING
		}
		return *ready, err
	}
	return rueidis.NewClient(c.option)
}

func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if ready := c.ready.Swap(nil); ready != nil {
		(*ready).Close()
	}
}
