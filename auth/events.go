package auth

import (
	"context"

	"github.com/keepsake-go/sessions"
)

// EventLoginFailed is the kind of the event (sessions.Settings.OnEvent) that
// Authenticate has refused credentials. No user and no session is in it. Beside it
// this package emits sessions.EventAuthenticated after a login, and
// sessions.EventHashMismatch after it has ended a session whose hash was no longer
// the user's; both with the user's ID.
const EventLoginFailed sessions.EventKind = "login_failed"

func (a *Auth) loggedIn(ctx context.Context, s *sessions.Session, u *User) {
	a.log.InfoContext(ctx, "auth: login")
	s.Emit(ctx, sessions.Event{Kind: sessions.EventAuthenticated, UserID: u.ID})
}

func (a *Auth) loginFailed(ctx context.Context) {
	a.log.InfoContext(ctx, "auth: wrong credentials")
	a.manager.Emit(ctx, sessions.Event{Kind: EventLoginFailed})
}

// mismatched is called while the request's user is being found out.
func (a *Auth) mismatched(ctx context.Context, s *sessions.Session, userID string) {
	ctx = withoutUser(ctx)
	a.log.InfoContext(ctx, "auth: login ended: the session's hash is not the user's")
	s.Emit(ctx, sessions.Event{Kind: sessions.EventHashMismatch, UserID: userID})
}
