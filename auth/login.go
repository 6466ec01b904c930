package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keepsake-go/sessions"
)

// Authenticate returns the user with these credentials, who is active: Django's
// authenticate(). The backends are asked in order. ErrCredentials when none knows
// them; another error means that one could not say, and no further one is asked.
//
// The username is taken as it is. Django's forms normalise it first (NFKC); its
// ModelBackend does not, and neither does this.
func (a *Auth) Authenticate(ctx context.Context, username, password string) (*User, error) {
	asked := false
	for _, b := range a.options.Backends {
		authenticator, ok := able[Authenticator](b)
		if !ok {
			continue
		}
		asked = true
		user, err := authenticator.Authenticate(ctx, username, password)
		if errors.Is(err, ErrCredentials) && !errors.Is(err, ErrDenied) {
			continue
		}
		if err == nil {
			if user, err = vouched(b, user); err == nil && !user.Active {
				continue
			}
		}
		if err != nil {
			if errors.Is(err, ErrDenied) {
				a.loginFailed(ctx)
			}
			return nil, backendError(b, err)
		}
		return user, nil
	}
	if !asked {
		return nil, errors.New("auth: none of the backends checks passwords")
	}
	a.loginFailed(ctx)
	return nil, ErrCredentials
}

// Login makes u the one who is logged in with s: Django's login(). The session has
// a new key afterwards; see SessionLogin for what becomes of its values. Then
// u's last_login is stored, where the backend does that; when this fails it is
// logged, and the login stands.
//
// ErrInactive, ErrBackend; else SessionLogin's errors, after which nobody is
// logged in who was not.
func (a *Auth) Login(ctx context.Context, s *sessions.Session, u *User) error {
	b, user, err := a.candidate(u)
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return fmt.Errorf("auth: login: %w", err)
	}
	before, now := a.tracked(s), a.now()
	id := Identity{UserID: user.ID, Backend: user.Backend, Hash: a.hashesOf(b, user).current, Since: now}
	if err := SessionLogin(ctx, s, id, a.options.KeepAtLogin); err != nil {
		return fmt.Errorf("auth: login: %w", err)
	}
	if c := a.current(ctx, s); c != nil {
		c.set(user)
	}
	a.track(ctx, s, before, user)
	a.updateLastLogin(ctx, b, user, now)
	a.loggedIn(ctx, s, user)
	return nil
}

// candidate returns the user to be logged in, and its backend.
func (a *Auth) candidate(u *User) (Backend, *User, error) {
	switch {
	case u == nil || u.ID == "":
		return nil, nil, ErrNoUser
	case !u.Active:
		return nil, nil, ErrInactive
	}
	user := *u
	if user.Backend == "" && len(a.options.Backends) == 1 {
		user.Backend = a.options.Backends[0].Name()
	}
	b, ok := a.backends[user.Backend]
	if !ok {
		return nil, nil, ErrBackend
	}
	return b, &user, nil
}

func (a *Auth) updateLastLogin(ctx context.Context, b Backend, u *User, at time.Time) {
	updater, ok := able[LastLoginUpdater](b)
	if !ok {
		return
	}
	timeout := a.settings.SaveTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(withoutUser(context.WithoutCancel(ctx)), timeout)
	defer cancel()
	if err := updater.UpdateLastLogin(ctx, u, at); err != nil {
		a.log.ErrorContext(ctx, "auth: last_login was not stored", "error", err)
	}
}

// Logout ends the session: Django's logout(). What is set afterwards begins a new
// one. When it fails the user is still logged in: don't say otherwise. See
// sessions.Session.Flush for the errors.
func (a *Auth) Logout(ctx context.Context, s *sessions.Session) error {
	if err := s.Load(ctx); err != nil {
		return fmt.Errorf("auth: logout: %w", err)
	}
	before := a.tracked(s)
	if err := s.Flush(ctx); err != nil {
		return fmt.Errorf("auth: logout: %w", err)
	}
	if c := a.current(ctx, s); c != nil {
		c.set(nil)
	}
	a.track(ctx, s, before, nil)
	a.log.InfoContext(ctx, "auth: logout")
	return nil
}

// UpdateSessionAuthHash lets s go on after u's password was changed, which ends
// u's other sessions: Django's update_session_auth_hash(). Store the password
// first; u has the new one. The session gets a new key; when it is not u's that is
// all.
//
// sessions.ErrInterrupted when the session has ended meanwhile: a parallel request
// of the same user may have seen the new password first. The user has to log in
// again.
func (a *Auth) UpdateSessionAuthHash(ctx context.Context, s *sessions.Session, u *User) error {
	b, user, err := a.candidate(u)
	if err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return fmt.Errorf("auth: update session hash: %w", err)
	}
	before, mine := a.tracked(s), false
	err = updateHash(ctx, s, func(v *sessions.Values) error {
		if mine = text(v, userKey) == user.ID; !mine {
			return nil
		}
		return v.Encode(hashKey, a.hashesOf(b, user).current)
	})
	if err != nil {
		return fmt.Errorf("auth: update session hash: %w", err)
	}
	if c := a.current(ctx, s); c != nil && mine {
		c.set(user)
	}
	if mine {
		a.track(ctx, s, before, user)
	}
	return nil
}
