package sessions

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Stored is a session as it lies in the store, for whoever looks after sessions:
// nobody is using it.
type Stored struct {
	Key    string // a secret: whoever has it is the visitor
	Values Values

	// Expires is when the store drops it; zero where the engine doesn't know.
	Expires time.Time

	// Err is nil, or wraps ErrCorrupt: something is stored, and can't be read.
	// There are no Values then.
	Err error
}

// Stored looks at the session of that key without using it: nothing is changed,
// logged or emitted, but that one which has timed out (Timeouts) ends for a Django
// as well. ErrNotFound when there is none, or its time is over;
// ErrRotated, which is an ErrNotFound too, when it was given another key a moment
// ago. ErrUnsupported for a cookie engine.
func (m *Manager) Stored(ctx context.Context, key string) (Stored, error) {
	if m.store == nil {
		return Stored{}, m.unsupported("looking at stored sessions")
	}
	if !ValidKey(key) {
		return Stored{}, ErrNotFound
	}
	record, err := m.store.Load(ctx, key)
	switch {
	case err == nil:
		stored, err := m.stored(key, record)
		if errors.Is(err, errTimedOut) {
			m.endTimedOut(ctx, key, record)
		}
		return stored, err
	case errors.Is(err, ErrCorrupt):
		return Stored{Key: key, Err: err}, nil
	case errors.Is(err, ErrNotFound):
		return Stored{}, err
	}
	return Stored{}, fmt.Errorf("sessions: look: %w", err)
}

// stored is what a record is. The error is an ErrNotFound.
func (m *Manager) stored(key string, record Record) (Stored, error) {
	values, err := m.decode(record, nil)
	switch {
	case err == nil:
		return Stored{Key: key, Values: values, Expires: record.Expires}, nil
	case errors.Is(err, ErrNotFound):
		return Stored{}, err
	}
	return Stored{Key: key, Expires: record.Expires, Err: err}, nil
}

// List returns stored sessions, about limit of them, and where to go on: next is
// the cursor of the next call. "" is the beginning, and as next the end; a page
// may be empty without being the last. They come in an order of the engine's own;
// one that is there all the while comes at least once, and may come twice. A
// cursor is for this engine and may hold a key, so it is as secret as one.
//
// ErrUnsupported for an engine that can't: cookies, most caches, engine.Hardened.
func (m *Manager) List(ctx context.Context, cursor string, limit int) (page []Stored, next string, err error) {
	lister, ok := Capability[Lister](m.store)
	if !ok {
		return nil, "", m.unsupported("listing sessions")
	}
	records, next, err := lister.List(ctx, cursor, max(limit, 1))
	if errors.Is(err, ErrUnsupported) {
		return nil, "", m.unsupported("listing sessions")
	}
	if err != nil {
		return nil, "", fmt.Errorf("sessions: list: %w", err)
	}
	for _, r := range records {
		if !ValidKey(r.Key) {
			continue // no session of ours: a hardened engine's in the same table
		}
		if s, err := m.stored(r.Key, r.Record); err == nil {
			page = append(page, s)
		}
	}
	return page, next, nil
}

// listBatch is how many sessions All asks for at once.
const listBatch = 500

// All yields every stored session, as List does page by page. After an error it
// ends.
func (m *Manager) All(ctx context.Context) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for cursor := ""; ; {
			page, next, err := m.List(ctx, cursor, listBatch)
			if err != nil {
				yield(Stored{}, err)
				return
			}
			for _, s := range page {
				if !yield(s, nil) {
					return
				}
			}
			if cursor = next; cursor == "" {
				return
			}
		}
	}
}

func (m *Manager) unsupported(what string) error {
	return fmt.Errorf("%w: session engine %q doesn't support %s", ErrUnsupported, m.name, what)
}
