package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
)

// traceValue is what a rotated session leaves under its key: a pickled None,
// which Django reads as no session, and our word after it.
const traceValue = pickledNone + "keepsake:rotated"

// jsonTrace is the same beside a Django that keeps JSON, which would stumble over
// a pickle: null, with white space that nobody else writes.
const jsonTrace = "null \t\n\t "

// pickledNone is Python's None in the pickle format's first protocol. Python's
// unpickler stops at its dot; what follows is ours.
const pickledNone = "N."

// cacheStore is a sessions.Store in a cache: Django's cache engine. A cache knows
// when a value ends but does not say so, so records are recognised by their
// bytes and by the cache's own token.
type cacheStore struct {
	cache  cache.Cache
	load   func(ctx context.Context, key string) (cache.Item, error) // Get, or GetCopy
	copies time.Duration                                             // how long some process may use a copy; 0: none does
	keys   cache.Keys
	prefix string // before the session key: Django's cache_key_prefix
	trace  string // traceValue, or jsonTrace
	now    func() time.Time
}

func (s *cacheStore) key(key string) string { return s.keys.Make(s.prefix + key) }

// ttl is how long a record has left.
func (s *cacheStore) ttl(rec sessions.Record) time.Duration { return rec.Expires.Sub(s.now()) }

// record is what an item is to a session.
func (s *cacheStore) record(item cache.Item) (sessions.Record, error) {
	switch {
	case item.Value == s.trace:
		return sessions.Record{}, sessions.ErrRotated
	case strings.HasPrefix(item.Value, pickledNone):
		return sessions.Record{}, sessions.ErrNotFound
	}
	return sessions.Record{Data: item.Value, Expires: item.Ends, Token: item}, nil
}

// item is what the cache knows a record by.
func (s *cacheStore) item(rec sessions.Record) cache.Item {
	if item, ok := rec.Token.(cache.Item); ok {
		return item
	}
	return cache.Item{Value: rec.Data}
}

// Load implements sessions.Store.
func (s *cacheStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	item, err := s.load(ctx, s.key(key))
	if err != nil {
		return sessions.Record{}, failedCache("load", err)
	}
	return s.record(item)
}

// Create implements sessions.Store.
func (s *cacheStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	item, err := s.cache.Add(ctx, s.key(key), rec.Data, s.ttl(rec))
	if err != nil {
		return sessions.Record{}, failedCache("create", err)
	}
	rec.Token = item
	return rec, nil
}

// Replace implements sessions.Store.
func (s *cacheStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	item, err := s.cache.Swap(ctx, s.key(key), s.item(old), new.Data, s.ttl(new))
	if err == nil && s.copies > 0 && s.ttl(new) < s.copies { // else it could be read after its end
		err = s.settle(ctx)
	}
	return s.swapped(item, err, new)
}

// swapped is the outcome of a Swap to rec.
func (s *cacheStore) swapped(item cache.Item, err error, rec sessions.Record) (sessions.Record, error) {
	if errors.Is(err, cache.ErrConflict) {
		current, err := s.record(item)
		if err != nil {
			return sessions.Record{}, err
		}
		return current, sessions.ErrConflict
	}
	if err != nil {
		return sessions.Record{}, failedCache("replace", err)
	}
	rec.Token = item
	return rec, nil
}

// Rotate implements sessions.Store: the new record first, under a key that
// nobody knows yet, then the trace in the old one's place.
func (s *cacheStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	created, err := s.Create(ctx, newKey, new)
	if err != nil {
		return sessions.Record{}, err
	}
	item, err := s.cache.Swap(ctx, s.key(key), s.item(old), s.trace, sessions.RotationTrace)
	if err == nil {
		err = s.settle(ctx)
	}
	current, err := s.swapped(item, err, created)
	if err == nil {
		return created, nil
	}
	if !errors.Is(err, sessions.ErrUnknownOutcome) {
		if deleteErr := s.delete(ctx, newKey); deleteErr != nil {
			return sessions.Record{}, deleteErr
		}
	}
	return current, err
}

// Delete implements sessions.Store.
func (s *cacheStore) Delete(ctx context.Context, key string) error {
	err := s.delete(ctx, key)
	if err == nil {
		if err = s.settle(ctx); err != nil {
			err = failedCache("delete", err)
		}
	}
	return err
}

