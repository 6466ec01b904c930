package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Handler wraps next so that its requests have a session: Django's
// SessionMiddleware. The session is loaded when it is first asked for
// (FromContext, HandlerFunc, Session.Load); it is saved, and its cookie sent,
// once, right before the response's first byte:
//
//   - nothing looked into the session: nothing is sent to the store, and the
//     response is not touched;
//   - it was read: the response says Vary: Cookie;
//   - it was changed, or SaveEveryRequest is on: it is saved and its cookie
//     sent, unless the status is 500 or higher or the handler panics; a page's
//     own request (Sec-Fetch-Mode other than navigate) leaves the expiry and the
//     cookie as they are, where both were renewed less than a twentieth of the
//     session's life ago: its response might come after that of a login;
//   - it was read and is under an idle timeout: now and then its expiry is moved
//     and its cookie sent (see Timeouts);
//   - it is gone (Flush, an unknown or expired key): the cookie is deleted.
//
// When loading or saving fails the client gets Settings.OnError's response
// instead of the handler's.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return &handler{m, next}
}

// handler is Handler's.
type handler struct {
	m    *Manager
	next http.Handler
}

// ServeHTTP calls the wrapped handler, once with a session of m.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := h.m
	outer, _ := r.Context().Value(requestKey{}).(*request)
	if outer.of(m) != nil {
		h.next.ServeHTTP(w, r) // wrapped twice
		return
	}
	rq := &request{w: w}
	rq.session.m, rq.session.r = m, r
	if lines := r.Header["Cookie"]; len(lines) > 0 {
		rq.readCookie(lines)
	}
	if m.settings.SaveEveryRequest {
		rq.session.need()
	}
	rq.with = *r.WithContext(rq)
	defer rq.end()
	h.next.ServeHTTP(rq.writer(), &rq.with)
	rq.returned = true
}

// HandlerFunc is a handler that works on its request's session, the innermost
// Manager's, which is loaded before the call. When that fails Settings.OnError
// answers; without the middleware it is a 500.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, s *Session)

// ServeHTTP calls f with the request's session.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rq, _ := r.Context().Value(requestKey{}).(*request)
	if rq == nil {
		slog.ErrorContext(r.Context(), "sessions: request failed", slog.Any("error", ErrNoSession))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if err := rq.session.Load(r.Context()); err != nil {
		rq.session.m.Error(w, r, err)
		return
	}
	f(w, r, &rq.session)
}

// FromContext returns the session of the request that ctx belongs to, the
// innermost Manager's, loaded. ErrNoSession without the middleware; else the
// store's error.
func FromContext(ctx context.Context) (*Session, error) {
	rq, _ := ctx.Value(requestKey{}).(*request)
	if rq == nil {
		return nil, ErrNoSession
	}
	if err := rq.session.Load(ctx); err != nil {
		return nil, err
	}
	return &rq.session, nil
}

// Session returns this Manager's session of the request that ctx belongs to,
// not loaded by this call. Without the middleware everything on it fails with
// ErrNoSession.
func (m *Manager) Session(ctx context.Context) *Session {
	rq, _ := ctx.Value(requestKey{}).(*request)
	if rq = rq.of(m); rq != nil {
		return &rq.session
	}
	return &Session{m: m, closed: true, contents: &contents{err: ErrNoSession}}
}

// request is one request's way through the middleware. It is its own context, and
// holds the session and the request that the handler gets, so that one that doesn't
// use its session costs one allocation.
type request struct {
	session Session
	with    http.Request        // session.r with this context
	w       http.ResponseWriter // the server's

	sentCookie  bool // the browser sent one
	abandoned   bool // Manager.Error answers in the handler's place; under session.mu
	committed   bool // the session's part of the response is decided
	serverError bool // with a status of 500 or more
	failed      bool // OnError has answered instead of the handler: see session.failure
	returned    bool // the handler has returned: it did not panic
}

type requestKey struct{}

// outer is the context of the request as it came.
func (rq *request) outer() context.Context { return rq.session.r.Context() }

func (rq *request) Deadline() (time.Time, bool) { return rq.outer().Deadline() }
func (rq *request) Done() <-chan struct{}       { return rq.outer().Done() }
func (rq *request) Err() error                  { return rq.outer().Err() }

// Value makes the request findable in its own context.
func (rq *request) Value(key any) any {
	if key == (requestKey{}) {
		return rq
	}
	return rq.outer().Value(key)
}

// withoutSession hides the session from stores, drivers and log handlers, which are
// called under its lock: asking for it there would never end.
type withoutSession struct{ context.Context }

func (c withoutSession) Value(key any) any {
	if key == (requestKey{}) {
		return nil
	}
	return c.Context.Value(key)
}

// requestWithoutSession is withoutSession of a request, which costs no memory.
type requestWithoutSession struct{ *request }

func (c requestWithoutSession) Value(key any) any { return withoutSession{c.outer()}.Value(key) }

// requestWithoutEnd is context.WithoutCancel of a request, which costs no memory
// either.
type requestWithoutEnd struct{ *request }

