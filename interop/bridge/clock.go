package main

import (
	"sync/atomic"
	"time"
)

// clock is every clock of the library's: the real one, or one that stands.
type clock struct{ frozen atomic.Pointer[time.Time] }

func (c *clock) now() time.Time {
	if t := c.frozen.Load(); t != nil {
		return *t
	}
	return time.Now().UTC()
}

func (c *clock) freeze(at time.Time) (unfreeze func()) {
	before := c.frozen.Swap(&at)
	return func() { c.frozen.Store(before) }
}
