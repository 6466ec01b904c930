package sessions

import (
	"context"
	"errors"
	"sync"
)

// change is one request's part in a save: what it was made on and what it
// makes of it. After a save without error record and values are what is stored.
type change struct {
	snapshot // its values have the edits applied
	edits    []edit
	spares   bool // the expiry may stay as it is, if it was moved lately

	err     error
	renewed bool           // the cookie is to be sent
	alone   bool           // no save, but what nothing is combined with: see saver.alone
	done    chan struct{}  // closed when somebody else has written it
	turn    chan *snapshot // or it is to write the next batch itself, on top of this
	next    []*change      // that batch, itself first; nil: nobody else is there
}

// snapshot is what a session's record holds.
type snapshot struct {
	record Record
	values Values
}

// saver combines the saves that parallel requests of this process make to one
// session. The first writes alone. Those that come while it writes wait, and
// then the first of them writes for all: their edits, one request's after
// another's, on top of what was just stored, with one compare-and-swap. So a
// burst of n saves costs few writes, not the n² attempts of n writers that keep
// overtaking each other. One who is alone pays a map entry.
type saver struct {
	mu      sync.Mutex
	waiting map[string][]*change // by key; present while somebody writes
}

// save stores c under key.
func (sv *saver) save(ctx context.Context, m *Manager, key string, c *change) error {
	ctx, own := m.saveContext(ctx)
	defer own.cancel()
	switch stored, turn := sv.wait(ctx, key, c); {
	case turn && c.next == nil:
		sv.write(ctx, m, key, []*change{c}, nil)
	case turn:
		sv.write(ctx, m, key, c.next, stored)
	}
	return c.err
}

// alone calls f in a turn of its own among the saves under key, so that they
// don't overtake it again and again. f gets what was just stored, nil when nobody
// knows.
func (sv *saver) alone(ctx context.Context, key string, f func(stored *snapshot) error) error {
	c := &change{alone: true}
	stored, turn := sv.wait(ctx, key, c)
	if !turn {
		return c.err
	}
	defer sv.pass(key, nil)
	return f(stored)
}

// wait returns when it is c's turn, with what was just stored, or when c has its
// outcome: somebody else has written it, or there was no time left.
func (sv *saver) wait(ctx context.Context, key string, c *change) (stored *snapshot, turn bool) {
	sv.mu.Lock()
	queue, busy := sv.waiting[key]
	if !busy {
		sv.waiting[key] = nil
		sv.mu.Unlock()
		return nil, true
	}
	c.done, c.turn = make(chan struct{}), make(chan *snapshot, 1)
	sv.waiting[key] = append(queue, c)
	sv.mu.Unlock()

	deadline := ctx.Done()
	for {
		select {
		case <-c.done:
			return nil, false
		case stored := <-c.turn:
			return stored, true
		case <-deadline:
			if sv.withdraw(key, c) {
				c.err = ErrConflict
				return nil, false
			}
			deadline = nil // it is being written, or its turn has come
		}
	}
}

// withdraw takes c out of the waiting, if nobody has taken it up yet.
func (sv *saver) withdraw(key string, c *change) bool {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	for i, other := range sv.waiting[key] {
		if other == c {
			queue := sv.waiting[key]
			sv.waiting[key] = append(queue[:i:i], queue[i+1:]...)
			return true
		}
	}
	return false
}

// write stores a batch whose first change is the caller's, tells the others how
// it ended, and gives the turn to whoever came meanwhile.
func (sv *saver) write(ctx context.Context, m *Manager, key string, batch []*change, stored *snapshot) {
	if len(batch) > 1 { // the others may have more time than the first
		var own *saveContext
		ctx, own = m.saveContext(context.WithoutCancel(ctx))
		defer own.cancel()
	}
	ended := false
	defer func() {
		if !ended { // the store or the codec panicked
			stored = nil
			for _, c := range batch {
				c.err = ErrUnknownOutcome
			}
		}
		sv.pass(key, stored)
		for _, c := range batch[1:] {
			close(c.done)
		}
	}()
	stored = m.writeBatch(ctx, key, batch, stored)
	ended = true
}

// pass gives the turn to the first of the waiting, and to the saves right behind
// it if it is one.
func (sv *saver) pass(key string, stored *snapshot) {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	queue := sv.waiting[key]
	if len(queue) == 0 {
		delete(sv.waiting, key)
		return
	}
	n := 1
	for !queue[0].alone && n < len(queue) && !queue[n].alone {
		n++
	}
	sv.waiting[key] = queue[n:]
	if stored != nil { // the requests that were just written go on changing theirs
		stored = &snapshot{stored.record, stored.values.Clone()}
	}
	queue[0].next = queue[:n]
	queue[0].turn <- stored
}

