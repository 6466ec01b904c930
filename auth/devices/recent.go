package devices

import (
	"sync"
	"time"
)

// recent remembers which sessions this process has seen lately. It remembers a
// bounded number, after which it begins anew: some are then written once more.
type recent struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxRecent = 1 << 16

// due reports whether the session was not seen within the interval, and notes
// that it is seen now. After a jump of the clock, either way, it is due.
func (r *recent) due(key string, now time.Time, interval time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, found := r.last[key]; found && now.Sub(last).Abs() < interval {
		return false
	}
	r.note(key, now)
	return true
}

// again makes the session due in a while: what was to be written failed, and not
// every request should wait for that.
func (r *recent) again(key string, now time.Time, interval time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(key, now.Add(min(interval, 10*time.Second)-interval))
}

func (r *recent) note(key string, at time.Time) {
	if r.last == nil || len(r.last) >= maxRecent {
		r.last = map[string]time.Time{}
	}
	r.last[key] = at
}
