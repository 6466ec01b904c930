package sessions

import (
	"context"
	"sync"
	"time"
)

// saveContext gives a save its own end: it outlives a client that hangs up. The
// caller cancels own, which is nil within another save.
func (m *Manager) saveContext(ctx context.Context) (_ context.Context, own *saveContext) {
	if c, ok := ctx.(*saveContext); ok {
		return c, nil // its end is sooner
	}
	timeout := m.settings.SaveTimeout
	if timeout == 0 {
		timeout = defaultSaveTimeout
	}
	end := time.Now().Add(timeout)
	if sooner, ok := ctx.Deadline(); ok && sooner.Before(end) {
		end = sooner
	}
	c := &saveContext{values: ctx, end: end}
	return c, c
}

// saveContext is a context.WithDeadline that starts its timer when somebody asks
// for Done: a store in memory never does, and timers are a good part of what a
// save costs there. It hides the session; see withoutSession.
type saveContext struct {
	values context.Context // whose end doesn't count
	end    time.Time

	mu       sync.Mutex
	timed    context.Context // nil until somebody has asked for Done
	stop     context.CancelFunc
	canceled bool
}

func (c *saveContext) Deadline() (time.Time, bool) { return c.end, true }

func (c *saveContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.stop = context.WithDeadline(context.WithoutCancel(c.values), c.end)
		if c.canceled {
			c.stop()
		}
	}
	return c.timed.Done()
}

func (c *saveContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.timed != nil:
		return c.timed.Err()
	case c.canceled:
		return context.Canceled
	case time.Until(c.end) <= 0:
		return context.DeadlineExceeded
	}
	return nil
}

// Value also finds the timed context, so that contexts made of this one end with it
// without a goroutine.
func (c *saveContext) Value(key any) any {
	if key == (requestKey{}) {
		return nil
	}
	c.mu.Lock()
	ctx := c.timed
	c.mu.Unlock()
	if ctx == nil {
		ctx = context.WithoutCancel(c.values)
	}
	return ctx.Value(key)
}

func (c *saveContext) cancel() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.canceled = true
	if c.stop != nil {
		c.stop()
	}
}
