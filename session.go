package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Session is one visitor's session: a dictionary, its expiry and its key. It is
// Django's request.session in a request, and SessionStore outside one (Open).
//
// Reading and changing it is memory only. What is changed is kept as a list of
// edits; saving applies them to the latest stored values with a
// compare-and-swap, so that parallel requests of one visitor lose nothing.
//
// Names that begin with an underscore are reserved for Django and Keepsake;
// Keepsake's begin with "_keepsake_".
//
// A Session is safe for several goroutines of its request. After the request
// everything on it fails with ErrClosed.
type Session struct {
	m *Manager
	r *http.Request // that it came with; nil outside of one

	mu     sync.Mutex
	key    string // "": none yet, or none any more
	sealed bool   // the response has begun: no cookie can be sent
	closed bool   // the request has ended

	*contents // nil: nobody has asked for anything yet; see lock
}

// contents is what a Session holds once somebody asks for anything. Most requests
// don't, and then do without it.
type contents struct {
	record Record // what is stored under key, as last seen
	values Values // with the edits applied
	edits  []edit // since the record was seen
	err    error  // the first of Set, Get …; fails the save

	loaded   bool
	accessed bool
	modified bool
	touch    bool // the expiry is to be renewed, whether or not there are edits
	saved    bool // saved since it was loaded
	renewed  bool // a save of this request has moved the expiry

	rotated    bool // it came with a key that was rotated a moment ago
	unreadable bool // something is stored under its cookie, but not readable
	moved      bool // its key was changed or removed in the store, and the browser must be told
	assigned   bool // its key was assigned: the browser does not know it
	several    bool // its request has several cookies

	others  []string  // further keys of such a request
	sentKey string    // the key that it came with
	noted   []Event   // for Settings.OnEvent, once mu is free
	watch   *watch    // of Done; nil: nobody has asked
	vary    [1]string // room for a header of the response
	failure error     // of the response: see request.failed
}

// lock locks s.mu for who asks the session for anything.
func (s *Session) lock() {
	s.mu.Lock()
	s.need()
}

// need makes the contents, if nobody has yet. The caller holds s.mu.
func (s *Session) need() {
	if s.contents == nil {
		s.contents = &contents{sentKey: s.key}
	}
}

// Key is the key of the session in the store, "" while it has none. It is a
// secret: whoever has it is the visitor.
func (s *Session) Key() string {
	s.lock()
	defer s.mu.Unlock()
	return s.key
}

// Err is the first error of Set, Get, Update and the like, or nil. It fails the
// save, as a bufio.Writer's fails the Flush.
func (s *Session) Err() error {
	s.lock()
	defer s.mu.Unlock()
	return s.err
}

// fail keeps the first error. The caller holds s.mu.
func (s *Session) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Load reads the session from the store, once; later calls do nothing. It is
// the only step of reading that can fail, and a failure is not remembered: the
// next call tries again. A session that does not exist (any more), or that can't
// be read, is an empty one without a key: a key that the store does not have is
// never adopted. Loading does not count as access.
func (s *Session) Load(ctx context.Context) error {
	s.lock()
	defer s.unlock(ctx)
	return s.load(ctx)
}

