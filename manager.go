package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keepsake-go/sessions/internal/lately"
)

// Manager is settings and an engine put together: Django's SessionMiddleware in
// Handler, its SessionStore in Open. Several may work in one program, each with
// its own cookie name. A Manager is safe for concurrent use.
type Manager struct {
	settings *Settings
	name     string
	store    Store // nil: a cookie engine
	codec    Codec
	revoked  func(context.Context, Values, time.Time) (bool, error) // see Backend
	log      *slog.Logger
	hasher   keyHasher
	saves    saver
	cookie   cookieWriter
	large    sizeWarner
	renewals lately.Keys // sessions whose cookie a page's own requests have, where the store tells no dates
	touches  lately.Keys // sessions that this process has touched: parallel requests touch once
	watcher  *watcher
	unknown  lately.Keys   // keys that this process has not found
	calls    *countedStore // nil: no limit

	warnPlainHTTP sync.Once
}

// New opens the engine with the settings. The error names everything that is
// wrong with either.
func New(st Settings, engine Engine) (*Manager, error) {
	err := st.Validate()
	tried := st // an engine need not say again what is wrong with the secret keys
	if st.SecretKey == "" || slices.Contains(st.SecretKeyFallbacks, "") {
		tried.SecretKey, tried.SecretKeyFallbacks = "a secret key to look for other faults with", nil
	}
	var backend Backend
	if engine == nil {
		err = errors.Join(err, errors.New("sessions: no engine"))
	} else {
		var engineErr error
		backend, engineErr = engine.Open(tried)
		if engineErr == nil && backend.Codec == nil {
			engineErr = errors.New("sessions: the engine has no codec")
		}
		if engineErr == nil && backend.CookieAge != 0 {
			st.CookieAge = backend.CookieAge
			engineErr = checkAge("the engine's CookieAge", st.CookieAge)
		}
		err = errors.Join(err, engineErr)
	}
	if err != nil {
		return nil, err
	}

	m := &Manager{
		settings: &st,
		name:     backend.Name,
		store:    backend.Store,
		codec:    backend.Codec,
		revoked:  backend.Revoked,
		log:      st.Logger,
		hasher:   newKeyHasher(st.SecretKey),
		saves:    saver{waiting: map[string][]*change{}},
		cookie:   newCookieWriter(&st),
	}
	m.watcher = newWatcher(m)
	if st.Timeouts.Idle > 0 {
		if err := m.canIdle(); err != nil {
			return nil, err
		}
	}
	if st.MaxStoreCalls > 0 && m.store != nil {
		m.calls = &countedStore{Store: m.store, most: int64(st.MaxStoreCalls)}
		m.store = m.calls
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	if why := st.weakSecret(); why != "" {
		m.log.Warn("sessions: SecretKey (SECRET_KEY) is weak: " + why + "; use at least 50 random characters")
	}
	return m, nil
}

// Format keeps keys and secrets out of every fmt verb.
func (m *Manager) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "manager of %s on %s", m.settings.CookieName, m.name)
}

// LogValue keeps keys and secrets out of structured logs.
func (m *Manager) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(m)) }

// Settings returns a copy of the settings.
func (m *Manager) Settings() Settings { return *m.settings }

// EngineName is Django's name of the engine: "db", "file" …
func (m *Manager) EngineName() string { return m.name }

// now is the present by Settings.Clock, to the microsecond, as Python has it.
func (m *Manager) now() time.Time {
	if m.settings.Clock != nil {
		return m.settings.Clock().Truncate(time.Microsecond)
	}
	return time.Now().Truncate(time.Microsecond)
}

// keyAttr names a session in a log line.
func (m *Manager) keyAttr(key string) slog.Attr {
	return slog.String("key_hash", m.hasher.hash(key))
}

// Open returns the session of that key outside of any request, not loaded yet:
// Django's SessionStore(key). "" is a new session. Load it, work on it, Save it.
func (m *Manager) Open(key string) *Session {
	s := &Session{m: m}
	s.setKey(key)
	return s
}

// setKey takes a key as Django's session_key does: what is too short is none.
func (s *Session) setKey(key string) {
	if assignableKey(key) {
		s.key = key
	}
}

