package stress

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// account is what the application was asked to count in one session, whatever
// keys it has had.
type account struct {
	id     string
	acked  atomic.Int64
	unsure atomic.Int64 // not told that it is done, nor that it is not

	mu  sync.Mutex
	log []stamp // kept where reads may be old within a bound
}

// stamp is how much was acknowledged by then.
type stamp struct {
	when  time.Time
	acked int64
}

// at is how much was acknowledged by a moment.
func (a *account) at(when time.Time) (acked int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.log {
		if s.when.Before(when) {
			acked = max(acked, s.acked)
		}
	}
	return acked
}

// visitor is an account under a key.
type visitor struct {
	*account
	key    string
	ending atomic.Bool // its end was asked for
	ended  atomic.Bool // and acknowledged
	since  atomic.Pointer[time.Time]
}

// ledger keeps the account of a load of mixed requests.
type ledger struct {
	t  *testing.T
	ps []atomic.Pointer[process]

	slots []slot
	ids   atomic.Int64

	tried, acked, lost, stale, resurrected, twice atomic.Int64
	dropped                                       atomic.Int64 // by the cache server itself
	within                                        atomic.Int64 // reads that were old, within the bound

	bound time.Duration // how old reads may be

	// forgets says that the store is a cache server which loses its contents, or
	// goes back to old ones: what is missing then was dropped by it.
	forgets atomic.Bool

	mu    sync.Mutex
	piped map[string]int64 // what the processes said they have acknowledged, by account
	dead  []*visitor
	took  []time.Duration
	fails map[string]int // requests that were not served, by kind and status
	when  []time.Time    // of these
}

// slot is a place for one visitor after another.
type slot struct {
	visitor atomic.Pointer[visitor]
	ends    sync.Mutex // held by who ends the visitor
}

func newLedger(t *testing.T, ps []*process, visitors int) *ledger {
	l := &ledger{t: t, ps: make([]atomic.Pointer[process], len(ps)), slots: make([]slot, visitors), piped: map[string]int64{}, fails: map[string]int{}}
	for i, p := range ps {
		l.ps[i].Store(p)
	}
	for i := range l.slots {
		l.arrive(&l.slots[i])
	}
	return l
}

// run sends requests from so many clients until harm is done.
func (l *ledger) run(clients int, think time.Duration, harm func()) {
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(rand.N(think)):
				}
				l.visit(&l.slots[rand.IntN(len(l.slots))])
			}
		})
	}
	harm()
	close(stop)
	all.Wait()
}

func (l *ledger) get(path, key string, query ...string) answer {
	a := l.ps[rand.IntN(len(l.ps))].Load().get(path, key, query...)
	l.tried.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, a.took)
	if a.status == 0 || a.status >= 500 {
		kind := "write"
		if path == "/read" {
			kind = "read"
		}
		l.fails[kind+" "+strconv.Itoa(a.status)]++
		l.when = append(l.when, time.Now())
	}
	return a
}

// visit is one request of one visitor.
func (l *ledger) visit(s *slot) {
	v := s.visitor.Load()
	if v == nil || v.ended.Load() {
		if rand.IntN(4) == 0 || v == nil {
			l.arrive(s)
			return
		}
	}
	switch dice := rand.IntN(100); {
	case dice < 50:
		l.read(v)
	case dice < 85:
		l.update(v)
	case dice < 90:
		l.plain(v, "/touch")
	case dice < 95:
		l.end(s, "/login")
	default:
		l.end(s, "/logout")
	}
}

// arrive puts a new visitor into a slot.
func (l *ledger) arrive(s *slot) {
	if !s.ends.TryLock() {
		return
	}
	defer s.ends.Unlock()
	if a := l.get("/new", ""); a.status == http.StatusOK && a.cookie != nil {
		l.acked.Add(1)
		s.visitor.Store(&visitor{account: &account{id: strconv.FormatInt(l.ids.Add(1), 10)}, key: a.cookie.Value})
	}
}

// check looks at what an answer says of the session's life.
func (l *ledger) check(v *visitor, a answer, after bool) (served bool) {
	switch {
	case a.status == http.StatusOK && after:
		l.count(&l.resurrected)
		return false
	case a.status == http.StatusOK:
		return true
	case (a.status == http.StatusUnauthorized || a.status == http.StatusBadRequest) && v.ending.CompareAndSwap(false, true):
		// Nobody has ended it.
		l.count(&l.lost)
		now := time.Now()
		v.since.Store(&now)
		v.ended.Store(true)
	case a.status != 0 && a.status != http.StatusServiceUnavailable && a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest:
		l.t.Errorf("%d %s", a.status, a.body)
	}
	return false
}

// count adds to what went wrong, or to what the server has dropped.
func (l *ledger) count(wrong *atomic.Int64) {
	if l.forgets.Load() {
		wrong = &l.dropped
	}
	wrong.Add(1)
}