func (s *Session) load(ctx context.Context) error {
	if s.closed {
		return s.closedError()
	}
	if s.loaded {
		return nil
	}
	if s.key == "" {
		s.loaded = true
		return nil
	}
	switch c := ctx.(type) {
	case *saveContext: // which hides the session, too
	case *request:
		ctx = requestWithoutSession{c}
	default:
		ctx = &withoutSession{ctx}
	}

	err := s.fetchAny(ctx)
	if err == nil {
		s.loaded = true
		s.m.watcher.learn(s.key)
		return nil
	}
	switch {
	case errors.Is(err, ErrRotated):
		s.rotated = true
		s.m.log.DebugContext(ctx, "sessions: request with a key that was just rotated", s.m.keyAttr(s.key))
	case errors.Is(err, ErrNotFound):
		switch {
		case errors.Is(err, errExpired):
			s.noteEnd(EndExpired, s.key)
		case errors.Is(err, errRevoked):
			s.noteEnd(EndRevoked, s.key)
		default:
			s.note(EventUnknownKey, s.key)
		}
		s.m.log.InfoContext(ctx, "sessions: unknown or expired session key", s.m.keyAttr(s.key))
	case errors.Is(err, ErrCorrupt):
		// What is stored stays: it may be another service's, or ours under a
		// secret key that this process was not given.
		s.unreadable = s.m.store != nil
		s.note(EventCorrupt, s.key)
		s.m.log.WarnContext(ctx, "Session data corrupted", s.m.keyAttr(s.key), slog.Any("error", err))
	default:
		return fmt.Errorf("sessions: load: %w", err)
	}
	s.key, s.record, s.values, s.loaded = "", Record{}, Values{}, true
	return nil
}

// fetchAny is fetch for the first of the cookies that names a session. Where none
// does, s.key is the one that counts in Django. A store's failure is no reason to
// take another one.
func (s *Session) fetchAny(ctx context.Context) error {
	err := s.fetch(ctx)
	if err == nil || len(s.others) == 0 {
		return err
	}
	first := s.key
	for i := 0; missing(err) && i < len(s.others); i++ {
		s.key = s.others[i]
		if other := s.fetch(ctx); other == nil || !missing(other) {
			err = other
		}
	}
	if err != nil {
		s.key = first
	}
	return err
}

// missing reports whether err says that there is no session.
func missing(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) }

// fetch gets what is stored under s.key into s.record and s.values, which an error
// leaves as they are.
func (s *Session) fetch(ctx context.Context) error {
	if s.m.store == nil {
		return s.fetchCookie(ctx)
	}
	if !ValidKey(s.key) {
		return ErrNotFound
	}
	if s.m.calls.full() {
		return ErrOverloaded
	}
	record, err := s.m.store.Load(ctx, s.key)
	if err != nil {
		return err
	}
	values, err := s.m.decode(record, nil)
	if err == nil {
		s.record, s.values = record, values
		return nil
	}
	if errors.Is(err, errTimedOut) {
		s.m.endTimedOut(ctx, s.key, record)
	}
	return overdue(err)
}

// overdue is the error of what was found, named errExpired where it is genuine but
// too old.
func overdue(err error) error {
	if errors.Is(err, ErrNotFound) && !errors.Is(err, errRevoked) {
		return errExpired
	}
	return err
}

// fetchCookie reads the session that is its own key, and ends it when its time
// has come: the browser might not. (Django trusts the browser: its ticket 19201.)
func (s *Session) fetchCookie(ctx context.Context) error {
	record := Record{Data: s.key}
	dated, ok := s.m.codec.(DatedCodec)
	if !ok {
		values, err := s.m.decode(record, nil)
		if err == nil {
			err = s.askRevoked(ctx, values, time.Time{})
		}
		if err != nil {
			return overdue(err)
		}
		s.record, s.values = record, values
		return nil
	}
	values, written, err := dated.DecodeDated(s.key)
	if err != nil {
		return overdue(err)
	}
	record.Expires = values.expiryDate(s.m.settings, written)
	if !record.Expires.After(s.m.now()) {
		return errExpired
	}
	if err := s.askRevoked(ctx, values, written); err != nil {
		return err
	}
	s.record, s.values = record, values
	return nil
}

// errRevoked: a cookie engine's session that has been revoked.
var errRevoked = fmt.Errorf("%w: it was revoked", ErrNotFound)

func (s *Session) askRevoked(ctx context.Context, values Values, written time.Time) error {
	if s.m.revoked == nil {
		return nil
	}
	switch revoked, err := s.m.revoked(ctx, values.Clone(), written); {
	case err != nil:
		return fmt.Errorf("whether the session was revoked: %w", err)
	case revoked:
		return errRevoked
	}
	return nil
}

