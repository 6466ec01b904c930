package sqldialect

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A write is one statement of one caller; or a read, of a row.
type write struct {
	ctx  context.Context
	stmt Statement
	args []any
	solo bool // a transaction of the caller's own: nothing is done together with it

	n     int64
	row   *Row // what a read has found
	err   error
	alone bool // nothing was done: its caller is to do it alone

	// turn says what it is to carry out, itself first. It is closed when another
	// caller has carried it out.
	turn chan []*write
}

// key is what two writes of one batch must differ in, where the database has one
// statement for a batch.
func (w *write) key() string {
	key, _ := w.args[w.stmt.Key].(string)
	return key
}

// turns lets a few callers write at a time. Those that come meanwhile wait, and
// then the first of them writes for all: one commit in place of many. One who
// comes while there is room writes at once and pays a mutex.
type turns struct {
	batches bool // one statement for a batch, of the same one's
	shared  bool // also with the same keys: reads

	// patience is how long to wait for a turn before writing without one, where the
	// database has several writers: those whose turn it is may wait for a row that
	// somebody else holds. 0: for ever.
	patience time.Duration

	mu      sync.Mutex
	free    int
	waiting []*write
}

// maxBatch bounds how long a caller may have to write for others.
const maxBatch = 128

// enter waits for w's turn and returns what to carry out. Without a batch and
// without an error another caller has carried w out, or w is to be done alone.
func (t *turns) enter(w *write) ([]*write, error) {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return []*write{w}, nil
	}
	w.turn = make(chan []*write, 1)
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()

	var impatient <-chan time.Time
	if t.patience > 0 {
		timer := time.NewTimer(t.patience)
		defer timer.Stop()
		impatient = timer.C
	}
	for {
		select {
		case batch := <-w.turn:
			return batch, nil
		case <-impatient:
			if t.withdraw(w) {
				w.alone = true
				return nil, nil
			}
			impatient = nil // its turn has come, or it is being carried out
			continue
		case <-w.ctx.Done():
		}
		if t.withdraw(w) {
			return nil, w.ctx.Err()
		}
		select {
		case batch := <-w.turn:
			return batch, nil
		default: // it is being carried out
			return nil, &UnsureError{w.ctx.Err()}
		}
	}
}

// withdraw takes w out of the waiting, if nobody has taken it up yet.
func (t *turns) withdraw(w *write) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, w)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	return i >= 0
}

// leave ends the turn of a batch, tells its callers, and gives the turn to those who
// have come meanwhile.
func (t *turns) leave(batch []*write) {
	for _, w := range batch[1:] {
		close(w.turn)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.free++
		return
	}
	next := t.next()
	next[0].turn <- next
}

// next takes the first of the waiting, and those who can be written with it. The
// caller holds t.mu.
func (t *turns) next() []*write {
	first := t.waiting[0]
	batch := []*write{first}
	rest := t.waiting[:0:0]
	var keys map[string]bool
	if t.batches && !t.shared && !first.solo {
		keys = map[string]bool{first.key(): true}
	}
	for _, w := range t.waiting[1:] {
		switch {
		case first.solo, w.solo, len(batch) == maxBatch,
			t.batches && (w.stmt != first.stmt || keys[w.key()]):
			rest = append(rest, w)
			continue
		case keys != nil:
			keys[w.key()] = true
		}
		batch = append(batch, w)
	}
	t.waiting = rest
	return batch
}