func (l *ledger) read(v *visitor) {
	before, after, begun := v.acked.Load(), v.ended.Load(), time.Now()
	a := l.get("/read", v.key)
	if after && a.status == http.StatusOK && begun.Before(v.since.Load().Add(l.bound)) {
		l.within.Add(1)
		return
	}
	if l.check(v, a, after) {
		switch n, _ := strconv.ParseInt(a.body, 10, 64); {
		case n >= before:
		case l.bound > 0 && n >= v.at(begun.Add(-l.bound)):
			l.within.Add(1)
		default:
			l.count(&l.stale)
		}
	}
}

func (l *ledger) update(v *visitor) {
	before, after := v.acked.Load(), v.ended.Load()
	a := l.get("/update", v.key, "ack", v.id)
	if l.check(v, a, after) {
		now := v.acked.Add(1)
		l.acked.Add(1)
		if l.bound > 0 {
			v.account.mu.Lock()
			v.log = append(v.log, stamp{time.Now(), now})
			v.account.mu.Unlock()
		}
		if n, _ := strconv.ParseInt(a.body, 10, 64); n < before+1 {
			l.count(&l.stale)
		}
	} else if a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest {
		v.unsure.Add(1)
	}
}

func (l *ledger) plain(v *visitor, path string) {
	after := v.ended.Load()
	if l.check(v, l.get(path, v.key), after) {
		l.acked.Add(1)
	}
}

// end logs a visitor in, which ends the key, or out. When no answer comes, nobody
// knows whether the key is alive, and a new visitor comes.
func (l *ledger) end(s *slot, path string) {
	if !s.ends.TryLock() {
		return
	}
	defer s.ends.Unlock()
	v := s.visitor.Load()
	if !v.ending.CompareAndSwap(false, true) {
		return
	}
	a := l.get(path, v.key)
	if a.status != http.StatusOK {
		if a.status == http.StatusUnauthorized || a.status == http.StatusBadRequest {
			l.count(&l.lost)
		}
		s.visitor.Store(nil)
		return
	}
	l.acked.Add(1)
	now := time.Now()
	v.since.Store(&now)
	v.ended.Store(true)
	l.mu.Lock()
	l.dead = append(l.dead, v)
	l.mu.Unlock()
	if path == "/login" && a.cookie != nil {
		s.visitor.Store(&visitor{account: v.account, key: a.cookie.Value})
	}
}

// heard takes over what a process has said it acknowledged, once it has ended.
func (l *ledger) heard(p *process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, n := range p.acks {
		l.piped[id] += n
	}
}

// audit compares the store with the account, through a process of its own, and
// fills in the row.
func (l *ledger) audit(p *process, r *row) {
	l.t.Helper()
	time.Sleep(l.bound)
	for i := range l.slots {
		v := l.slots[i].visitor.Load()
		if v == nil || v.ending.Load() {
			continue
		}
		stored := p.audit(l.t, v.key)
		n, acked := stored["n"], max(v.acked.Load(), l.piped[v.id])
		switch {
		case stored == nil:
			l.count(&l.lost)
		case n < acked:
			for range acked - n {
				l.count(&l.lost)
			}
		case n > v.acked.Load()+v.unsure.Load():
			l.twice.Add(n - v.acked.Load() - v.unsure.Load())
		}
	}
	for _, v := range l.dead[max(0, len(l.dead)-2000):] {
		if p.audit(l.t, v.key) != nil {
			l.count(&l.resurrected)
		}
	}
	r.tried, r.acknowledged = l.tried.Load(), l.acked.Load()
	r.lost, r.stale, r.resurrected, r.twice = l.lost.Load(), l.stale.Load(), l.resurrected.Load(), l.twice.Load()
	if n := l.dropped.Load(); n > 0 {
		r.note("%d dropped or put back by the cache server", n)
	}
	if n := l.within.Load(); n > 0 {
		r.note("%d reads older, within the bound of %v", n, l.bound)
	}
	for _, why := range slices.Sorted(maps.Keys(l.fails)) {
		r.note("%d × %s", l.fails[why], why)
	}
	slices.Sort(l.took)
	r.note("p99 %v, longest %v", l.took[len(l.took)*99/100].Round(time.Millisecond), l.longest().Round(time.Millisecond))
}

func (l *ledger) longest() time.Duration { return slices.Max(l.took) }

// failed is how many requests were not served.
func (l *ledger) failed() (n int) {
	for _, m := range l.fails {
		n += m
	}
	return n
}

// recovery is how long requests still failed after a moment.
func (l *ledger) recovery(healed time.Time) time.Duration {
	longest := time.Duration(0)
	for _, w := range l.when {
		longest = max(longest, w.Sub(healed))
	}
	return longest
}
