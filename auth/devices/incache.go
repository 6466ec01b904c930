package devices

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/keepsake-go/sessions/cache"
)

// cacheIndex is an Index in a cache: all that it has of a user is one value, which
// is replaced while it is what was read. So any cache will do, a Redis Cluster
// too, and a list is one round trip.
type cacheIndex struct {
	cache cache.Cache
	keys  cache.Keys
}

// MaxInCache is how many sessions of one user InCache keeps at most: when there
// are more, Put fails until some have ended. Set Options.Limit below it.
const MaxInCache = 1000

// errFull stops one user's entries only.
var errFull = errors.New("the user has too many sessions")

// InCache keeps the index in a cache, the one of the cache engine for instance.
// keys says how its keys are written, as for the engine. What the cache drops comes
// back as its users are seen, or with Devices.Rebuild.
func InCache(c cache.Cache, keys cache.Keys) Index { return &cacheIndex{c, keys} }

// key names a user's value. IDs may be of any length and hold anything; keys of
// caches may not.
func (x *cacheIndex) key(userID string) string {
	sum := sha256.Sum256([]byte(userID))
	return x.keys.Make("keepsake.devices" + hex.EncodeToString(sum[:]))
}

// cached is an Entry in a user's value: times are microseconds since 1970.
type cached struct {
	Session   string `json:"s"`
	Handle    string `json:"h"`
	Created   int64  `json:"c"`
	LastSeen  int64  `json:"l"`
	Expires   int64  `json:"e"`
	Address   string `json:"a,omitempty"`
	UserAgent string `json:"u,omitempty"`
	Backend   string `json:"b,omitempty"`
}

// value is what is in the cache. The user's ID is in it as well: nothing is taken
// for another user's.
type value struct {
	UserID  string   `json:"user"`
	Entries []cached `json:"devices"` // sorted as List wants them
}

func (x *cacheIndex) read(userID, text string) ([]Entry, error) {
	var v value
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.UserID != userID {
		return nil, errors.New("the cache has something else under the user's key")
	}
	at := func(micro int64) time.Time { return time.UnixMicro(micro).UTC() }
	var entries []Entry
	for _, c := range v.Entries {
		entries = append(entries, Entry{
			c.Session, userID, c.Handle, at(c.Created), at(c.LastSeen), at(c.Expires), c.Address, c.UserAgent, c.Backend,
		})
	}
	return entries, nil
}

func (x *cacheIndex) write(userID string, entries []Entry) (text string, ttl time.Duration, err error) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.before(&b) })
	v := value{UserID: userID, Entries: []cached{}}
	// The last of them that was seen was so at the latest now: so long at least may
	// one be of use, by whichever clock.
	var end, seen int64
	for _, e := range entries {
		v.Entries = append(v.Entries, cached{
			e.Session, e.Handle, e.Created.UnixMicro(), e.LastSeen.UnixMicro(), e.Expires.UnixMicro(), e.Address, e.UserAgent, e.Backend,
		})
		end, seen = max(end, e.Expires.UnixMicro()), max(seen, e.LastSeen.UnixMicro())
	}
	b, err := json.Marshal(v)
	return string(b), time.Duration(end-seen) * time.Microsecond, err
}

func (x *cacheIndex) get(ctx context.Context, userID string) ([]Entry, error) {
	item, err := x.cache.Get(ctx, x.key(userID))
	if errors.Is(err, cache.ErrMiss) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return x.read(userID, item.Value)
}