// settle waits, after a session was ended, until no process uses a copy of it.
func (s *cacheStore) settle(ctx context.Context) error {
	if s.copies == 0 {
		return nil
	}
	wait := time.NewTimer(s.copies + s.copies/100) // no clock of theirs is that slow
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: it was done, but copies of before may still be read: %w", cache.ErrUnknownOutcome, ctx.Err())
	}
}

func (s *cacheStore) delete(ctx context.Context, key string) error {
	// Not cache.Delete: that would take away the trace of a rotation.
	item, err := s.cache.Get(ctx, s.key(key))
	for err == nil && item.Value != s.trace {
		item, err = s.cache.Swap(ctx, s.key(key), item, pickledNone, 0)
		if err == nil {
			return nil
		}
		if errors.Is(err, cache.ErrConflict) {
			err = nil // and item is what is there now
		}
	}
	switch {
	case err == nil:
		return sessions.ErrRotated
	case errors.Is(err, cache.ErrCorrupt):
		err = s.cache.Delete(ctx, s.key(key)) // no trace: that could be read
	}
	if err != nil && !errors.Is(err, cache.ErrMiss) {
		return failedCache("delete", err)
	}
	return nil
}

// Notifier implements sessions.Notifying: the cache's, if its server carries
// messages.
func (s *cacheStore) Notifier() sessions.Notifier {
	n, _ := s.cache.(sessions.Notifier)
	return n
}

// ClearExpired implements sessions.Clearer. Most caches drop what has ended by
// themselves; in the others everything that has ended goes, session or not.
// (Django's clearsessions does nothing here.)
func (s *cacheStore) ClearExpired(ctx context.Context, limit int) (int, error) {
	return clearCache(ctx, s.cache, limit)
}

func clearCache(ctx context.Context, c cache.Cache, limit int) (int, error) {
	clearer, ok := c.(cache.Clearer)
	if !ok {
		return 0, ctx.Err()
	}
	n, err := clearer.ClearExpired(ctx, limit)
	if err != nil {
		return n, failedCache("clear expired", err)
	}
	return n, nil
}

// List implements sessions.Lister, for a cache that can. With a KEY_FUNCTION
// nobody knows which of its keys are ours.
func (s *cacheStore) List(ctx context.Context, cursor string, limit int) (page []sessions.KeyedRecord, next string, err error) {
	lister, ok := s.cache.(cache.Lister)
	if !ok || s.keys.Function != nil {
		return nil, "", sessions.ErrUnsupported
	}
	prefix := s.key("")
	items, next, err := lister.List(ctx, prefix, cursor, limit)
	if err != nil {
		return nil, "", failedCache("list", err)
	}
	for _, item := range items {
		if rec, err := s.record(item.Item); err == nil {
			page = append(page, sessions.KeyedRecord{Key: strings.TrimPrefix(item.Key, prefix), Record: rec})
		}
	}
	return page, next, nil
}

// Migrate implements sessions.Migrator, for a cache that needs a table.
func (s *cacheStore) Migrate(ctx context.Context) (bool, error) { return migrateCache(ctx, s.cache) }

func migrateCache(ctx context.Context, c cache.Cache) (bool, error) {
	migrator, ok := c.(cache.Migrator)
	if !ok {
		return false, nil
	}
	made, err := migrator.Migrate(ctx)
	if err != nil {
		return made, failedCache("migrate", err)
	}
	return made, nil
}

// failedCache says a cache's errors in a store's words.
func failedCache(what string, err error) error {
	switch {
	case errors.Is(err, cache.ErrMiss):
		return sessions.ErrNotFound
	case errors.Is(err, cache.ErrExists):
		return sessions.ErrExists
	case errors.Is(err, cache.ErrCorrupt):
		return fmt.Errorf("engine: cache: %s: %w: %w", what, sessions.ErrCorrupt, err)
	case errors.Is(err, cache.ErrUnknownOutcome):
		return fmt.Errorf("engine: cache: %s: %w: %w", what, sessions.ErrUnknownOutcome, err)
	}
	return fmt.Errorf("engine: cache: %s: %w", what, err)
}
