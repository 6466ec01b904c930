package sessions

// Done returns a channel that is closed when the session ends: with a logout
// (Flush), with Manager.Delete, with its expiry or its Timeouts, in whatever
// process, of Keepsake's or of Django's. It is for responses that stay open, an
// event stream or a WebSocket, beside the request's context:
//
//	select {
//	case <-s.Done(): // logged out
//	case <-r.Context().Done(): // gone away
//	case event := <-events:
//	}
//
// An end in this process closes it at once. Ends in other processes are told
// through Redis's pub/sub, where the sessions or their cache are there, or through
// Settings.Notifier, and by looking at the store each Settings.WatchInterval: so
// even a Django's logout, which tells nobody, is seen within a second. A store
// that doesn't answer ends nothing. An expiry counts as stored: a session that
// another request has renewed goes on. A connection that is open is no use that
// would renew it.
//
// A login of another user, or with another password, ends what was open of the
// session before, with EndFlushed. Any other new key (CycleKey, a login) is no end.
// In this process the channel goes on
// with the new key. When another process has told of it, it goes on as well, and
// is closed a minute later unless the browser has used its new key here by then.
// When nobody has told, it is closed after two seconds: a store knows that a key
// was replaced, not by which. Let the client come back in both cases; it has its
// new cookie.
//
// A session without a key has no end, until it is stored. It is closed in any
// case when the request's handler returns, or at Close; for a Session that is
// closed or not loaded; and for a request that came with a key that was just
// replaced. Once closed it stays so, also when a new session begins in s.
//
// A cookie engine's session ends by its expiry, as of when it was read, by Flush in
// a request of this process that came with the same cookie, and when the engine's
// Revoked says so. There is no store to ask.
//
// Calls return the same channel. Who never calls it pays nothing; who does has one
// goroutine of the Manager's look after all sessions, as long as there are any.
func (s *Session) Done() <-chan struct{} {
	s.lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		return s.watch.done
	}
	s.watch = &watch{done: make(chan struct{})}
	switch {
	case !s.open():
		s.m.watcher.release(s.watch, "")
	case s.rotated:
		s.m.watcher.release(s.watch, EndRotated)
	default:
		s.follow()
	}
	return s.watch.done
}

// follow watches the session under the key that it has now, if it is watched. The
// caller holds s.mu.
func (s *Session) follow() {
	if s.watch != nil && s.key != "" {
		s.m.watcher.add(s.watch, s.key, s.record.Expires)
	}
}

// EndedBy says why Done was closed. "" while it is open, or was never asked for,
// and when it was closed with the request.
func (s *Session) EndedBy() EndReason {
	s.lock()
	w := s.watch
	s.mu.Unlock()
	if w == nil {
		return ""
	}
	select {
	case <-w.done:
		return w.reason
	default:
		return ""
	}
}

// Close ends the use of s, not the session: everything on s fails with ErrClosed
// from now on, and Done is closed. The middleware does it for a request's session;
// who asks for Done of one made by Manager.Open must do it. It may be called twice.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.contents != nil && s.watch != nil {
		s.m.watcher.release(s.watch, "")
	}
}

// Reasons of Session.EndedBy only.
const (
	// EndRotated: another process has given the session a new key, under which it
	// lives on. The client has to come back with it.
	EndRotated EndReason = "rotated"

	// EndGone: it is no longer in the store, and nobody has said why: a Django's
	// logout, for instance, or its expiry in a cache that doesn't tell it.
	EndGone EndReason = "gone"
)

// told reports whether other processes tell of such an end.
func (r EndReason) told() bool {
	return r == EndFlushed || r == EndDeleted || r == EndRevoked
}
