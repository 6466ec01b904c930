package cache

import (
	"context"
	"sync"
)

// Django's defaults for the caches that bound themselves: the local-memory, the
// file-based and the database cache. With sessions in them the visitor after the
// three hundredth logs a third of the others out.
const (
	DefaultMaxEntries    = 300 // MAX_ENTRIES
	DefaultCullFrequency = 3   // CULL_FREQUENCY
)

// Culler is a Cache that drops values which have not ended when there are too
// many.
type Culler interface {
	// NotifyCull has f called whenever live values were dropped for room, with
	// how many they were. f must not use the cache.
	NotifyCull(f func(live int))
}

// Cautioner is a Cache that does not keep values as one expects of a place for
// sessions.
type Cautioner interface {
	// Caution says what a site must know that relies on the cache: a clause for
	// a log line, such as "the values end with the process". "" is nothing.
	Caution() string
}

// Clearer is a Cache that keeps what has ended until somebody asks for it, and
// can delete it earlier.
type Clearer interface {
	// ClearExpired deletes at most limit values that have ended and says how
	// many it deleted; fewer than limit means that none are left.
	ClearExpired(ctx context.Context, limit int) (int, error)
}

// Migrator is a Cache that needs something made before its first use: Django's
// createcachetable.
type Migrator interface {
	// Migrate makes what is missing, leaves alone what is there, and says
	// whether it made anything.
	Migrate(ctx context.Context) (bool, error)
}

// room is when a cache drops values and whom it tells.
type room struct {
	most      int // 0: no limit
	frequency int // one in so many; below 0: all

	mu   sync.Mutex
	told []func(live int)
}

func newRoom(most, frequency int, onCull func(live int)) *room {
	if frequency == 0 {
		frequency = DefaultCullFrequency
	}
	r := &room{most: most, frequency: frequency}
	if onCull != nil {
		r.notify(onCull)
	}
	return r
}

// part is how many of n values make room.
func (r *room) part(n int) int {
	if r.frequency < 0 {
		return n
	}
	return n / r.frequency
}

func (r *room) notify(f func(live int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, f)
}

// report tells of live values that were dropped.
func (r *room) report(live int) {
	if live == 0 {
		return
	}
	r.mu.Lock()
	told := r.told
	r.mu.Unlock()
	for _, f := range told {
		f(live)
	}
}
