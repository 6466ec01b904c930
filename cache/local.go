package cache

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"time"
)

// LocalOptions are the choices of NewLocal. The zero value keeps everything
// until it ends.
type LocalOptions struct {
	// MaxEntries is how many values are kept (0: no limit). When there are more,
	// those that were unused the longest make room: Django's MAX_ENTRIES.
	MaxEntries int

	// CullFrequency is which part makes room: one in so many (0: 3, Django's
	// default; negative: all of them, Django's 0). Django's CULL_FREQUENCY.
	CullFrequency int

	// OnCull, unless nil, is called when values that had not ended were dropped
	// for room, with how many they were. It must not use the cache.
	OnCull func(live int)

	Clock func() time.Time // nil: time.Now
}

// Local keeps values in the memory of this process: Django's LocMemCache. They
// end with the process, and no other process sees them. Make it with NewLocal;
// it is safe for concurrent use.
type Local struct {
	room    *room
	now     func() time.Time
	mu      sync.Mutex
	byKey   map[string]*list.Element
	recent  list.List // of *localEntry, most recently used first
	version uint64
	sweep   int // from this many values on, those that have ended are looked for
}

type localEntry struct {
	key   string
	value string
	token uint64
	ends  time.Time // zero: never
}

// NewLocal makes an empty cache.
func NewLocal(o LocalOptions) *Local {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Local{
		room: newRoom(o.MaxEntries, o.CullFrequency, o.OnCull), now: o.Clock,
		byKey: map[string]*list.Element{},
	}
}

// find returns the live entry under key. The caller holds c.mu.
func (c *Local) find(key string) *localEntry {
	e, found := c.byKey[key]
	if !found {
		return nil
	}
	entry := e.Value.(*localEntry)
	if !entry.ends.IsZero() && !entry.ends.After(c.now()) {
		c.drop(e)
		return nil
	}
	c.recent.MoveToFront(e)
	return entry
}

func (c *Local) drop(e *list.Element) {
	c.recent.Remove(e)
	delete(c.byKey, e.Value.(*localEntry).key)
}

// put stores a value. The caller holds c.mu.
func (c *Local) put(key, value string, ttl time.Duration) (_ Item, culled int) {
	if e, found := c.byKey[key]; found {
		c.drop(e)
	}
	c.version++
	entry := &localEntry{key: key, value: value, token: c.version}
	switch {
	case ttl <= 0:
		return entry.item(), 0
	case ttl != NoEnd:
		entry.ends = c.now().Add(ttl)
	}
	if len(c.byKey) >= c.sweep { // what nobody asks for any more has to go, too
		c.dropEnded()
		c.sweep = 2*len(c.byKey) + 64
	}
	if c.room.most > 0 && len(c.byKey) >= c.room.most {
		culled = c.cull(c.room.part(len(c.byKey)) + 1)
	}
	c.byKey[key] = c.recent.PushFront(entry)
	return entry.item(), culled
}

// cull drops n values, ended ones first, and says how many were live.
func (c *Local) cull(n int) (live int) {
	n -= c.dropEnded()
	for ; n > 0 && c.recent.Len() > 0; n-- {
		c.drop(c.recent.Back())
		live++
	}
	return live
}

// dropEnded drops what has ended, and says how much. The caller holds c.mu.
func (c *Local) dropEnded() (dropped int) {
	now := c.now()
	for e := c.recent.Back(); e != nil; {
		before := e.Prev()
		if ends := e.Value.(*localEntry).ends; !ends.IsZero() && !ends.After(now) {
			c.drop(e)
			dropped++
		}
		e = before
	}
	return dropped
}

func (e *localEntry) item() Item { return Item{Value: e.value, Ends: e.ends, Token: e.token} }

// NotifyCull implements Culler.
func (c *Local) NotifyCull(f func(live int)) { c.room.notify(f) }

// Caution implements Cautioner.
func (c *Local) Caution() string {
	return "what is stored ends with this process, and other processes don't see it"
}

// Get implements Cache.
func (c *Local) Get(ctx context.Context, key string) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := c.find(key)
	if entry == nil {
		return Item{}, ErrMiss
	}
	return entry.item(), nil
}

// Add implements Cache.
func (c *Local) Add(ctx context.Context, key, value string, ttl time.Duration) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	c.mu.Lock()
	if c.find(key) != nil {
		c.mu.Unlock()
		return Item{}, ErrExists
	}
	item, culled := c.put(key, value, ttl)
	c.mu.Unlock()
	c.room.report(culled)
	return item, nil
}

// Swap implements Cache. A value that was replaced by an equal one has changed.
func (c *Local) Swap(ctx context.Context, key string, old Item, value string, ttl time.Duration) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry := c.find(key)
	switch {
	case entry == nil:
		return Item{}, ErrMiss
	case entry.value != old.Value || old.Token != nil && old.Token != entry.token:
		return entry.item(), ErrConflict
	}
	item, _ := c.put(key, value, ttl) // in another's place: nobody has to make room
	return item, nil
}

// Set implements Cache.
func (c *Local) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	_, culled := c.put(key, value, ttl)
	c.mu.Unlock()
	c.room.report(culled)
	return nil
}

// List implements Lister, in one page.
func (c *Local) List(ctx context.Context, prefix, _ string, _ int) (page []KeyedItem, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for key, e := range c.byKey {
		entry := e.Value.(*localEntry)
		if strings.HasPrefix(key, prefix) && (entry.ends.IsZero() || entry.ends.After(now)) {
			page = append(page, KeyedItem{key, entry.item()})
		}
	}
	return page, "", nil
}

// Delete implements Cache.
func (c *Local) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, found := c.byKey[key]; found {
		c.drop(e)
	}
	return nil
}
