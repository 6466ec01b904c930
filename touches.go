package sessions

import (
	"sync"
	"time"
)

// touches remembers which sessions this process has touched lately: parallel
// requests touch once, and so does who can't see the stored expiry, as in most
// caches. It remembers a bounded number, after which it begins anew: some are
// then touched once more.
type touches struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxTouches = 1 << 16

// due reports whether the session was not touched within the interval, and notes
// that it is being touched. After a jump of the clock, either way, it is due.
func (t *touches) due(key string, now time.Time, interval time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, found := t.last[key]; found && now.Sub(last).Abs() < interval {
		return false
	}
	t.note(key, now)
	return true
}

// first is when the key was noted first, which is now if it was not yet.
func (t *touches) first(key string, now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if when, found := t.last[key]; found {
		return when
	}
	t.note(key, now)
	return now
}

// note is for who holds t.mu.
func (t *touches) note(key string, now time.Time) {
	if t.last == nil || len(t.last) >= maxTouches {
		t.last = map[string]time.Time{}
	}
	t.last[key] = now
}