// usable reports why the values are not in memory, or nil. The caller holds s.mu.
func (s *Session) usable() error {
	switch {
	case s.closed:
		return s.closedError()
	case s.loaded:
	case s.key == "":
		s.loaded = true
	default:
		return ErrNotLoaded
	}
	s.accessed = true
	return nil
}

// open is usable for calls that return no error: it is kept for the save. The
// caller holds s.mu.
func (s *Session) open() bool {
	if err := s.usable(); err != nil {
		s.fail(err)
		return false
	}
	return true
}

// openToChange is open for a change: one that can't be made must fail the save,
// and so the response, rather than be lost.
func (s *Session) openToChange() bool {
	if !s.open() {
		s.modified = true
		return false
	}
	return true
}

// refuse fails the save: a change that was asked for could not be made.
func (s *Session) refuse(err error) {
	s.fail(err)
	s.modified = true
}

// change makes e on the values in memory and remembers it for the save. The
// caller holds s.mu and has called openToChange.
func (s *Session) change(e edit) {
	if err := e.apply(&s.values); err != nil {
		s.refuse(err)
		return
	}
	s.modified = true
	if n := len(s.edits); n > 0 && e.op == opSet && s.edits[n-1].op == opSet && s.edits[n-1].name == e.name {
		s.edits[n-1] = e // a loop that sets one value is one edit
		return
	}
	s.edits = append(s.edits, e)
}

// StoredUntil is when the store drops the session, as it was last loaded or
// saved: the expire_date of Django's table. It is zero for a session that is not
// stored, and where the engine doesn't know. ExpiryDate says when it would end if
// it were saved now.
func (s *Session) StoredUntil() time.Time {
	s.lock()
	defer s.mu.Unlock()
	return s.record.Expires
}

// Accessed reports whether anything has looked into the session. The response
// then says Vary: Cookie.
func (s *Session) Accessed() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.accessed
}

// Modified reports whether the session was changed since it was made. It stays
// true after a save, as in Django.
func (s *Session) Modified() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.modified
}

// Loaded reports whether the session's values are in memory.
func (s *Session) Loaded() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.loaded
}

// SetAccessed says whether something has looked into the session, instead of what
// was noticed: Django's request.session.accessed = value. A page that is the same
// for every visitor, though it looks, may say Vary no more with false.
func (s *Session) SetAccessed(accessed bool) {
	s.lock()
	defer s.mu.Unlock()
	s.accessed = accessed
}

// SetModified with true is MarkModified. With false the response does not save
// the session, whatever was changed so far: Django's request.session.modified =
// False. The changes stay in memory, for Save or until the next change.
func (s *Session) SetModified(modified bool) {
	if modified {
		s.MarkModified()
		return
	}
	s.lock()
	defer s.mu.Unlock()
	s.modified, s.touch = false, false
}

// MarkModified makes the response save the session and send its cookie although
// no value was changed: its expiry begins anew. It is Django's
// request.session.modified = True. (A value that Get returned is a copy: to
// change it, Set it.)
func (s *Session) MarkModified() {
	s.lock()
	defer s.mu.Unlock()
	if s.closed {
		s.fail(s.closedError())
		return
	}
	s.modified, s.touch = true, true
}

// IsEmpty reports whether the session has no key and holds nothing: Django's
// is_empty(). A stored session without values is not empty in this sense. It
// never loads.
func (s *Session) IsEmpty() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.isEmpty()
}

func (s *Session) isEmpty() bool { return s.key == "" && s.values.Len() == 0 }

// dirty reports whether there is anything to save.
func (s *Session) dirty() bool { return len(s.edits) > 0 || s.touch }

func (s *Session) closedError() error {
	if errors.Is(s.err, ErrNoSession) {
		return s.err // it never had a request
	}
	return ErrClosed
}

// LogValue keeps the key and the values out of structured logs.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String names the session without its key or its values.
func (s *Session) String() string {
	s.lock()
	defer s.mu.Unlock()
	if s.key == "" {
		return "session without a key"
	}
	return "session " + s.m.hasher.hash(s.key)
}

// Format keeps the key and the values out of every fmt verb.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }
