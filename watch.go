package sessions

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultWatchInterval leaves the store a quarter of the second in which an
	// end is seen.
	defaultWatchInterval = 750 * time.Millisecond

	// rotationGrace is how long a session whose key was replaced stays open while
	// nobody has told by what: as long as the login's response may take to the
	// browser.
	rotationGrace = 2 * time.Second
)

// watch is one Session's Done.
type watch struct {
	done   chan struct{}
	reason EndReason // set before done is closed

	// Under watcher.mu:
	ended bool
	entry *watched // nil: no key yet, or ended
}

// watched is a session that is watched, maybe by several connections.
type watched struct {
	hash    string // its place in watcher.entries
	key     string // "": only the hash is known, of a key that another process has given it
	watches map[*watch]struct{}

	record Record    // as last seen
	due    time.Time // when it is to be loaded, by Settings.Clock: it may have ended then
	fresh  uint64    // which refresh it was not looked at since; 0: none
	until  time.Time // unless zero: when to give it up, its key being known to others only
}

// watcher ends the Done of sessions that have ended. It knows them by their hashes,
// as messages do. While there are any it has a goroutine that looks at them
// (watchloop.go), and one that listens, if there is anything to listen to
// (notify.go).
type watcher struct {
	m        *Manager
	notifier Notifier // or nil
	channel  string

	blind atomic.Int32 // how many entries have no key

	mu      sync.Mutex
	entries map[string]*watched
	kick    chan struct{}      // something is fresh
	stop    context.CancelFunc // of the goroutines; nil: there are none
	failing bool               // the store was not to be looked at
	asked   uint64             // refreshes so far
}

func newWatcher(m *Manager) *watcher {
	return &watcher{m: m, notifier: m.notifier(), channel: m.hasher.channel(), entries: map[string]*watched{}}
}

// add watches the session of that key for v, which leaves what it watched before.
func (w *watcher) add(v *watch, key string, expires time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.ended {
		return
	}
	hash := w.m.hasher.wire(key)
	if v.entry != nil && v.entry.hash == hash {
		return
	}
	e := w.entries[hash]
	if e == nil {
		e = &watched{hash: hash, key: key, due: expires, watches: map[*watch]struct{}{}}
		w.entries[hash] = e
		defer w.refresh(e) // it may have ended since it was loaded
	}
	old := v.entry
	v.entry = e
	e.watches[v] = struct{}{}
	w.leave(v, old) // not before: the last one would end the goroutines
	w.identify(e, key)
}

// leave takes v from an entry, which is dropped with the last one.
func (w *watcher) leave(v *watch, e *watched) {
	if e == nil {
		return
	}
	delete(e.watches, v)
	if len(e.watches) == 0 {
		w.drop(e)
	}
}

func (w *watcher) drop(e *watched) {
	delete(w.entries, e.hash)
	if e.key == "" {
		w.blind.Add(-1)
	}
	if len(w.entries) == 0 && w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// release ends v alone.
func (w *watcher) release(v *watch, reason EndReason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := v.entry
	w.close(v, reason)
	w.leave(v, e)
}

func (w *watcher) close(v *watch, reason EndReason) {
	if !v.ended {
		v.ended, v.reason, v.entry = true, reason, nil
		close(v.done)
	}
}

// end ends all that watch a session. The caller holds w.mu.
func (w *watcher) end(e *watched, reason EndReason) {
	for v := range e.watches {
		w.close(v, reason)
	}
	clear(e.watches)
	w.drop(e)
}

// ended ends all that watch the session of that key.
func (w *watcher) ended(key string, reason EndReason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.entries) == 0 {
		return
	}
	if e := w.entries[w.m.hasher.wire(key)]; e != nil {
		w.end(e, reason)
	}
}

// rotated follows a session to its new key.
func (w *watcher) rotated(oldKey, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.entries) == 0 {
		return
	}
	if e := w.entries[w.m.hasher.wire(oldKey)]; e != nil {
		w.rename(e, w.m.hasher.wire(key), key)
	}
}

// rename gives an entry its session's new hash, and key if that is known. The
// caller holds w.mu.
func (w *watcher) rename(e *watched, hash, key string) {
	delete(w.entries, e.hash)
	if known := w.entries[hash]; known != nil { // the browser was faster than the message
		for v := range e.watches {
			v.entry = known
			known.watches[v] = struct{}{}
		}
		if e.key == "" {
			w.blind.Add(-1)
		}
		w.identify(known, key)
		return
	}
	w.entries[hash] = e
	e.hash, e.record = hash, Record{}
	switch {
	case key != "":
		w.identify(e, key)
		e.key, e.until, e.due = key, time.Time{}, time.Time{}
		w.refresh(e)
	case e.key != "":
		// Its end will be told, but not its expiry, nor a Django's logout.
		e.key, e.until, e.due = "", time.Now().Add(RotationTrace), time.Time{}
		w.blind.Add(1)
		w.wake() // to wait no longer than until then
	}
}

// identify gives an entry the key that only its hash was known of. The caller
// holds w.mu.
func (w *watcher) identify(e *watched, key string) {
	if e.key == "" && key != "" {
		e.key, e.until = key, time.Time{}
		w.blind.Add(-1)
		w.refresh(e)
	}
}

// learn is told of each key that was found in the store.
func (w *watcher) learn(key string) {
	if w.blind.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if e := w.entries[w.m.hasher.wire(key)]; e != nil {
		w.identify(e, key)
	}
}

// recheck is called when messages come again: those before may have been missed.
func (w *watcher) recheck() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entries {
		if e.key == "" {
			w.end(e, EndRotated)
		} else {
			w.refresh(e)
		}
	}
}

// refresh has the goroutine look at an entry soon: it has just come, or something
// may have been missed. A look that has begun before does not count. The caller
// holds w.mu.
func (w *watcher) refresh(e *watched) {
	w.asked++
	e.fresh = w.asked
	w.wake()
}

// wake starts the goroutines, or has the one that looks do so. The caller holds
// w.mu.
func (w *watcher) wake() {
	if w.stop == nil {
		var ctx context.Context
		ctx, w.stop = context.WithCancel(context.Background())
		w.kick = make(chan struct{}, 1)
		w.failing = false
		go w.look(ctx, w.kick)
		if w.notifier != nil {
			go w.listen(ctx)
		}
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}
