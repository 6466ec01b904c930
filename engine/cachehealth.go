package engine

import (
	"sync"
	"time"
)

// How cached_db treats a cache that fails: it is left alone for a pause, which
// doubles with each try that fails.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second

	// recovery is how long this process reads from the database only after the
	// cache has come back, beyond the time of two calls: longer than any other
	// process that has requests takes to notice, and to mark what it has written
	// meanwhile.
	recovery = 2 * time.Second

	// mostUnmarked bounds what is remembered of keys.
	mostUnmarked = 100_000
)

// cacheHealth is a circuit breaker that also knows what the cache has missed. A
// read that fails keeps only reads from the cache: as long as the writers of a
// process reach it, they must tell it what they write. Times are of the process's
// own clock. The zero value is a cache in good health.
type cacheHealth struct {
	mu       sync.Mutex
	pause    time.Duration // zero: the circuit is closed
	unwrite  bool          // a write has failed: it is open for writes, too
	retry    time.Time     // when somebody may try again
	trying   bool          // somebody does
	unread   time.Time     // until then the cache is written, but not read
	unmarked map[string]struct{}
	overflow bool // there were more
}

// usable says whether the cache may be written, and whether it may be read. Now
// and then one of those who come to a cache that is down gets try instead: it
// has to see whether the cache is back, mark what it has missed, and call
// recovered or failed.
func (h *cacheHealth) usable(now time.Time) (write, read, try bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pause == 0 && len(h.unmarked) == 0 && !h.trying { // who tries has taken some to mark
		return true, !now.Before(h.unread), false
	}
	if h.trying || now.Before(h.retry) {
		return !h.unwrite, false, false
	}
	h.trying = true
	return false, false, true
}

// failed opens the circuit after a failure of a read or a write, and reports
// whether it was closed. try is whether the caller was to try.
func (h *cacheHealth) failed(now time.Time, write, try bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unwrite = h.unwrite || write
	was := h.pause == 0
	if !was && !try {
		return false // it had begun before the circuit was opened
	}
	h.pause = min(max(2*h.pause, firstPause), lastPause)
	h.retry = now.Add(h.pause)
	if try {
		h.trying = false
	}
	return was
}

// recovered closes the circuit, unless there is still something to mark: then
// the next who comes goes on. life is how long values live in the cache, timeout
// how long a call may take.
func (h *cacheHealth) recovered(now time.Time, life, timeout time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
	if len(h.unmarked) > 0 {
		h.retry = now
		return false
	}
	wait := recovery + 2*timeout
	if h.overflow { // until everything has ended that may be out of date
		wait = max(wait, life)
	}
	h.pause, h.unwrite, h.overflow, h.unread = 0, false, false, now.Add(wait)
	return true
}

// unwritable reports whether a write has failed.
func (h *cacheHealth) unwritable() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unwrite
}

// missed remembers a key whose session was written without the cache's knowing,
// unless the cache may be written by now: then it reports false, and the caller
// must tell the cache.
func (h *cacheHealth) missed(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.unwrite {
		return false
	}
	h.remember(key)
	return true
}

// again remembers keys that could not be marked.
func (h *cacheHealth) again(keys ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		h.remember(key)
	}
}

func (h *cacheHealth) remember(key string) {
	if len(h.unmarked) >= mostUnmarked {
		h.overflow = true
		return
	}
	if h.unmarked == nil {
		h.unmarked = map[string]struct{}{}
	}
	h.unmarked[key] = struct{}{}
}

// take gives at most n of the keys to mark. Whoever has them marks them, or
// returns them with again.
func (h *cacheHealth) take(n int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var keys []string
	for key := range h.unmarked {
		if len(keys) == n {
			break
		}
		keys = append(keys, key)
		delete(h.unmarked, key)
	}
	return keys
}
