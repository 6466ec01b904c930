package stress

import (
	"strings"
	"testing"
	"time"
)

// TestFresh: requests of every kind on very few sessions, so that they meet at
// every point: no read is older than what was acknowledged before it began.
func TestFresh(t *testing.T) {
	adjust := func(c *config) {
		jittery(c)
		c.EntryLife = 50 * time.Millisecond // what cached_db has in its cache is filled in again and again
	}
	onEach(t, adjust, func(t *testing.T, b backend, ps []*process) {
		l := newLedger(t, ps, 3)
		long := time.Duration(size(3000, 500)) * time.Millisecond
		if full() && strings.HasPrefix(b.name, "cached_db") {
			long *= 6 // here processes must meet in a step of the cache
		}
		l.run(12, 2*time.Millisecond, func() { time.Sleep(long) })
		r := row{what: "12 visitors at 3 sessions", engine: b.name}
		l.audit(ps[0], &r)
		if l.failed() > 0 {
			t.Errorf("%d requests failed", l.failed())
		}
		r.report(t)
	})
}
