package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

// The schedules: what several processes do to one session, each step of theirs in
// the database and in the cache chosen by chance, with faults in between. The
// code under test is the real one. A step waits until the schedule lets it
// happen, so a schedule is repeatable from its seed.

// fate is what becomes of a step.
type fate int

const (
	happens fate = iota
	fails        // it is not done, and its caller is told so
	lost         // it is done, and its caller does not learn of it
	late         // its caller does not learn of it, and it is done later
	crashes      // its caller dies before it
)

// step is an operation that waits for its turn.
type step struct {
	what  string
	actor string
	db    bool // in the database
	do    func()
	fate  chan fate
}

// schedule lets one step after another happen.
type schedule struct {
	rand    *rand.Rand
	mu      sync.Mutex
	waiting []*step
	last    string // the actor of the latest step
	later   []func()
	log     []string
}

type actorKey struct{}

// pass waits for the turn of a step, and does it.
func (s *schedule) pass(ctx context.Context, what string, db bool, do func()) error {
	actor, _ := ctx.Value(actorKey{}).(string)
	st := &step{what, actor, db, do, make(chan fate)}
	s.mu.Lock()
	s.waiting = append(s.waiting, st)
	s.mu.Unlock()
	switch <-st.fate {
	case fails:
		return errors.New("the schedule has it fail")
	case lost, late:
		if db {
			return sessions.ErrUnknownOutcome
		}
		return cache.ErrUnknownOutcome
	case crashes:
		runtime.Goexit()
	}
	return ctx.Err()
}