// writeBatch stores the batch on top of stored, sets each change's outcome, and
// returns what is stored now. A nil stored means that nobody knows.
func (m *Manager) writeBatch(ctx context.Context, key string, batch []*change, stored *snapshot) *snapshot {
	fail := func(changes []*change, err error) *snapshot {
		for _, c := range changes {
			c.err = err
		}
		return nil
	}
	for attempt := 0; ; attempt++ {
		var before Record
		var after Values
		written := batch
		if stored == nil && len(batch) == 1 { // its own view of what is stored
			before, after = batch[0].record, batch[0].values
		} else {
			if stored == nil {
				var err error
				if stored, err = m.snapshot(m.store.Load(ctx, key)); err != nil {
					return fail(batch, writeError("save", err))
				}
			}
			before = stored.record
			if after, written = combine(stored.values, batch); len(written) == 0 {
				return stored
			}
		}

		record, err := m.nextRecord(key, before, &after, written)
		if err != nil {
			if len(written) == 1 {
				return fail(written, err)
			}
			for _, c := range written { // one of them is too much: find out which
				stored = m.writeBatch(ctx, key, []*change{c}, stored)
			}
			return stored
		}
		if stored == nil || record.Data != before.Data || record.Expires.After(before.Expires) {
			record, err = m.store.Replace(ctx, key, before, record)
		} else {
			record = before // others have just renewed it
		}
		switch {
		case err == nil:
			for i, c := range written {
				c.record, c.values = record, after
				if i > 0 {
					c.values = after.Clone()
				}
			}
			return &written[0].snapshot // pass copies it before its request goes on
		case !errors.Is(err, ErrConflict):
			return fail(written, writeError("save", err))
		}
		if stored, err = m.snapshot(record, nil); err != nil {
			return fail(written, writeError("save", err))
		}
		if err := backOff(ctx, attempt); err != nil {
			return fail(written, err)
		}
		batch = written
	}
}

// combine applies the edits of changes to a copy of values, one request's after
// another's. A request whose edits are refused (ErrTaken, a TypeError, a panic)
// gets its error, changes nothing, and is not among the written.
func combine(values Values, changes []*change) (after Values, written []*change) {
	after = values.Clone()
	for _, c := range changes {
		before := after.Clone()
		if c.err = replay(c.edits, &after); c.err != nil {
			after = before
			continue
		}
		written = append(written, c)
	}
	return after, written
}

// snapshot decodes what a store has returned.
func (m *Manager) snapshot(record Record, err error) (*snapshot, error) {
	values, err := m.decode(record, err)
	if err != nil {
		return nil, err
	}
	return &snapshot{record, values}, nil
}

// decode gives the values of what a store has returned. A session that has timed
// out is not there: errTimedOut.
func (m *Manager) decode(record Record, err error) (Values, error) {
	if err != nil {
		return Values{}, err
	}
	values, err := m.codec.Decode(record.Data)
	if err == nil && m.ended(record, &values) {
		return Values{}, errTimedOut
	}
	return values, err
}

// nextRecord is the record that takes before's place. Where no change has edits
// only the expiry moves, unless the session has yet to be given its deadline.
// Where all changes spare it, and it was moved lately, it does not.
func (m *Manager) nextRecord(key string, before Record, after *Values, changes []*change) (Record, error) {
	edited, allSpare, someSpare := m.settings.unbegun(after), true, false
	for _, c := range changes {
		edited = edited || len(c.edits) > 0
		allSpare, someSpare = allSpare && c.spares, someSpare || c.spares
	}
	record := Record{Data: before.Data, Expires: m.expires(after)}
	if edited {
		var err error
		if record, err = m.encode(after); err != nil {
			return Record{}, err
		}
	}
	lately := someSpare && m.renewedLately(key, before.Expires, record.Expires, after)
	if allSpare && lately && !before.Expires.IsZero() && before.Expires.Before(record.Expires) {
		record.Expires = before.Expires
	}
	for _, c := range changes {
		// The one that moves the expiry sends the cookie, and those that spare it don't.
		renewed := !c.spares || !lately && !storedExpiry(after, m.settings).atBrowserClose(m.settings)
		c.renewed = renewed || c.renewed && before.Expires.IsZero() // which a second attempt is not told
	}
	return record, nil
}
