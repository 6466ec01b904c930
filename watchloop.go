package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Prober is a Store that can look at many sessions in one call, at less than a
// Load of each.
type Prober interface {
	// Probe returns when the records under keys end, of those that are stored and
	// have not expired, as Load would say it. What it says nothing of is loaded, so
	// it may leave out any.
	Probe(ctx context.Context, keys []string) (map[string]time.Time, error)
}

const (
	probeBatch   = 256 // keys in one Probe
	loadsAtOnce  = 8
	lookDeadline = 10 * time.Second // for a store that hangs
)

// seen is what is known of an entry when it is looked at.
type seen struct {
	entry  *watched
	key    string
	record Record
	fresh  uint64
	due    bool // it has to be loaded
}

// look looks at what is watched until ctx ends: at all of it once in an interval,
// and in between at what has come, or may have expired.
func (w *watcher) look(ctx context.Context, kick <-chan struct{}) {
	next := time.Now().Add(w.interval())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(min(time.Until(next), w.untilDue()))
		select {
		case <-ctx.Done():
			return
		case <-kick:
		case <-timer.C:
		}
		all := !time.Now().Before(next)
		if all {
			next = time.Now().Add(w.interval())
		}
		w.check(ctx, w.pick(all))
	}
}

// interval is the time to the next look, up to a fifth less than the setting so
// that processes don't all look at once.
func (w *watcher) interval() time.Duration {
	interval := w.m.settings.WatchInterval
	if interval == 0 {
		interval = defaultWatchInterval
	}
	return interval - jitter(interval/5)
}

// jitter is a random part of d.
func jitter(d time.Duration) time.Duration { return rand.N(max(d, 1)) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// untilDue is how long nothing that is watched can expire. What should have, and
// could not be looked at, waits for its turn.
func (w *watcher) untilDue() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	soonest, now, real := time.Duration(1<<63-1), w.m.now(), time.Now()
	for _, e := range w.entries {
		if left := e.due.Sub(now); left > 0 && !e.due.IsZero() {
			soonest = min(soonest, left)
		}
		if !e.until.IsZero() {
			soonest = min(soonest, e.until.Sub(real))
		}
	}
	return soonest
}

// pick gives up what is to be given up, and returns what is to be looked at.
func (w *watcher) pick(all bool) []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	var picked []seen
	now, real := w.m.now(), time.Now()
	for _, e := range w.entries {
		due := !e.due.IsZero() && !now.Before(e.due)
		switch {
		case !e.until.IsZero() && !real.Before(e.until):
			w.end(e, EndRotated)
		case !e.until.IsZero(): // nothing is under its key
		case w.m.store == nil && due:
			w.end(e, EndExpired)
		case w.m.store == nil && w.m.revoked == nil:
			e.fresh = 0 // nobody knows more
		case all || e.fresh != 0 || due:
			picked = append(picked, seen{e, e.key, e.record, e.fresh, due || e.fresh != 0})
		}
	}
	return picked
}

// check looks at the picked ones in the store.
func (w *watcher) check(ctx context.Context, picked []seen) {
	if len(picked) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookDeadline)
	defer cancel()
	var (
		turn   = make(chan struct{}, loadsAtOnce)
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	for _, s := range w.probe(ctx, picked) {
		turn <- struct{}{}
		wait.Go(func() {
			defer func() { <-turn }()
			if err := w.load(ctx, s); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if !errors.Is(ctx.Err(), context.Canceled) { // nobody is interested any more
		w.log(failed)
	}
}

// probe returns those that have to be loaded: what may have ended, and what was
// changed.
func (w *watcher) probe(ctx context.Context, picked []seen) []seen {
	prober, ok := Capability[Prober](w.m.store)
	if !ok {
		return picked
	}
	var load, rest []seen
	for _, s := range picked {
		if s.due {
			load = append(load, s)
		} else {
			rest = append(rest, s)
		}
	}
	for len(rest) > 0 {
		batch := rest[:min(len(rest), probeBatch)]
		rest = rest[len(batch):]
		keys := make([]string, len(batch))
		for i, s := range batch {
			keys[i] = s.key
		}
		var expires map[string]time.Time
		err := guard(func() (err error) {
			expires, err = prober.Probe(ctx, keys)
			return err
		})
		for _, s := range batch {
			if at, found := expires[s.key]; err != nil || !found || !at.Equal(s.record.Expires) {
				load = append(load, s)
			}
		}
	}
	return load
}

// load looks at one session. An error means that it was not to be seen.
func (w *watcher) load(ctx context.Context, s seen) error {
	var record Record
	var due time.Time
	err := guard(func() (err error) {
		if w.m.store == nil {
			cookie := &Session{m: w.m, key: s.key, contents: &contents{}}
			err := cookie.fetchCookie(ctx)
			record = cookie.record
			due = record.Expires
			return err
		}
		if record, err = w.m.store.Load(ctx, s.key); err != nil {
			return err
		}
		if !s.due && record.Data == s.record.Data && record.Expires.Equal(s.record.Expires) {
			return errUnchanged
		}
		values, err := w.m.decode(record, nil)
		if err == nil {
			due = w.m.dueAt(record, &values)
		}
		return err
	})

	w.mu.Lock()
	defer w.mu.Unlock()
	e := s.entry
	if w.entries[e.hash] != e || e.key != s.key {
		return nil // it has ended, or was given a new key
	}
	switch {
	case err == nil:
		e.record, e.due = record, due
		if e.fresh == s.fresh {
			e.fresh = 0
		}
	case errors.Is(err, errUnchanged):
	case errors.Is(err, ErrRotated):
		if e.until.IsZero() {
			e.until = time.Now().Add(rotationGrace)
		}
	case errors.Is(err, ErrNotFound):
		reason := EndGone
		if errors.Is(err, errRevoked) {
			reason = EndRevoked
		} else if errors.Is(err, errTimedOut) || !e.due.IsZero() && !w.m.now().Before(e.due) {
			reason = EndExpired
		}
		w.end(e, reason)
	default:
		return err
	}
	return nil
}

// errUnchanged says of a record that it is as it was, and lives.
var errUnchanged = errors.New("sessions: unchanged")

// dueAt is when a session may have ended though the store holds it, or will have
// expired. The zero time: the store doesn't say.
func (m *Manager) dueAt(record Record, values *Values) time.Time {
	due, l, now := record.Expires, m.settings.limits(values), m.now()
	if !l.until.IsZero() && (due.IsZero() || l.until.Before(due)) {
		due = l.until
	}
	if l.idle > 0 && record.Expires.After(now.Add(l.idle+m.settings.touchInterval(l.idle))) {
		return now // a Django has moved the expiry: only the values tell (Manager.ended)
	}
	return due
}

// guard calls what belongs to a store or a notifier, whose panic would end the
// program here, or a logout that the store has acknowledged.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sessions: panic: %v", p)
		}
	}()
	return f()
}

// log says once that sessions can't be looked at, and once that they can again.
func (w *watcher) log(err error) {
	w.mu.Lock()
	was := w.failing
	w.failing = err != nil
	w.mu.Unlock()
	switch {
	case err != nil && !was:
		w.m.log.Warn("sessions: open connections stay open, since their sessions can't be looked at", slog.Any("error", err))
	case err == nil && was:
		w.m.log.Info("sessions: the sessions of open connections can be looked at again")
	}
}