func (s *schedule) say(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// next lets one of the waiting steps happen, or fail; false when none waits.
func (s *schedule) next(choose func(*step) fate) bool {
	synctest.Wait()
	s.mu.Lock()
	if len(s.waiting) == 0 {
		s.mu.Unlock()
		return false
	}
	// In a fixed order first: goroutines come in any.
	slices.SortStableFunc(s.waiting, func(a, b *step) int { return strings.Compare(a.actor+a.what, b.actor+b.what) })
	i := s.rand.IntN(len(s.waiting))
	// Often the same actor goes on, or else nobody would ever be far behind.
	if same := slices.IndexFunc(s.waiting, func(st *step) bool { return st.actor == s.last }); same >= 0 && s.rand.IntN(3) > 0 {
		i = same
	}
	st := s.waiting[i]
	s.last = st.actor
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.mu.Unlock()
	f := choose(st)
	s.say("%s: %s%s", st.actor, st.what, [...]string{"", " FAILS", " ANSWER LOST", " LATE", " CRASH"}[f])
	switch f {
	case happens, lost:
		st.do()
	case late:
		s.later = append(s.later, st.do)
	}
	st.fate <- f
	return true
}

// scheduledStore is a store whose steps wait for their turn.
type scheduledStore struct {
	sessions.Store
	s *schedule
}

func (g scheduledStore) Load(ctx context.Context, key string) (rec sessions.Record, err error) {
	if e := g.s.pass(ctx, "db load", true, func() { rec, err = g.Store.Load(context.WithoutCancel(ctx), key) }); e != nil {
		return sessions.Record{}, e
	}
	return rec, err
}

func (g scheduledStore) Replace(ctx context.Context, key string, old, new sessions.Record) (rec sessions.Record, err error) {
	if e := g.s.pass(ctx, "db replace by "+new.Data, true, func() { rec, err = g.Store.Replace(context.WithoutCancel(ctx), key, old, new) }); e != nil {
		return sessions.Record{}, e
	}
	return rec, err
}

func (g scheduledStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (rec sessions.Record, err error) {
	if e := g.s.pass(ctx, "db rotate", true, func() { rec, err = g.Store.Rotate(context.WithoutCancel(ctx), key, newKey, old, new) }); e != nil {
		return sessions.Record{}, e
	}
	return rec, err
}

func (g scheduledStore) Delete(ctx context.Context, key string) (err error) {
	if e := g.s.pass(ctx, "db delete", true, func() { err = g.Store.Delete(context.WithoutCancel(ctx), key) }); e != nil {
		return e
	}
	return err
}

// scheduledCache is a cache whose steps wait for their turn. Its contents can
// go, or come back from an earlier time.
type scheduledCache struct {
	s     *schedule
	mu    *sync.Mutex
	items *map[string]string
	run   *int // of the server
}

func (g scheduledCache) Epoch(context.Context) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return "run" + strconv.Itoa(*g.run), nil
}

func (g scheduledCache) Get(ctx context.Context, key string) (item cache.Item, err error) {
	if e := g.s.pass(ctx, "cache get", false, func() {
		value, found := (*g.items)[key]
		if item.Value = value; !found {
			err = cache.ErrMiss
		}
	}); e != nil {
		return cache.Item{}, e
	}
	return item, err
}

func (g scheduledCache) Add(ctx context.Context, key, value string, _ time.Duration) (item cache.Item, err error) {
	if e := g.s.pass(ctx, "cache add "+shortValue(value), false, func() {
		if _, found := (*g.items)[key]; found {
			err = cache.ErrExists
			return
		}
		(*g.items)[key] = value
		item.Value = value
	}); e != nil {
		return cache.Item{}, e
	}
	return item, err
}

func (g scheduledCache) Swap(ctx context.Context, key string, old cache.Item, value string, ttl time.Duration) (item cache.Item, err error) {
	if e := g.s.pass(ctx, "cache swap "+shortValue(old.Value)+" to "+shortValue(value), false, func() {
		found, ok := (*g.items)[key]
		switch {
		case !ok:
			err = cache.ErrMiss
		case found != old.Value:
			item.Value, err = found, cache.ErrConflict
		case ttl <= 0:
			delete(*g.items, key)
		default:
			(*g.items)[key] = value
			item.Value = value
		}
	}); e != nil {
		return cache.Item{}, e
	}
	return item, err
}

func (g scheduledCache) Set(ctx context.Context, key, value string, _ time.Duration) error {
	return g.s.pass(ctx, "cache set "+shortValue(value), false, func() { (*g.items)[key] = value })
}

func (g scheduledCache) Delete(ctx context.Context, key string) error {
	return g.s.pass(ctx, "cache delete", false, func() { delete(*g.items, key) })
}

func shortValue(v string) string {
	if t, ok := cutTail(v); ok {
		return "value of " + t.row + " in " + t.epoch
	}
	if isMark(v) {
		return "mark " + v[len(v)-1:]
	}
	return strconv.Quote(v)
}

// plainCodec takes any text for a session.
type plainCodec struct{}

func (plainCodec) Encode(sessions.Values) (string, error) { return "", errors.ErrUnsupported }

func (plainCodec) Decode(data string) (v sessions.Values, err error) {
	return v, v.Encode("data", data)
}

// stage is one session, and what was acknowledged of it.
type stage struct {
	*schedule
	stores  []*cachedStore // of several processes
	db      sessions.Store // without the schedule
	items   map[string]string
	run     int
	made    int // versions that were tried to write
	acked   int // the latest version that was acknowledged
	ended   bool
	stale   string // what went wrong
	actors  int
	expires time.Time
}

const stageKey = "abcdefghijklmnopqrstuvwxyz012345"

func newStage(seed uint64, strict bool) *stage {
	g := &stage{schedule: &schedule{rand: rand.New(rand.NewPCG(seed, 7))}, items: map[string]string{}}
	var mu sync.Mutex
	g.expires = time.Now().Add(time.Hour)
	g.db = newMemoryStore(time.Now)
	for range 2 {
		e := CachedDBEngine{Cache: scheduledCache{g.schedule, &mu, &g.items, &g.run}, Strict: strict}
		e.complete()
		pickle, err := codec.NewPickle(codec.PickleOptions{})
		if err != nil {
			panic(err)
		}
		st := sessions.Settings{Logger: secrettest.Logger()}
		store := newCachedStore(e, sessions.Backend{Store: scheduledStore{g.db, g.schedule}, Codec: plainCodec{}}, pickle, st)
		store.tries = 1 + 2*g.rand.IntN(2)
		g.stores = append(g.stores, store)
	}
	if _, err := g.db.Create(context.Background(), stageKey, g.record(0)); err != nil {
		panic(err)
	}
	return g
}

func (g *stage) record(version int) sessions.Record {
	return sessions.Record{Data: "v" + strconv.Itoa(version), Expires: g.expires}
}

func versionOf(rec sessions.Record) int {
	n, err := strconv.Atoi(strings.TrimPrefix(rec.Data, "v"))
	if err != nil {
		panic("read " + rec.Data)
	}
	return n
}

// act starts an actor in one of the processes.
func (g *stage) act(all *sync.WaitGroup, kind string, do func(ctx context.Context, name string, st *cachedStore)) {
	g.actors++
	name := fmt.Sprintf("%s%d", kind, g.actors)
	st := g.stores[g.rand.IntN(len(g.stores))]
	all.Go(func() { do(context.WithValue(context.Background(), actorKey{}, name), name, st) })
}

// read loads the session and compares with what was acknowledged before. Actors
// take their turns, so the fields need no lock but say's.
func (g *stage) read(ctx context.Context, name string, st *cachedStore) (sessions.Record, bool) {
	acked, ended := g.acked, g.ended
	rec, err := st.Load(ctx, stageKey)
	switch {
	case err == nil && (versionOf(rec) < acked || ended):
		g.stale = fmt.Sprintf("%s read %s after v%d was acknowledged (ended: %v)", name, rec.Data, acked, ended)
	case err == nil:
		return rec, true
	case errors.Is(err, sessions.ErrNotFound) && !g.sawEnd():
		g.stale = name + " found no session, and nobody has ended it"
	}
	return rec, false
}

// sawEnd reports whether the database has no session any more.
func (g *stage) sawEnd() bool {
	_, err := g.db.Load(context.Background(), stageKey)
	return err != nil
}

func (g *stage) writer(ctx context.Context, name string, st *cachedStore) {
	rec, ok := g.read(ctx, name, st)
	for range 3 {
		if !ok {
			return
		}
		g.made++
		version, ended := g.made, g.ended
		got, err := st.Replace(ctx, stageKey, rec, g.record(version))
		if err == nil {
			if ended {
				g.stale = name + " wrote a session that had ended"
			}
			// What is stored goes by the order of commits, not of versions.
			g.acked = max(g.acked, version)
			return
		}
		rec, ok = got, errors.Is(err, sessions.ErrConflict)
	}
}

func (g *stage) ender(ctx context.Context, _ string, st *cachedStore) {
	if st.Delete(ctx, stageKey) == nil {
		g.ended = true
	}
}

// mover rotates the session away, as a login does.
func (g *stage) mover(ctx context.Context, name string, st *cachedStore) {
	rec, ok := g.read(ctx, name, st)
	for range 3 {
		if !ok {
			return
		}
		got, err := st.Rotate(ctx, stageKey, "zyxwvutsrqponmlkjihgfedcba543210", rec, rec)
		if err == nil {
			g.ended = true
			return
		}
		rec, ok = got, errors.Is(err, sessions.ErrConflict)
	}
}

func (g *stage) reader(ctx context.Context, name string, st *cachedStore) {
	for range 3 {
		g.read(ctx, name, st)
	}
}

// chances are what a schedule may do beside letting steps happen, each at most so
// many times.
type chances struct {
	flush, restore, crash int
	readFails             int // steps of readers in the cache
	writeFails            int // steps of writers in the cache
	commitLost            int // answers of the database
	django                int // blind sets of a stock Django
	stalls                int // all steps take longer than the cache has time
}

// play runs one schedule and returns what went wrong.
func play(t *testing.T, seed uint64, strict bool, c chances) (wrong string) {
	synctest.Test(t, func(t *testing.T) {
		g := newStage(seed, strict)
		var all sync.WaitGroup
		for range 1 + g.rand.IntN(2) {
			g.act(&all, "writer", g.writer)
		}
		for range 1 + g.rand.IntN(2) {
			g.act(&all, "reader", g.reader)
		}
		switch g.rand.IntN(6) {
		case 0, 1:
			g.act(&all, "ender", g.ender)
		case 2:
			g.act(&all, "mover", g.mover)
		}
		var old map[string]string
		take := func(n *int, one int) bool {
			if *n == 0 || g.rand.IntN(one) > 0 {
				return false
			}
			*n--
			return true
		}
		choose := func(st *step) fate {
			writes := !strings.HasPrefix(st.actor, "reader")
			switch {
			case writes && take(&c.crash, 30):
				return crashes
			case st.db && st.what != "db load" && take(&c.commitLost, 4):
				return lost + fate(g.rand.IntN(2))
			case !st.db && !writes && take(&c.readFails, 6), !st.db && writes && take(&c.writeFails, 6):
				return fails + fate(g.rand.IntN(3))
			}
			return happens
		}
		for i := 0; g.next(choose) && g.stale == ""; i++ {
			synctest.Wait()
			switch {
			case take(&c.flush, 10):
				g.say("FLUSH")
				clear(g.items)
			case old == nil && c.restore > 0 && g.rand.IntN(10) == 0:
				g.say("(a dump is taken)")
				old = map[string]string{}
				for k, v := range g.items {
					old[k] = v
				}
			case old != nil && take(&c.restore, 6):
				g.say("RESTART with the old dump")
				g.run++
				clear(g.items)
				for k, v := range old {
					g.items[k] = v
				}
			case take(&c.django, 8):
				// A stock Django that has read the row now, or long ago.
				g.say("a stock Django sets the cache")
				g.items[g.stores[0].key(stageKey)] = "\x80\x05}\x94."
			case len(g.later) > 0 && g.rand.IntN(4) == 0:
				g.say("what was late is done")
				do := g.later[0]
				g.later = g.later[1:]
				do()
			case take(&c.stalls, 8):
				g.say("STALL")
				time.Sleep([]time.Duration{time.Second, 5 * time.Second}[g.rand.IntN(2)])
			}
		}
		if g.stale != "" {
			wrong = fmt.Sprintf("seed %d, strict %v: %s\n\t%s", seed, strict, g.stale, strings.Join(g.log, "\n\t"))
		}
		for g.next(func(*step) fate { return crashes }) { // whoever is left
		}
		all.Wait()
	})
	return wrong
}

// TestCoherence: a read that starts after an acknowledged write returns that
// write or a later one, and an ended session is never read again.
func TestCoherence(t *testing.T) {
	for _, c := range []struct {
		name      string
		schedules uint64 // what needs more things to coincide gets more
		strict    bool
		chances   chances
	}{
		{"flushes and crashes", 2500, false, chances{flush: 2, crash: 1}},
		{"a restart with an old dump", 15000, false, chances{restore: 1}},
		{"restarts with an old dump", 2500, false, chances{flush: 1, restore: 2, crash: 1}},
		{"a stock Django beside it", 2500, false, chances{flush: 1, restore: 1, django: 3}},
		{"failing readers, lost answers of the database", 2500, false, chances{flush: 1, restore: 1, readFails: 3, commitLost: 2, crash: 1}},
		{"strict, one failure", 15000, true, chances{flush: 1, writeFails: 1}},
		{"strict, whatever fails", 5000, true, chances{flush: 2, restore: 2, readFails: 2, writeFails: 3, commitLost: 1, crash: 1, django: 1, stalls: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if raceDetector { // twenty times slower
				c.schedules /= 10
			}
			for seed := range c.schedules {
				if wrong := play(t, seed, c.strict, c.chances); wrong != "" {
					t.Fatal(wrong)
				}
			}
		})
	}
}
