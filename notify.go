package sessions

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// Notifier carries short messages between processes: Redis's pub/sub, or
// PostgreSQL's LISTEN. It is safe for concurrent use. A message may be lost, may
// come twice, and may overtake another.
type Notifier interface {
	// Publish sends message to all that subscribe to channel now, in this process
	// too. Neither is longer than 200 characters; both are ASCII, the channel
	// letters, digits and underscores.
	Publish(ctx context.Context, channel, message string) error

	// Subscribe hands the messages of channel to receive, until ctx ends or the
	// subscription is lost, and returns why. It calls ready once, as soon as no
	// further message is missed. Neither function blocks.
	Subscribe(ctx context.Context, channel string, ready func(), receive func(message string)) error
}

// Notifying is a Store on a server that carries messages as well.
type Notifying interface {
	// Notifier returns what carries them, nil where nothing does.
	Notifier() Notifier
}

// publishTimeout bounds how long a logout waits for its message to be sent. What
// is not sent is found by looking.
const publishTimeout = time.Second

// notifier is what tells other processes of ended sessions, or nil.
func (m *Manager) notifier() Notifier {
	if m.settings.Notifier != nil {
		return m.settings.Notifier
	}
	if n, ok := Capability[Notifying](m.store); ok {
		return n.Notifier()
	}
	return nil
}

// Messages are a word, the session's hash, and what the word needs beside it. The
// hash is a key's under the SecretKey, so a message holds no key, and nobody
// makes one up who doesn't know the secret.
const (
	saysEnded   = "ended"   // hash, EndReason
	saysRotated = "rotated" // old hash, new hash
)

// tellEnded ends what is open of the session of that key, here and in other
// processes. It is called when the store has acknowledged the end.
func (m *Manager) tellEnded(ctx context.Context, key string, reason EndReason) {
	m.watcher.ended(key, reason)
	m.publish(ctx, saysEnded, key, func() string { return string(reason) })
}

// tellRotated has what is open of a session go on under its new key.
func (m *Manager) tellRotated(ctx context.Context, oldKey, key string) {
	m.watcher.rotated(oldKey, key)
	m.publish(ctx, saysRotated, oldKey, func() string { return m.hasher.wire(key) })
}

func (m *Manager) publish(ctx context.Context, word, key string, more func() string) {
	n := m.watcher.notifier
	if n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(withoutSession{context.WithoutCancel(ctx)}, publishTimeout)
	defer cancel()
	err := guard(func() error {
		return n.Publish(ctx, m.watcher.channel, word+" "+m.hasher.wire(key)+" "+more())
	})
	if err != nil {
		m.log.WarnContext(ctx, "sessions: other processes were not told of a session's end, and find it by looking",
			m.keyAttr(key), slog.Any("error", err))
	}
}

// receive does what a message says. What is not one of ours is ignored.
func (w *watcher) receive(message string) {
	words := strings.Split(message, " ")
	if len(words) != 3 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.entries[words[1]]
	switch {
	case e == nil:
	case words[0] == saysEnded && EndReason(words[2]).told():
		w.end(e, EndReason(words[2]))
	case words[0] == saysRotated && len(words[2]) == wireLength && words[2] != e.hash:
		w.rename(e, words[2], "")
	}
}

// listen subscribes, and does so again whenever the subscription is lost.
func (w *watcher) listen(ctx context.Context) {
	lost := false
	for attempt := 0; ; attempt++ {
		ready := func() {
			if lost {
				w.m.log.InfoContext(ctx, "sessions: ends of sessions are told by other processes again")
			}
			lost, attempt = false, 0
			w.recheck()
		}
		err := guard(func() error { return w.notifier.Subscribe(ctx, w.channel, ready, w.receive) })
		if ctx.Err() != nil {
			return
		}
		if !lost {
			w.m.log.WarnContext(ctx, "sessions: ends of sessions are not told by other processes for now, and found by looking", slog.Any("error", err))
		}
		lost = true
		if sleep(ctx, jitter(min(100*time.Millisecond<<min(attempt, 6), 5*time.Second))) != nil {
			return
		}
	}
}
