package sessions

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// Event is something that happened to a session, for an audit trail or a
// counter: see Settings.OnEvent. It holds no key, no cookie and no value, so it
// can be logged, stored and sent.
type Event struct {
	Kind EventKind `json:"kind"`
	Time time.Time `json:"time"` // by Settings.Clock

	// KeyHash names the session as log lines do, under "key_hash": the same key
	// has the same hash wherever the SecretKey is the same. "" without a key.
	// With a cookie engine it names one version of the session, since each save
	// is another cookie.
	KeyHash string `json:"key_hash,omitempty"`

	// OldKeyHash is what KeyHash was before EventRotated.
	OldKeyHash string `json:"old_key_hash,omitempty"`

	// Reason says why, for EventEnded.
	Reason EndReason `json:"reason,omitempty"`

	// UserID is who, where the emitter says it: of this package only
	// Manager.Revoke does.
	UserID string `json:"user_id,omitempty"`
}

// EventKind is what happened. Others than these come from Emit.
type EventKind string

// Kinds of events.
const (
	// EventCreated: a session was stored under a fresh key, or put into a
	// cookie for the first time.
	EventCreated EventKind = "created"

	// EventRotated: CycleKey gave the session another key. The old one is dead,
	// except with a cookie engine, where a copy of the old cookie stays valid.
	EventRotated EventKind = "rotated"

	// EventAuthenticated: a user has logged in. The package auth emits it.
	EventAuthenticated EventKind = "authenticated"

	// EventEnded: the session is over, for Event.Reason.
	EventEnded EventKind = "ended"

	// EventRevoked: Manager.Delete or Manager.Revoke removed the session from
	// outside. A store doesn't say whether there was one.
	EventRevoked EventKind = "revoked"

	// EventUnknownKey: a cookie named no session. It was made up, or deleted, or
	// it has expired: a store doesn't tell these apart. Many from one address
	// are an attempt to guess keys.
	EventUnknownKey EventKind = "unknown_key"

	// EventCorrupt: what a key names could not be read: damaged, or signed with
	// another SecretKey. With a cookie engine it is what a forged cookie is.
	EventCorrupt EventKind = "corrupt"

	// EventClientChanged: a session's request came from another client than the one
	// before. See ClientWatch.
	EventClientChanged EventKind = "client_changed"

	// EventHashMismatch: the session's user has another password than at its
	// login. The package auth emits it.
	EventHashMismatch EventKind = "hash_mismatch"
)

// EndReason is why a session has ended.
type EndReason string

// Reasons of EventEnded.
const (
	// EndFlushed: Flush, a logout for instance. A store doesn't say whether
	// anything was left to delete: of two logouts at once both report it.
	EndFlushed EndReason = "flushed"

	// EndDeleted: DeleteStored.
	EndDeleted EndReason = "deleted"

	// EndExpired: the cookie is genuine, but its session's time is over. It is
	// reported each time that the cookie comes. Only engines whose data is dated
	// can know; elsewhere it is EventUnknownKey.
	EndExpired EndReason = "expired"

	// EndRevoked: a cookie engine's Revoked has refused the session. It is reported
	// each time that the cookie comes. For Session.EndedBy it is Manager.Delete and
	// Revoke, too, whose event is EventRevoked.
	EndRevoked EndReason = "revoked"
)

// attrs are the fields that are set, under the names of log lines. The time is
// left to the log.
func (e Event) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("key_hash", e.KeyHash)
	add("old_key_hash", e.OldKeyHash)
	add("reason", string(e.Reason))
	add("user_id", e.UserID)
	return attrs
}

// LogValue gives a structured log the fields that are set, without Time.
func (e Event) LogValue() slog.Value { return slog.GroupValue(e.attrs()...) }

// String is the kind and the fields that are set, without Time.
func (e Event) String() string {
	text := string(e.Kind)
	for _, a := range e.attrs()[1:] {
		text += " " + a.String()
	}
	return text
}

// Emit calls Settings.OnEvent, if there is one, with an event of another
// package or of the application. A zero Time becomes the present.
func (m *Manager) Emit(ctx context.Context, e Event) {
	if m.settings.OnEvent == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = m.now()
	}
	defer func() {
		if p := recover(); p != nil {
			m.log.ErrorContext(ctx, "sessions: OnEvent panicked", slog.Any("panic", p),
				slog.String("event", string(e.Kind)), slog.String("stack", string(debug.Stack())))
		}
	}()
	m.settings.OnEvent(context.WithoutCancel(ctx), e)
}

// Emit is Manager.Emit with the session's KeyHash, unless e has one. After a
// Flush there is none: emit before it what belongs to the session.
func (s *Session) Emit(ctx context.Context, e Event) {
	if s.m.settings.OnEvent == nil {
		return
	}
	if key := s.Key(); e.KeyHash == "" {
		e.KeyHash = s.m.keyHash(key)
	}
	s.m.Emit(ctx, e)
}

// keyHash names the session of that key in an event.
func (m *Manager) keyHash(key string) string {
	if key == "" {
		return ""
	}
	return m.hasher.hash(key)
}

// note keeps an event of the session until its lock is free. The caller holds
// s.mu.
func (s *Session) note(kind EventKind, key string) {
	if s.m.settings.OnEvent != nil {
		s.noted = append(s.noted, Event{Kind: kind, Time: s.m.now(), KeyHash: s.m.keyHash(key)})
	}
}

func (s *Session) noteEnd(reason EndReason, key string) {
	if s.m.settings.OnEvent != nil {
		s.note(EventEnded, key)
		s.noted[len(s.noted)-1].Reason = reason
	}
}

func (s *Session) noteRotation(oldKey, key string) {
	if s.m.settings.OnEvent != nil {
		s.note(EventRotated, key)
		s.noted[len(s.noted)-1].OldKeyHash = s.m.keyHash(oldKey)
	}
}

// unlock frees s.mu, and then emits what was noted under it: the hook may use
// the session.
func (s *Session) unlock(ctx context.Context) {
	noted := s.noted
	s.noted = nil
	s.mu.Unlock()
	for _, e := range noted {
		s.m.Emit(ctx, e)
	}
}

// RequestFromContext returns the request that ctx belongs to, as Manager.Handler
// got it: the RemoteAddr of an event, for instance. It is nil when ctx comes from
// no request that passed through Manager.Handler.
func RequestFromContext(ctx context.Context) *http.Request {
	if rq, _ := ctx.Value(requestKey{}).(*request); rq != nil {
		return rq.session.r
	}
	return nil
}
