package sessions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Save stores the session: Django's save(). One without a key gets a fresh one;
// for one with a key the edits are applied to what is stored by now, and after
// it the session shows the result, the changes of parallel requests included.
//
// Errors: those of Err; ErrInterrupted when the session has ended meanwhile;
// ErrTaken (see Pop); ErrConflict when parallel writers left no gap until the
// deadline (ctx's or SaveTimeout, whichever is sooner); ErrUnknownOutcome; or
// the store's. After an error nothing of the edits is acknowledged.
func (s *Session) Save(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	return s.save(ctx)
}

func (s *Session) save(ctx context.Context) error {
	if err := s.writable(ctx); err != nil {
		return err
	}
	s.accessed = true
	if s.key == "" {
		return s.create(ctx, s.values)
	}
	if !s.loaded {
		return ErrNotLoaded
	}
	if s.m.store == nil {
		return s.encodeIntoKey(s.values)
	}
	c := &change{snapshot: snapshot{s.record, s.values}, edits: s.edits, spares: s.spares()}
	err := s.m.saves.save(ctx, s.m, s.key, c)
	if err != nil {
		s.doubt(err)
		return s.raise(err)
	}
	s.keep(s.key, c)
	return nil
}

// writable reports why nothing can be written. The caller holds s.mu.
func (s *Session) writable(ctx context.Context) error {
	switch {
	case s.closed:
		return s.closedError()
	case s.err != nil:
		return s.err
	case s.rotated:
		return ErrInterrupted
	}
	return expired(ctx)
}