func (requestWithoutEnd) Deadline() (time.Time, bool) { return time.Time{}, false }
func (requestWithoutEnd) Done() <-chan struct{}       { return nil }
func (requestWithoutEnd) Err() error                  { return nil }

// Format keeps the session's key and values out of what prints a context.
func (rq *request) Format(f fmt.State, _ rune) { fmt.Fprint(f, rq.outer(), ".WithSession") }

// of returns m's request among rq and those around it.
func (rq *request) of(m *Manager) *request {
	for rq != nil && rq.session.m != m {
		rq, _ = rq.outer().Value(requestKey{}).(*request)
	}
	return rq
}

// readCookie takes the key from the lines of the Cookie header.
func (rq *request) readCookie(lines []string) {
	s := &rq.session
	m := s.m
	value, found, several := m.cookie.find(lines)
	var others []string
	if several {
		m.log.WarnContext(rq, "sessions: several session cookies in one request; the last one that names a session counts", m.keyAttr(value))
		if keys := m.cookie.keys(lines); len(keys) > 0 {
			value, others = keys[0], keys[1:]
		}
	}
	rq.sentCookie = found
	s.setKey(value)
	if several || found && s.key == "" { // the response has something to do
		s.need()
		s.several, s.others = several, others
	}
	if value != s.key {
		m.log.InfoContext(rq, "sessions: the session cookie is too short to hold a key", m.keyAttr(value))
		m.Emit(rq, Event{Kind: EventUnknownKey, KeyHash: m.keyHash(value)})
	}
}

// abandon is called before an answer in the handler's place: to load or to save
// once more for it would only fail once more, and be answered a second time.
func (rq *request) abandon() {
	if rq != nil {
		rq.session.mu.Lock()
		defer rq.session.mu.Unlock()
		rq.abandoned = true
	}
}

// commit decides the session's part of the response: it saves the session and
// sets the headers, once, as Django's SessionMiddleware.process_response does.
// After an error nothing was saved and no cookie may be sent.
func (rq *request) commit(status int) error {
	s := &rq.session
	s.mu.Lock()
	if rq.abandoned { // whatever it answers: nothing is saved, a rotation or a flush is told of
		status = max(status, http.StatusInternalServerError)
	}
	rq.committed, rq.serverError = true, status >= 500
	if s.contents == nil {
		s.sealed = true
		s.mu.Unlock()
		return nil
	}
	defer s.unlock(rq)
	defer func() { s.sealed = true }()
	err := rq.decide(status)
	if err != nil && status < 500 && s.moved && !errors.Is(err, ErrInterrupted) {
		_ = rq.decide(http.StatusInternalServerError) // tells of a rotation or a flush; saves nothing
	}
	return err
}

// decide is commit for who holds s.mu.
func (rq *request) decide(status int) error {
	s := &rq.session

	m, h, serverError := s.m, rq.w.Header(), status >= 500
	everyRequest := m.settings.SaveEveryRequest && !serverError
	if s.several && s.accessed && s.loaded && !s.isEmpty() && len(m.cookie.former) > 0 {
		s.modified, s.touch = true, true // so that the cookie is sent, and the others are deleted
	}
	ctx := context.Context(rq)
	if everyRequest || s.modified && !serverError {
		// A client that hangs up has changed what it has changed.
		var own *saveContext
		ctx, own = m.saveContext(requestWithoutEnd{rq})
		defer own.cancel()
		if s.key != "" {
			if err := s.load(ctx); err != nil {
				return err
			}
		}
		s.accessed = s.accessed || !s.isEmpty()
	}
	if s.accessed {
		varyOnCookie(h, &rq.session.vary)
	}
	if s.err != nil && s.modified && !serverError {
		return s.err
	}

	switch {
	case s.rotated:
		// The browser gets the new key from the login's response, before this
		// one or after it: this one must not touch the cookie.
		if s.dirty() && !serverError {
			return ErrInterrupted
		}
		return nil
	case s.isEmpty() && !s.unreadable, serverError && s.moved && s.key == "":
		if rq.sentCookie {
			if !rq.sparesCookie() {
				rq.sendCookie(m.cookie.deletion)
			}
		}
		return nil
	case s.isEmpty(), serverError && !s.moved:
		return nil
	}

	used := !s.modified && !everyRequest // and no more than that
	if used && !(s.accessed && s.slides()) {
		return nil
	}
	now := m.now() // before the save: the cookie must not outlive what is stored
	if used {
		if !s.renew(rq) {
			return nil
		}
	} else if !serverError && (s.dirty() || !s.saved) {
		err := s.save(ctx)
		if errors.Is(err, ErrRotated) && !s.dirty() {
			return nil // as above; only its sliding expiry is moot
		}
		if err != nil {
			return err
		}
	}
	if s.saved && !s.renewed && s.spares() {
		return nil
	}
	rq.sendCookie(m.cookie.set(s.key, now, s.age(now), s.expiry().atBrowserClose(m.settings)))
	rq.warnPlainHTTP()
	return nil
}

