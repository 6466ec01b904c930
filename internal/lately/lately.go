// Package lately remembers which sessions a process has dealt with a moment ago.
package lately

import (
	"sync"
	"time"
)

// Keys are keys, and when each was noted. They are a bounded number, after which
// they begin anew: some are then noted once more. The zero value has none. It is
// safe for concurrent use.
type Keys struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const most = 1 << 16

// Due reports whether the key was not noted within the interval, and notes it. After
// a jump of the clock, either way, it is due.
func (k *Keys) Due(key string, now time.Time, interval time.Duration) bool {
	due, _ := k.again(key, now, interval)
	return due
}

// Over reports whether the key was noted an interval ago or longer. Then, and where it
// was not noted yet, it notes it.
func (k *Keys) Over(key string, now time.Time, interval time.Duration) bool {
	due, known := k.again(key, now, interval)
	return due && known
}

// again notes the key unless it was noted within the interval, and reports whether it
// did, and whether the key had been noted before.
func (k *Keys) again(key string, now time.Time, interval time.Duration) (due, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, known := k.last[key]
	if known && now.Sub(last).Abs() < interval {
		return false, true
	}
	k.note(key, now)
	return true, known
}

// First is when the key was noted first, which is now if it was not yet.
func (k *Keys) First(key string, now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if when, found := k.last[key]; found {
		return when
	}
	k.note(key, now)
	return now
}

// Note notes the key as of that time.
func (k *Keys) Note(key string, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.note(key, at)
}

func (k *Keys) note(key string, at time.Time) {
	if k.last == nil || len(k.last) >= most {
		k.last = map[string]time.Time{}
	}
	k.last[key] = at
}
