package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/cache"
	"github.com/keepsake-go/sessions/codec"
)

// How long marks stay. A value that a writer did not get to publish is filled in
// by the first reader after that.
const (
	writerMark = time.Minute
	endMark    = 5 * time.Minute
	leaseMark  = 10 * time.Second
)

// cachedStore is a sessions.Store in a database, with a cache that is coherent
// with it. The rules, each of which docs/cached_db.md justifies:
//
//   - A writer puts a mark of its own before each attempt to commit. After the
//     commit it puts the value in its mark's place, if that is still there, and
//     else another mark.
//   - Who ends a session puts a mark before and another one after, which stays.
//   - A reader that finds nothing puts a mark, its lease, reads the database, and
//     puts the value in its lease's place, if that is still there.
//   - A reader that finds a mark reads the database and leaves the cache alone.
//   - A value of another run of the cache's server is nothing.
type cachedStore struct {
	db      sessions.Store // the truth
	cache   cache.Cache
	epoch   cache.Epocher // nil: the cache never comes back with old contents
	keys    cache.Keys
	prefix  string
	codec   sessions.Codec // of the rows
	pickle  *codec.Pickle  // nil: nothing for Django
	strict  bool
	life    time.Duration
	timeout time.Duration
	tries   int
	clock   func() time.Time // of the sessions
	log     *slog.Logger
	marks   *marks
	health  cacheHealth
}

func newCachedStore(e CachedDBEngine, b sessions.Backend, pickle *codec.Pickle, st sessions.Settings) *cachedStore {
	s := &cachedStore{
		db: b.Store, cache: e.Cache, keys: e.Keys, prefix: e.KeyPrefix,
		codec: b.Codec, pickle: pickle, strict: e.Strict, life: e.EntryLife, timeout: e.Timeout, tries: 3,
		clock: st.Clock, log: st.Logger, marks: newMarks(),
	}
	s.epoch, _ = e.Cache.(cache.Epocher)
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s
}

func (s *cachedStore) key(key string) string { return s.keys.Make(s.prefix + key) }

// use is what the cache is asked for.
type use bool

const (
	reading use = false
	writing use = true
)

// ask does something in the cache, within its time and half of the caller's. What
// fails is tried again at once, since a connection that broke is no outage;
// whatever is asked of the cache here may be done twice, or late, as long as no
// mark is put twice. An error means that the cache did not do it and counts as
// down, unless it was the caller who gave up, or had no time for it.
func (s *cachedStore) ask(ctx context.Context, u use, what func(context.Context) error) error {
	most := s.timeout
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, time.Until(deadline)/2) // the database wants some, too
	}
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := what(limited)
	for try := 1; err != nil && try < s.tries && limited.Err() == nil; try++ {
		err = what(limited)
	}
	hurried := limited.Err() != nil && most < s.timeout/10
	if err != nil && ctx.Err() == nil && !hurried && s.health.failed(time.Now(), bool(u), false) {
		s.log.Warn("engine: cached_db: the cache is down, the database goes on alone", "error", err)
	}
	return err
}

// answered keeps what a cache answers apart from its failures. What is damaged or
// too large concerns one session.
func answered(err error) bool {
	return err == nil || errors.Is(err, cache.ErrMiss) || errors.Is(err, cache.ErrConflict) || errors.Is(err, cache.ErrExists) ||
		errors.Is(err, cache.ErrCorrupt) || errors.Is(err, cache.ErrTooLarge)
}

// run is the present epoch, "" where caches have none.
func (s *cachedStore) run(ctx context.Context) (string, error) {
	if s.epoch == nil {
		return "", nil
	}
	epoch, err := s.epoch.Epoch(ctx)
	if err == nil && len(epoch) > 255 {
		return "", errors.New("engine: cached_db: an epoch of more than 255 bytes")
	}
	return epoch, err
}

// errEpoch: the cache's server was another one before and after a call.
var errEpoch = errors.New("engine: cached_db: the cache was restarted meanwhile")