// sparesCookie reports whether the cookie of an unknown key is to be left alone:
// a login in a parallel request may just be setting another one, which a deletion
// that comes last would take away. That key has left no trace, as nothing was
// rotated. A page's own requests (fetch, images) are the parallel ones; a browser
// says which they are. So a page deletes the cookie, and they do once the key has
// been known to be unknown for a while.
func (rq *request) sparesCookie() bool {
	if rq.session.moved || rq.session.sentKey == "" || !pagesOwn(rq.session.r.Header) {
		return false
	}
	now := rq.session.m.now()
	return now.Sub(rq.session.m.unknown.First(rq.session.sentKey, now)).Abs() < unknownGrace
}

// unknownGrace is longer than a login takes.
const unknownGrace = 10 * time.Second

// sendCookie puts the cookie's line into the response, and deletes what the
// browser may have of former domains.
func (rq *request) sendCookie(line string) {
	h, c := rq.w.Header(), &rq.session.m.cookie
	if !rq.sentCookie || len(c.former) == 0 {
		c.add(h, &rq.session.vary, line)
		return
	}
	c.add(h, &rq.session.vary, append(slices.Clip(c.former), line)...)
}

// end does what is left when the handler has returned or panics, and closes the
// session.
func (rq *request) end() {
	s := &rq.session
	s.mu.Lock()
	if rq.settled() {
		rq.committed, s.closed = true, true
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	defer s.Close()
	switch {
	case !rq.committed && rq.returned:
		if err := rq.commit(http.StatusOK); err != nil {
			rq.fail(err)
		}
	case !rq.committed:
		_ = rq.commit(http.StatusInternalServerError) // which only tells of a rotation or a flush
	case !rq.failed && rq.returned && !rq.serverError:
		if err := rq.saveLate(); err != nil {
			s.m.log.ErrorContext(rq, "sessions: changes made after the response had begun were not saved", slog.Any("error", err))
		}
	}
	if err := s.Err(); err != nil && !s.Modified() {
		s.m.log.WarnContext(rq, "sessions: a value could not be read", slog.Any("error", err))
	}
}

// settled reports whether there is nothing left to do but to close the session: as
// a rule, since nobody has asked it for anything, or the response has seen to it. The
// caller holds s.mu.
func (rq *request) settled() bool {
	s := &rq.session
	return s.contents == nil || rq.committed && s.err == nil && s.watch == nil && !(s.modified && s.dirty())
}

// saveLate saves what was changed after the headers had gone.
func (rq *request) saveLate() error {
	s := &rq.session
	s.lock()
	defer s.unlock(rq)
	if s.err != nil && s.modified {
		return s.err
	}
	if !s.modified || !s.dirty() || s.isEmpty() {
		return nil
	}
	return s.save(context.WithoutCancel(rq))
}

// fail answers the request with OnError's response in place of the handler's.
func (rq *request) fail(err error) {
	rq.failed, rq.session.failure = true, err
	h := rq.w.Header()
	for _, name := range bodyHeaders {
		h.Del(name)
	}
	if m := rq.session.m; len(h["Set-Cookie"]) > 0 { // a rotation or a flush is told of
		m.cookie.forbidCaching(h)
	}
	rq.session.m.Error(rq.w, rq.session.r, err)
}

// bodyHeaders describe a handler's body, or would have a cache keep it.
var bodyHeaders = []string{
	"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Location", "Content-Range", "Content-Type", "Digest", "Etag", "Expires",
	"Last-Modified", "Location", "Repr-Digest", "Trailer", "Transfer-Encoding",
}

// Error answers a request whose session failed with err, as a failed load or
// save is answered: through Settings.OnError. It is for handlers that get an
// error from FromContext, Save, CycleKey or Flush. As after a status of 500, what
// the request has changed and not saved yet is not saved any more.
func (m *Manager) Error(w http.ResponseWriter, r *http.Request, err error) {
	rq, _ := r.Context().Value(requestKey{}).(*request)
	rq.of(m).abandon()
	if m.settings.OnError == nil {
		status := StatusCode(err)
		level := slog.LevelError
		switch {
		case r.Context().Err() != nil && errors.Is(err, context.Canceled):
			level = slog.LevelDebug // the client has hung up
		case status < 500:
			level = slog.LevelWarn
		}
		m.log.Log(r.Context(), level, "sessions: request failed", slog.Int("status", status), slog.Any("error", err))
		http.Error(w, http.StatusText(status), status)
		return
	}
	answer := &startedWriter{ResponseWriter: w}
	m.settings.OnError(answer, r, err)
	if !answer.started { // else net/http would say 200
		w.WriteHeader(StatusCode(err))
	}
}

// warnPlainHTTP says once what many a newcomer stumbles over.
func (rq *request) warnPlainHTTP() {
	m := rq.session.m
	if m.settings.CookieSecure && plainHTTP(rq.session.r) {
		m.warnPlainHTTP.Do(func() {
			m.log.WarnContext(&withoutSession{rq}, "sessions: a Secure cookie was sent over plain HTTP, so the browser drops it: "+
				"serve HTTPS, have the proxy set X-Forwarded-Proto, or set CookieSecure (SESSION_COOKIE_SECURE) to false")
		})
	}
}
