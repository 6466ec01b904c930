package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// NewKey returns a fresh key that no session has: what Create and Save take by
// themselves. It is for a program that must know the key before the session is
// stored: see SetKey. For a cookie engine it is of no use.
func (m *Manager) NewKey(ctx context.Context) (string, error) {
	for range 10 { // as in create
		key := newKey()
		exists, err := m.Exists(ctx, key)
		if err != nil || !exists {
			return key, err
		}
	}
	return "", fmt.Errorf("sessions: no free key found: %w", ErrExists)
}

// SetKey says under which key the session is to be stored: Django's assignment to
// _session_key, with its rule that a text of fewer than 8 characters is none.
// What is in memory stays, and belongs to that key from now on: Insert stores it
// there if the key is free, and Save if it is not, in place of all that is there.
//
// It is for moving sessions. With a key that came from outside it would be session
// fixation.
func (s *Session) SetKey(key string) {
	s.lock()
	defer s.mu.Unlock()
	if s.closed {
		s.fail(s.closedError())
		return
	}
	before := s.key
	s.key = ""
	if s.setKey(key); s.key == before {
		return
	}
	s.record, s.rotated, s.unreadable = Record{}, false, false
	s.assigned = true
	if s.loaded {
		s.edits = whole(&s.values)
	}
	s.follow()
}

// whole are the edits that put v in the place of whatever is stored.
func whole(v *Values) []edit {
	edits := []edit{{op: opClear}}
	for m := range v.All() {
		edits = append(edits, edit{op: opSet, name: m.Name, member: m})
	}
	return edits
}

// Unload forgets the values in memory, and with them all changes that were not
// saved: the next Load reads what is stored by then. A request that lives for
// long, a stream of events for instance, sees what others have changed so.
func (s *Session) Unload() {
	s.lock()
	defer s.mu.Unlock()
	if s.closed {
		s.fail(s.closedError())
		return
	}
	s.record, s.values, s.edits, s.err = Record{}, Values{}, nil, nil
	s.loaded, s.touch = false, s.modified
}

// Become makes s what t is: the same key, the same values, loaded or not, with
// the changes that are not saved yet. t stays as it is; save only one of them.
//
//   - In a request, m.Session(ctx).Become(t) puts another session into the place
//     of the request's own, whose cookie the response then carries: Django's
//     request.session = t.
//   - m.Open("").Become(t) goes on with a session beyond its request.
//   - After a change of settings it goes on under another Manager, on the same
//     store: secret keys, ages and expiries are then that Manager's.
//   - Into another store a session is copied with Become and Insert.
func (s *Session) Become(t *Session) {
	if s == t {
		return
	}
	t.lock()
	key, record, values, edits, err := t.key, t.record, t.values.Clone(), slices.Clone(t.edits), t.err
	loaded, accessed, modified, touch, saved := t.loaded, t.accessed, t.modified, t.touch, t.saved
	rotated, unreadable, moved := t.rotated, t.unreadable, t.moved
	t.mu.Unlock()

	s.lock()
	defer s.mu.Unlock()
	if s.closed {
		s.fail(s.closedError())
		return
	}
	if errors.Is(err, ErrNoSession) || errors.Is(err, ErrClosed) {
		err = nil
	}
	s.key, s.record, s.values, s.edits, s.err = key, record, values, edits, err
	s.loaded, s.accessed, s.modified, s.touch, s.saved = loaded, accessed, modified, touch, saved
	s.rotated, s.unreadable, s.moved = rotated, unreadable, moved
	s.assigned = true
	s.follow()
}
