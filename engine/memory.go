package engine

import (
	"context"
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/codec"
)

// Memory keeps sessions in the memory of this process: they end with it, and no
// other process sees them. For tests, and for single processes that may forget.
// Expired sessions stay until Manager.ClearExpired is called. The values are kept as
// JSON, unsigned: nobody else can write them.
//
// Each sessions.New with it begins with an empty store.
func Memory() sessions.Engine { return memoryEngine{} }

type memoryEngine struct{}

func (memoryEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	c, err := codec.NewJSON(codec.JSONOptions{})
	if err != nil {
		return sessions.Backend{}, err
	}
	return sessions.Backend{Name: "memory", Store: newMemoryStore(st.Clock), Codec: c}, nil
}

// memoryStore is a map in shards, so that requests of different visitors hardly
// ever wait for each other.
type memoryStore struct {
	now    func() time.Time
	seed   maphash.Seed
	shards [64]memoryShard
}

type memoryShard struct {
	mu      sync.RWMutex
	records map[string]memoryRecord
}

type memoryRecord struct {
	data    string
	expires time.Time
	rotated bool // the trace of a session that has moved
}

func newMemoryStore(clock func() time.Time) *memoryStore {
	if clock == nil {
		clock = time.Now
	}
	s := &memoryStore{now: clock, seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].records = map[string]memoryRecord{}
	}
	return s
}

func (s *memoryStore) shard(key string) *memoryShard {
	return &s.shards[s.index(key)]
}

// load is Load for who holds the shard's lock.
func (sh *memoryShard) load(key string, now time.Time) (sessions.Record, error) {
	r, found := sh.records[key]
	switch {
	case !found || !r.expires.After(now):
		return sessions.Record{}, sessions.ErrNotFound
	case r.rotated:
		return sessions.Record{}, sessions.ErrRotated
	}
	return sessions.Record{Data: r.data, Expires: r.expires}, nil
}

// match is load when what is stored is still old, else ErrConflict.
func (sh *memoryShard) match(key string, old sessions.Record, now time.Time) (sessions.Record, error) {
	current, err := sh.load(key, now)
	if err == nil && (current.Data != old.Data || !current.Expires.Equal(old.Expires)) {
		err = sessions.ErrConflict
	}
	return current, err
}

func (s *memoryStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	sh := s.shard(key)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.load(key, s.now())
}

func (s *memoryStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if r, found := sh.records[key]; found && r.expires.After(s.now()) {
		return sessions.Record{}, sessions.ErrExists
	}
	sh.records[key] = memoryRecord{data: rec.Data, expires: rec.Expires}
	return rec, nil
}

func (s *memoryStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if current, err := sh.match(key, old, s.now()); err != nil {
		return current, err
	}
	sh.records[key] = memoryRecord{data: new.Data, expires: new.Expires}
	return new, nil
}

func (s *memoryStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	if err := ctx.Err(); err != nil {
		return sessions.Record{}, err
	}
	from, to := s.shard(key), s.shard(newKey)
	unlock := lockBoth(from, to, s.index(key) < s.index(newKey))
	defer unlock()
	now := s.now()
	current, err := from.match(key, old, now)
	if err != nil {
		return current, err
	}
	if r, found := to.records[newKey]; found && r.expires.After(now) {
		return sessions.Record{}, sessions.ErrExists
	}
	to.records[newKey] = memoryRecord{data: new.Data, expires: new.Expires}
	from.records[key] = memoryRecord{expires: now.Add(sessions.RotationTrace), rotated: true}
	return new, nil
}

func (s *memoryStore) index(key string) uint64 {
	return maphash.String(s.seed, key) % uint64(len(s.shards))
}

// lockBoth locks two shards in the order of their indexes: rotations that meet
// can't wait for each other.
func lockBoth(a, b *memoryShard, aFirst bool) (unlock func()) {
	if a == b {
		a.mu.Lock()
		return a.mu.Unlock
	}
	if !aFirst {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() { b.mu.Unlock(); a.mu.Unlock() }
}

func (s *memoryStore) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if r := sh.records[key]; r.rotated && r.expires.After(s.now()) {
		return sessions.ErrRotated
	}
	delete(sh.records, key)
	return nil
}

// List implements sessions.Lister, by whole shards: the cursor is the number of
// the next one.
func (s *memoryStore) List(ctx context.Context, cursor string, limit int) (page []sessions.KeyedRecord, next string, err error) {
	n, _ := strconv.Atoi(cursor)
	i := max(n, 0)
	for ; i < len(s.shards) && len(page) < limit; i++ {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		page = append(page, s.shards[i].list(s.now())...)
	}
	if i < len(s.shards) {
		next = strconv.Itoa(i)
	}
	return page, next, nil
}

func (sh *memoryShard) list(now time.Time) (all []sessions.KeyedRecord) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for key := range sh.records {
		if rec, err := sh.load(key, now); err == nil {
			all = append(all, sessions.KeyedRecord{Key: key, Record: rec})
		}
	}
	return all
}

func (s *memoryStore) ClearExpired(ctx context.Context, limit int) (int, error) {
	cleared := 0
	for i := range s.shards {
		if err := ctx.Err(); err != nil {
			return cleared, err
		}
		sh := &s.shards[i]
		sh.mu.Lock()
		now := s.now()
		for key, r := range sh.records {
			if cleared == limit {
				break
			}
			if r.expires.Before(now) {
				delete(sh.records, key)
				if !r.rotated {
					cleared++
				}
			}
		}
		sh.mu.Unlock()
	}
	return cleared, nil
}