// change replaces the user's entries by what f makes of them, which may be called
// again on what others have made of them. f returns false when nothing is to be
// written.
func (x *cacheIndex) change(ctx context.Context, userID string, f func([]Entry) ([]Entry, bool)) error {
	key := x.key(userID)
	item, err := x.cache.Get(ctx, key)
	for attempt := 0; ; attempt++ {
		var entries []Entry
		missing := errors.Is(err, cache.ErrMiss)
		if err != nil && !missing {
			return err
		}
		if !missing {
			entries, _ = x.read(userID, item.Value) // what is damaged is begun anew
		}
		entries, write := f(entries)
		if !write {
			return nil
		}
		if len(entries) > MaxInCache {
			return errFull
		}
		text, ttl, err2 := x.write(userID, entries)
		if err2 != nil {
			return err2
		}
		if missing {
			if _, err = x.cache.Add(ctx, key, text, ttl); errors.Is(err, cache.ErrExists) {
				item, err = x.cache.Get(ctx, key)
				continue
			}
			return err
		}
		item, err = x.cache.Swap(ctx, key, item, text, ttl)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, cache.ErrConflict):
			err = nil
		case !errors.Is(err, cache.ErrMiss):
			return err
		}
		select {
		case <-time.After(rand.N(time.Millisecond << min(attempt, 6))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Put implements Index.
func (x *cacheIndex) Put(ctx context.Context, e Entry, former ...string) (entered bool, err error) {
	err = x.change(ctx, e.UserID, func(entries []Entry) ([]Entry, bool) {
		at := -1
		for _, name := range append([]string{e.Session}, former...) {
			if at < 0 {
				at = slices.IndexFunc(entries, func(old Entry) bool { return old.Session == name })
			}
		}
		fresh := e
		if entered = at < 0; !entered {
			old := entries[at]
			fresh.Handle, fresh.Created = old.Handle, old.Created
			fresh.Address, fresh.UserAgent = cmp.Or(e.Address, old.Address), cmp.Or(e.UserAgent, old.UserAgent)
		}
		entries = slices.DeleteFunc(entries, func(old Entry) bool {
			return old.Session == e.Session || slices.Contains(former, old.Session) || old.Expires.Before(e.LastSeen)
		})
		return append(entries, fresh), true
	})
	return entered, failed("put", err)
}

// Add implements Index. The clients of most caches send together what several
// goroutines ask for.
func (x *cacheIndex) Add(ctx context.Context, entries []Entry) (int, error) {
	byUser := map[string][]Entry{}
	for _, e := range entries {
		byUser[e.UserID] = append(byUser[e.UserID], e)
	}
	var all sync.WaitGroup
	var mu sync.Mutex // guards what follows
	var errs []error
	var full error
	added := 0
	atOnce := make(chan struct{}, 32)
	for userID, fresh := range byUser {
		atOnce <- struct{}{}
		all.Go(func() {
			defer func() { <-atOnce }()
			n, err := x.addTo(ctx, userID, fresh)
			mu.Lock()
			defer mu.Unlock()
			added += n
			switch {
			case errors.Is(err, errFull):
				full = err
			case err != nil:
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return added, failed("add", cmp.Or(errors.Join(errs...), full))
}

func (x *cacheIndex) addTo(ctx context.Context, userID string, fresh []Entry) (added int, err error) {
	err = x.change(ctx, userID, func(old []Entry) ([]Entry, bool) {
		added = 0
		for _, e := range fresh {
			if !slices.ContainsFunc(old, func(o Entry) bool { return o.Session == e.Session }) {
				old = append(old, e)
				added++
			}
		}
		return old, added > 0
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// Find implements Index.
func (x *cacheIndex) Find(ctx context.Context, userID, handle string) (Entry, error) {
	entries, err := x.get(ctx, userID)
	if err != nil {
		return Entry{}, failed("find", err)
	}
	if i := slices.IndexFunc(entries, func(e Entry) bool { return e.Handle == handle }); i >= 0 {
		return entries[i], nil
	}
	return Entry{}, ErrNoDevice
}

// List implements Index.
func (x *cacheIndex) List(ctx context.Context, userID string, after Position, limit int) ([]Entry, error) {
	entries, err := x.get(ctx, userID)
	if err != nil {
		return nil, failed("list", err)
	}
	if after.Handle != "" {
		last := Entry{LastSeen: after.LastSeen, Handle: after.Handle}
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.before(&last) <= 0 })
	}
	return entries[:min(limit, len(entries))], nil
}

// Remove implements Index.
func (x *cacheIndex) Remove(ctx context.Context, userID string, names ...string) error {
	return failed("remove", x.change(ctx, userID, func(entries []Entry) ([]Entry, bool) {
		left := slices.DeleteFunc(entries, func(e Entry) bool { return slices.Contains(names, e.Session) })
		return left, len(left) < len(entries)
	}))
}