// within calls what in one epoch and returns its name. errEpoch is no failure of
// the cache.
func (s *cachedStore) within(ctx context.Context, u use, what func(context.Context) error) (epoch string, err error) {
	var after string
	err = s.ask(ctx, u, func(ctx context.Context) (err error) {
		if epoch, err = s.run(ctx); err != nil {
			return err
		}
		if err = what(ctx); err != nil {
			return err
		}
		after, err = s.run(ctx)
		return err
	})
	if err == nil && after != epoch {
		err = errEpoch
	}
	return epoch, err
}

// ready says whether the cache may be written and read. Where it was down, one
// caller now and then looks whether it is back.
func (s *cachedStore) ready(ctx context.Context) (write, read bool) {
	write, read, try := s.health.usable(time.Now())
	if !try {
		return write, read
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()
	err := errors.New("engine: cached_db: a cache's client panicked")
	defer func() {
		if err != nil {
			s.health.failed(time.Now(), false, true)
		}
	}()
	if err = s.recover(ctx); err != nil {
		return false, false
	}
	if s.health.recovered(time.Now(), s.life, s.timeout) {
		s.log.Info("engine: cached_db: the cache is back")
		return true, false
	}
	return false, false
}

// recover marks what was written without the cache, as far as there is time.
func (s *cachedStore) recover(ctx context.Context) error {
	if _, err := s.cache.Get(ctx, s.key("")); !answered(err) {
		return err
	}
	if s.health.unwritable() { // a cache that is full, or a replica, can be read all the same
		if err := s.cache.Set(ctx, s.key(""), s.marks.next(), leaseMark); !answered(err) {
			return err
		}
	}
	for ctx.Err() == nil {
		keys := s.health.take(64)
		if len(keys) == 0 {
			return nil
		}
		errs := make([]error, len(keys))
		var all sync.WaitGroup
		for i, key := range keys { // the clients of most caches send them together
			all.Go(func() {
				if errs[i] = s.cache.Set(ctx, s.key(key), s.marks.next(), writerMark); errs[i] != nil {
					s.health.again(key)
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// Load implements sessions.Store.
func (s *cachedStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	if _, read := s.ready(ctx); !read {
		return s.db.Load(ctx, key)
	}
	var item cache.Item
	found := false
	epoch, err := s.within(ctx, reading, func(ctx context.Context) error {
		var err error
		item, err = s.cache.Get(ctx, s.key(key))
		found = err == nil
		if answered(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return s.db.Load(ctx, key)
	}
	if found {
		t, ok := cutTail(item.Value)
		if ok && t.epoch == epoch && t.expires.After(s.clock()) {
			return sessions.Record{Data: t.row, Expires: t.expires}, nil
		}
		if !ok && isMark(item.Value) {
			return s.db.Load(ctx, key)
		}
	}
	return s.fill(ctx, key, item, found)
}

// fill reads the database under a lease, which stands in the place of what was
// found in the cache.
func (s *cachedStore) fill(ctx context.Context, key string, item cache.Item, found bool) (sessions.Record, error) {
	var mark string
	leased, began := false, time.Now()
	epoch, err := s.within(ctx, reading, func(ctx context.Context) (err error) {
		mark = s.marks.next()
		if found {
			_, err = s.cache.Swap(ctx, s.key(key), item, mark, leaseMark)
		} else {
			_, err = s.cache.Add(ctx, s.key(key), mark, leaseMark)
		}
		leased = err == nil
		if answered(err) {
			return nil
		}
		return err
	})
	rec, loadErr := s.db.Load(ctx, key)
	if err != nil || !leased {
		return rec, loadErr
	}
	value, ttl := "", time.Duration(0) // takes the lease away
	if loadErr == nil {
		value, ttl = s.value(epoch, rec, began)
	}
	_ = s.ask(ctx, reading, func(ctx context.Context) error {
		_, err := s.cache.Swap(ctx, s.key(key), cache.Item{Value: mark}, value, ttl)
		if answered(err) {
			return nil // it is no longer ours to fill
		}
		return err
	})
	return rec, loadErr
}

// setCodec implements decodingStore: for rows that are encrypted, so that the
// cache must not show their values either. Django finds nothing in it.
func (s *cachedStore) setCodec(c sessions.Codec) {
	s.codec, s.pickle = c, nil
	if db, ok := sessions.Capability[decodingStore](s.db); ok {
		db.setCodec(c)
	}
}

// value is what the cache holds for a record, and how long: not at all, when it
// can't be read. Its life began when the record was asked for or written.
func (s *cachedStore) value(epoch string, rec sessions.Record, began time.Time) (string, time.Duration) {
	pickle := pickledNone
	if s.pickle != nil {
		values, err := s.codec.Decode(rec.Data)
		if err != nil {
			return "", 0
		}
		if pickle, err = s.pickle.Encode(values); err != nil {
			return "", 0
		}
	}
	value := tail{row: rec.Data, epoch: epoch, expires: rec.Expires}.append(pickle)
	return value, min(s.life-time.Since(began), rec.Expires.Sub(s.clock()))
}

// written is a write to the database, between its mark and what follows.
type written struct {
	mark  string // "": the cache does not know of it
	epoch string
	began time.Time
}

// mark tells the cache that a session is about to be written.
func (s *cachedStore) mark(ctx context.Context, key string) (written, error) {
	var err error
	if write, _ := s.ready(ctx); write {
		for range 3 { // restarts between two calls are rare
			w := written{began: time.Now()}
			w.epoch, err = s.within(ctx, writing, func(ctx context.Context) error {
				w.mark = s.marks.next()
				return s.cache.Set(ctx, s.key(key), w.mark, writerMark)
			})
			if err == nil {
				return w, nil
			}
			if !errors.Is(err, errEpoch) {
				break
			}
		}
	}
	switch {
	case ctx.Err() != nil:
		return written{}, fmt.Errorf("engine: cached_db: %w", ctx.Err())
	case s.strict && err != nil:
		return written{}, fmt.Errorf("engine: cached_db: %w: %w", errStrict, err)
	case s.strict:
		return written{}, errStrict
	}
	return written{}, nil
}

var errStrict = errors.New("engine: cached_db: the cache is down, and Strict refuses to write without it")

// publish tells the cache what was written, before the write is acknowledged.
func (s *cachedStore) publish(ctx context.Context, key string, w written, rec sessions.Record) error {
	if w.mark != "" {
		value, ttl := s.value(w.epoch, rec, w.began)
		if ttl <= 0 {
			return s.settle(ctx, key, writerMark) // only the mark tells of it
		}
		done := false
		err := s.ask(context.WithoutCancel(ctx), writing, func(ctx context.Context) error {
			_, err := s.cache.Swap(ctx, s.key(key), cache.Item{Value: w.mark}, value, ttl)
			done = err == nil
			if answered(err) {
				return nil
			}
			return err
		})
		if done {
			return nil
		}
		if err != nil {
			return s.unpublished(key, err)
		}
	}
	return s.settle(ctx, key, writerMark)
}

// settle puts a mark after a write that the cache has no value for.
func (s *cachedStore) settle(ctx context.Context, key string, life time.Duration) error {
	if s.health.missed(key) {
		if s.strict {
			return errUnpublished
		}
		return nil
	}
	err := s.ask(context.WithoutCancel(ctx), writing, func(ctx context.Context) error {
		return s.cache.Set(ctx, s.key(key), s.marks.next(), life)
	})
	if err != nil {
		return s.unpublished(key, err)
	}
	return nil
}

// unpublished is the outcome of a write that the database has and the cache could
// not be told of.
func (s *cachedStore) unpublished(key string, err error) error {
	s.health.again(key)
	if s.strict {
		return fmt.Errorf("%w: %w", errUnpublished, err)
	}
	return nil
}

var errUnpublished = fmt.Errorf("engine: cached_db: the cache could not be told of a write: %w", sessions.ErrUnknownOutcome)

// Create implements sessions.Store.
func (s *cachedStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	return s.write(ctx, key, func() (sessions.Record, error) { return s.db.Create(ctx, key, rec) })
}

// Replace implements sessions.Store.
func (s *cachedStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	return s.write(ctx, key, func() (sessions.Record, error) { return s.db.Replace(ctx, key, old, new) })
}

// write writes to the database between a mark and the value. A mark stays where
// the write did not succeed: it may still, if its outcome is unknown.
func (s *cachedStore) write(ctx context.Context, key string, commit func() (sessions.Record, error)) (sessions.Record, error) {
	w, err := s.mark(ctx, key)
	if err != nil {
		return sessions.Record{}, err
	}
	rec, err := commit()
	if err != nil {
		return rec, err
	}
	if err := s.publish(ctx, key, w, rec); err != nil {
		return sessions.Record{}, err
	}
	return rec, nil
}

// Rotate implements sessions.Store. The new key's first reader fills the cache.
func (s *cachedStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	if _, err := s.mark(ctx, key); err != nil {
		return sessions.Record{}, err
	}
	rec, err := s.db.Rotate(ctx, key, newKey, old, new)
	if err != nil {
		return rec, err
	}
	if err := s.settle(ctx, key, endMark); err != nil {
		return sessions.Record{}, err
	}
	return rec, nil
}

// Delete implements sessions.Store.
func (s *cachedStore) Delete(ctx context.Context, key string) error {
	if _, err := s.mark(ctx, key); err != nil {
		return err
	}
	if err := s.db.Delete(ctx, key); err != nil {
		return err
	}
	return s.settle(ctx, key, endMark)
}

// Notifier implements sessions.Notifying: the cache's, if its server carries
// messages.
func (s *cachedStore) Notifier() sessions.Notifier {
	if n, ok := s.cache.(sessions.Notifier); ok {
		return cacheNotifier{store: s, inner: n}
	}
	return nil
}

// cacheNotifier leaves a cache alone that is down.
type cacheNotifier struct {
	store *cachedStore
	inner sessions.Notifier
}

// Publish implements sessions.Notifier.
func (n cacheNotifier) Publish(ctx context.Context, channel, message string) error {
	if write, _ := n.store.ready(ctx); !write {
		return errors.New("engine: cached_db: the cache is down")
	}
	return n.store.ask(ctx, writing, func(ctx context.Context) error { return n.inner.Publish(ctx, channel, message) })
}

// Subscribe implements sessions.Notifier.
func (n cacheNotifier) Subscribe(ctx context.Context, channel string, ready func(), receive func(string)) error {
	return n.inner.Subscribe(ctx, channel, ready, receive)
}

// Unwrap implements sessions.Wrapper, for what only the database can do.
func (s *cachedStore) Unwrap() sessions.Store { return s.db }

// Migrate implements sessions.Migrator: the database's table, and the cache's
// where it has one.
func (s *cachedStore) Migrate(ctx context.Context) (made bool, err error) {
	if migrator, ok := sessions.Capability[sessions.Migrator](s.db); ok {
		if made, err = migrator.Migrate(ctx); err != nil {
			return made, err
		}
	}
	cached, err := migrateCache(ctx, s.cache)
	return made || cached, err
}

// ClearExpired implements sessions.Clearer: the database's sessions, and then
// what has ended in a cache that does not drop it by itself.
func (s *cachedStore) ClearExpired(ctx context.Context, limit int) (n int, err error) {
	clearer, ok := sessions.Capability[sessions.Clearer](s.db)
	if !ok {
		return 0, sessions.ErrUnsupported
	}
	if n, err = clearer.ClearExpired(ctx, limit); err != nil || n == limit {
		return n, err
	}
	for cleared := limit; err == nil && cleared == limit; { // not counted: they are no sessions
		cleared, err = clearCache(ctx, s.cache, limit)
	}
	return n, err
}