// expired reports that there is no time left. That a client has hung up is no
// reason not to write: what it has asked for it has asked for.
func expired(ctx context.Context) error {
	if err := ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// Create stores what is in memory under a fresh key, whatever key the session
// had, and leaves what was stored under that alone: Django's create(). With a
// cookie engine nothing is stored before the response: it is MarkModified.
func (s *Session) Create(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	if err := s.writable(ctx); err != nil {
		return err
	}
	if s.m.store == nil {
		s.modified, s.touch = true, true
		return nil
	}
	return s.create(ctx, s.values)
}

// Insert stores what is in memory under the key that the session was opened
// with, which must be free, else ErrExists: Django's save(must_create=True). It
// is for moving sessions between stores; a visitor's cookie must never be
// adopted this way.
func (s *Session) Insert(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	if err := s.writable(ctx); err != nil {
		return err
	}
	if s.key == "" {
		return s.create(ctx, s.values)
	}
	if s.m.store == nil {
		return s.encodeIntoKey(s.values)
	}
	if !ValidKey(s.key) {
		return fmt.Errorf("sessions: insert: %w", ErrNotFound)
	}
	ctx, own := s.m.saveContext(ctx)
	defer own.cancel()
	return s.insert(ctx, s.key, s.values)
}

func (s *Session) create(ctx context.Context, values Values) error {
	if s.sealed {
		return ErrCookieNotSent
	}
	ctx, own := s.m.saveContext(ctx)
	defer own.cancel()
	if s.m.store == nil {
		if err := s.encodeIntoKey(values); err != nil {
			return err
		}
		s.note(EventCreated, s.key)
		return nil
	}
	for range 10 { // a second round means that the random source is broken
		err := s.insert(ctx, newKey(), values)
		s.modified = s.modified || err == nil
		if !errors.Is(err, ErrExists) {
			return err
		}
	}
	return fmt.Errorf("sessions: no free key found: %w", ErrExists)
}

func (s *Session) insert(ctx context.Context, key string, values Values) error {
	record, err := s.m.encode(&values)
	if err != nil {
		return err
	}
	if record, err = s.m.store.Create(ctx, key, record); err != nil {
		s.doubt(err)
		return fmt.Errorf("sessions: create: %w", err)
	}
	s.keep(key, &change{snapshot: snapshot{record, values}, renewed: true})
	s.accessed = true
	s.follow()
	s.note(EventCreated, key)
	return nil
}

// encodeIntoKey is the save of a cookie engine: the key is the session.
func (s *Session) encodeIntoKey(values Values) error {
	if s.sealed {
		return ErrCookieNotSent
	}
	record, err := s.m.encode(&values)
	if err != nil {
		return err
	}
	s.keep(record.Data, &change{snapshot: snapshot{record, values}, renewed: true})
	s.accessed, s.modified = true, true // as in Django: the cookie is to be sent
	s.follow()
	return nil
}

// keep takes over what was stored: there is nothing left to save.
func (s *Session) keep(key string, c *change) {
	s.m.warnSize(key, len(c.record.Data), &c.values)
	s.key, s.record, s.values = key, c.record, c.values
	s.edits, s.touch = nil, false
	s.loaded, s.saved, s.unreadable = true, true, false
	s.renewed = s.renewed || c.renewed
}

// doubt keeps an ErrUnknownOutcome: the edits may be stored, and must not be
// saved again at the end of the request.
func (s *Session) doubt(err error) {
	if errors.Is(err, ErrUnknownOutcome) {
		s.refuse(err)
	}
}

// raise panics in the request that an Update's function belongs to, or returns
// err.
func (s *Session) raise(err error) error {
	var p *updatePanic
	if errors.As(err, &p) {
		panic(p.value)
	}
	return err
}

// Flush ends the session: it is deleted from the store at once, the values are
// dropped, and the response tells the browser to forget its cookie, whatever
// its status. It is Django's flush(), for a logout. What is set afterwards
// begins a new session. When it fails, the session is as it was: don't tell the
// user that they are logged out. ErrInterrupted: a parallel request has just
// given the session another key, under which it lives on.
func (s *Session) Flush(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	if err := s.delete(ctx); err != nil {
		return err
	}
	if s.m.deletable(s.key) || s.m.store == nil && s.key != "" {
		s.m.tellEnded(ctx, s.key, EndFlushed)
		s.noteEnd(EndFlushed, s.key)
	}
	if s.watch != nil { // it may have had no key
		s.m.watcher.release(s.watch, EndFlushed)
	}
	s.key, s.record, s.values, s.edits = "", Record{}, Values{}, nil
	s.loaded, s.accessed, s.modified, s.moved = true, true, true, true
	s.touch, s.unreadable, s.err = false, false, nil
	return nil
}

// DeleteStored removes the session from the store and nothing else: Django's
// delete(). What is in memory stays; saving it is ErrInterrupted, and so is a
// response that would. With a cookie engine, whose store is the browser, it
// empties the session, and the response deletes the cookie. See Flush for a
// logout.
func (s *Session) DeleteStored(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	if err := s.delete(ctx); err != nil {
		return err
	}
	if s.m.store == nil {
		if s.watch != nil {
			s.m.watcher.release(s.watch, EndDeleted)
		}
		s.key, s.record, s.values, s.edits = "", Record{}, Values{}, nil
		s.loaded, s.modified, s.moved = true, true, true
		return nil
	}
	s.saved = false // a response that announces what was saved before it must fail
	if s.m.deletable(s.key) {
		s.m.tellEnded(ctx, s.key, EndDeleted)
		s.noteEnd(EndDeleted, s.key)
	}
	return nil
}

func (s *Session) delete(ctx context.Context) error {
	if s.closed {
		return s.closedError()
	}
	if s.rotated { // the session lives on, under a key that this request doesn't know
		return ErrInterrupted
	}
	if err := expired(ctx); err != nil {
		return err
	}
	return s.m.delete(ctx, s.key)
}

// encode makes the record that stores values now, which it gives their deadline.
func (m *Manager) encode(values *Values) (Record, error) {
	m.begin(values)
	data, err := m.codec.Encode(*values)
	if err != nil {
		return Record{}, fmt.Errorf("sessions: encode: %w", err)
	}
	if err := m.checkSize(data, values); err != nil {
		return Record{}, err
	}
	return Record{Data: data, Expires: m.expires(values)}, nil
}

func (m *Manager) expires(values *Values) time.Time {
	return values.expiryDate(m.settings, m.now())
}

// writeError says what a store's refusal of a write means to the request.
func writeError(what string, err error) error {
	if errors.Is(err, ErrRotated) {
		return fmt.Errorf("%w (%w)", ErrInterrupted, ErrRotated)
	}
	if errors.Is(err, ErrNotFound) {
		return ErrInterrupted
	}
	return fmt.Errorf("sessions: %s: %w", what, err)
}

// backOff waits now and then before the next attempt, the longer the more there
// were, with jitter so that processes which met once don't meet again. Most
// retries are immediate: the conflict brought what it needs, and after a wait that
// would be old.
func backOff(ctx context.Context, attempt int) error {
	if attempt%4 == 3 {
		most := min(time.Millisecond<<min(attempt/4, 6), 50*time.Millisecond)
		wait := time.NewTimer(rand.N(most))
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ErrConflict
	}
	return nil
}