// Exists reports whether the store has a live session under key: Django's
// SessionStore().exists(key). For a cookie engine it is false.
func (m *Manager) Exists(ctx context.Context, key string) (bool, error) {
	if m.store == nil || !ValidKey(key) {
		return false, nil
	}
	_, err := m.decode(m.store.Load(ctx, key))
	switch {
	case err == nil, errors.Is(err, ErrCorrupt): // something is there
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	default:
		return false, fmt.Errorf("sessions: exists: %w", err)
	}
}

// Delete removes the session of that key from the store: Django's
// SessionStore().delete(key). That there is none is no error; ErrRotated is: the
// session lives on under another key. For a cookie engine it does nothing, as in
// Django: the cookie stays valid.
func (m *Manager) Delete(ctx context.Context, key string) error { return m.revoke(ctx, key, "") }

// Revoke is Delete of a session that the caller knows to be that user's, which
// the event EventRevoked then says. ErrUnsupported for a cookie engine, which can't
// end a session from outside.
func (m *Manager) Revoke(ctx context.Context, key, userID string) error {
	if m.store == nil {
		return m.unsupported("revoking sessions")
	}
	return m.revoke(ctx, key, userID)
}

func (m *Manager) revoke(ctx context.Context, key, userID string) error {
	err := m.delete(ctx, key)
	if err == nil && m.deletable(key) {
		m.tellEnded(ctx, key, EndRevoked)
		m.Emit(ctx, Event{Kind: EventRevoked, KeyHash: m.keyHash(key), UserID: userID})
	}
	return err
}

// deletable reports whether a deletion of that key is the store's work at all.
func (m *Manager) deletable(key string) bool { return m.store != nil && ValidKey(key) }

func (m *Manager) delete(ctx context.Context, key string) error {
	if !m.deletable(key) {
		return nil
	}
	ctx, own := m.saveContext(ctx)
	defer own.cancel()
	if err := m.store.Delete(ctx, key); err != nil {
		return writeError("delete", err)
	}
	return nil
}

// Decode reads what a store holds for one session, a session_data column for
// instance: Django's Session.get_decoded(). The error wraps ErrCorrupt when it
// is no session.
func (m *Manager) Decode(stored string) (Values, error) { return m.codec.Decode(stored) }

// Encode is the inverse of Decode: Django's SessionStore().encode(dict).
func (m *Manager) Encode(values Values) (string, error) { return m.codec.Encode(values) }

// The sizes of a batch, after which progress is told. It grows while a batch takes
// no longer than clearQuick, and shrinks when one takes longer than clearSlow. A store
// that has others wait while it deletes does that in steps of its own.
const (
	clearBatch = 200
	clearMost  = 6400
	clearQuick = 250 * time.Millisecond
	clearSlow  = time.Second
)

// ClearExpired deletes all expired sessions, in batches so that running
// requests go on, and returns how many it deleted: Django's clearsessions. It
// returns ErrUnsupported for an engine that can't. progress, unless nil, is
// called after each batch with the count so far.
func (m *Manager) ClearExpired(ctx context.Context, progress func(deleted int)) (int, error) {
	if m.store == nil {
		return 0, nil // cookies expire in the browsers
	}
	clearer, ok := Capability[Clearer](m.store)
	if !ok {
		return 0, m.unsupported("clearing expired sessions")
	}
	deleted, batch := 0, clearBatch
	for {
		begin := time.Now()
		n, err := clearer.ClearExpired(ctx, batch)
		took := time.Since(begin)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("sessions: clear expired: %w", err)
		}
		if progress != nil && n > 0 {
			progress(deleted)
		}
		switch {
		case n < batch:
			return deleted, nil
		case took < clearQuick:
			batch = min(2*batch, clearMost)
		case took > clearSlow:
			batch = max(batch/2, clearBatch)
		}
	}
}

// Migrate makes what the engine needs before its first use, a table for
// instance, and reports whether anything was missing. An engine that needs
// nothing is no error.
func (m *Manager) Migrate(ctx context.Context) (bool, error) {
	migrator, ok := Capability[Migrator](m.store)
	if !ok {
		return false, nil
	}
	made, err := migrator.Migrate(ctx)
	if err != nil {
		return made, fmt.Errorf("sessions: migrate: %w", err)
	}
	return made, nil
}
