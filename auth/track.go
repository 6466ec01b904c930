package auth

import (
	"context"

	"github.com/keepsake-go/sessions"
)

// Tracker keeps track of the sessions that users are logged in with: package
// auth/devices. Visitors who are not logged in never come to it. It is called
// while a request waits, by several goroutines at once, and must not ask for the
// user of the context. What fails in it fails no request: it sees to that itself.
type Tracker interface {
	// Seen says that u uses s: at a login, and once in each request that asks
	// for its user. former is the key that the session had until now, "" when it
	// has the one that it had, or is u's only now.
	Seen(ctx context.Context, s *sessions.Session, u *User, former string)

	// Left says that nobody is logged in any more with the session that had that
	// key, or somebody else is, with another key.
	Left(ctx context.Context, userID, key string)
}

// sessionOf is a session's key, and whose it is.
type sessionOf struct{ key, userID string }

// tracked is s, which is loaded, for track; it is zero when nobody is logged in.
func (a *Auth) tracked(s *sessions.Session) sessionOf {
	if a.options.Tracker == nil {
		return sessionOf{}
	}
	id, found, err := SessionIdentity(s)
	if !found || err != nil || s.Key() == "" {
		return sessionOf{}
	}
	return sessionOf{s.Key(), id.UserID}
}

// track tells the Tracker what has become of the session that was before: it is
// u's, or nobody's.
func (a *Auth) track(ctx context.Context, s *sessions.Session, before sessionOf, u *User) {
	t := a.options.Tracker
	if t == nil {
		return
	}
	now := sessionOf{key: s.Key()}
	if u != nil {
		now.userID = u.ID
	}
	if c := a.current(ctx, s); c != nil {
		c.told.Store(&now)
	}
	ctx = withoutUser(ctx)
	former := ""
	switch {
	case before.key == "" || before == now:
	case before.userID == now.userID:
		former = before.key
	default:
		t.Left(ctx, before.userID, before.key)
	}
	if u != nil && now.key != "" {
		t.Seen(ctx, s, u, former)
	}
}

// trackEnd tells the Tracker what the handler has made of the session without
// this package: it may have given it another key, or flushed it.
func (c *current) trackEnd(ctx context.Context) {
	c.mu.Lock()
	user := c.user
	c.mu.Unlock()
	told := c.told.Load()
	if user == nil || told == nil || told.key == "" || c.session.Key() == told.key {
		return
	}
	if c.auth.tracked(c.session).userID != user.ID {
		user = nil
	}
	c.auth.track(ctx, c.session, *told, user)
}
