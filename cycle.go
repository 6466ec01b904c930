package sessions

import (
	"context"
	"errors"
	"slices"
)

// CycleKey gives the session a new key, and keeps its values: Django's
// cycle_key(), for a login or another change of rights. It writes at once, with
// the edits so far; the old key is dead when it returns, and the response will
// carry the new one whatever its status. Edits of parallel requests that were
// acknowledged until then are in the session. ErrCookieNotSent when the
// response has begun.
//
// After an error the edits are still there, and the response may save them under
// the old key: what must not come without the new key, such as who is logged in,
// goes through CycleKeyWith.
func (s *Session) CycleKey(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	return s.cycleKey(ctx, nil)
}

// CycleKeyWith is CycleKey with a change of the values in the same write: the new
// key and what f makes of the values are stored together or not at all, and an
// error leaves nothing of f's in memory. f gets the latest values; like Update's
// function it may run again on what parallel requests have stored. Its error is
// returned, and nothing is written. An f that calls v.Clear begins anew, as a login
// of another user does: what is open of the session that was (Done) ends.
//
// ended tells f that a parallel request has ended the session, or given it
// another key. The values are empty then; what f sets begins a new session, which
// has nothing of the other one. An f that is of no use to a new session returns
// ErrInterrupted. With edits of this request not saved yet, it is ErrInterrupted
// without f: they belong to the session that has ended.
func (s *Session) CycleKeyWith(ctx context.Context, f func(v *Values, ended bool) error) error {
	s.lock()
	defer s.unlock(ctx)
	var refusal error
	err := s.cycleKey(ctx, func(v *Values) error {
		v.begun = false
		refusal = f(v, false)
		return refusal
	})
	if refusal != nil || !errors.Is(err, ErrInterrupted) || len(s.edits) > 0 {
		return err
	}
	var values Values
	switch refusal := f(&values, true); {
	case errors.Is(refusal, ErrInterrupted):
		return err // which may also be an ErrRotated
	case refusal != nil:
		return refusal
	}
	if err := s.create(ctx, values); err != nil {
		return err
	}
	s.rotated = false
	s.modified, s.moved = true, true
	return nil
}

// cycleKey is CycleKey with a change, unless f is nil. The caller holds s.mu.
func (s *Session) cycleKey(ctx context.Context, f func(*Values) error) error {
	if err := s.writable(ctx); err != nil {
		return err
	}
	if s.sealed {
		return ErrCookieNotSent
	}
	if err := s.usable(); err != nil {
		return err
	}
	c := &change{snapshot: snapshot{s.record, s.values}, edits: s.edits}
	if f != nil {
		c.edits = append(slices.Clip(s.edits), edit{op: opChange, change: f})
		c.values = s.values.Clone()
		if err := f(&c.values); err != nil {
			return err
		}
	}
	oldKey := s.key
	switch {
	case oldKey == "":
		if err := s.create(ctx, c.values); err != nil {
			return err
		}
	case s.m.store == nil:
		if err := s.encodeIntoKey(c.values); err != nil {
			return err
		}
		if f != nil && c.values.begun {
			s.m.tellEnded(ctx, oldKey, EndFlushed)
		}
		s.noteRotation(oldKey, s.key)
	default:
		newKey, err := s.m.rotate(ctx, oldKey, c)
		if err != nil {
			s.doubt(err)
			return s.raise(err)
		}
		s.keep(newKey, c)
		if f != nil && c.values.begun {
			s.follow()
			s.m.tellEnded(ctx, oldKey, EndFlushed)
		} else {
			s.m.tellRotated(ctx, oldKey, newKey)
		}
		s.noteRotation(oldKey, newKey)
	}
	s.modified, s.moved = true, true
	return nil
}

// rotate moves the session from key to a fresh one, with c's edits.
func (m *Manager) rotate(ctx context.Context, key string, c *change) (fresh string, err error) {
	ctx, own := m.saveContext(ctx)
	defer own.cancel()
	err = m.saves.alone(ctx, key, func(stored *snapshot) error {
		fresh, err = m.rotateNow(ctx, key, c, stored)
		return err
	})
	return fresh, err
}

// rotateNow is rotate when no save of this process can overtake it.
func (m *Manager) rotateNow(ctx context.Context, key string, c *change, stored *snapshot) (string, error) {
	for attempt := 0; ; attempt++ {
		if stored != nil {
			if err := replay(c.edits, &stored.values); err != nil {
				return "", err
			}
			c.record, c.values = stored.record, stored.values
		}
		record, err := m.encode(&c.values)
		if err != nil {
			return "", err
		}
		fresh := newKey()
		current, err := m.store.Rotate(ctx, key, fresh, c.record, record)
		switch {
		case err == nil:
			c.record = current
			return fresh, nil
		case errors.Is(err, ErrConflict):
			if stored, err = m.snapshot(current, nil); err != nil {
				return "", writeError("rotate", err)
			}
		case errors.Is(err, ErrExists): // try another key
			stored = nil
		default:
			return "", writeError("rotate", err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return "", err
		}
	}
}
