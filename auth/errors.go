package auth

import (
	"errors"
	"fmt"
)

var (
	// ErrNoUser: there is no such user. Users and Backends return it; any other
	// error means that they could not look.
	ErrNoUser = errors.New("auth: no such user")

	// ErrCredentials: these are not the credentials of a user who may log in.
	// Whether the user exists, is active, or has another password, is not said.
	ErrCredentials = errors.New("auth: wrong username or password")

	// ErrDenied is an Authenticator's veto: no further one is asked. Django's
	// PermissionDenied. It is an ErrCredentials too.
	ErrDenied = fmt.Errorf("%w: denied by a backend", ErrCredentials)

	// ErrInactive: Login was given a user who is not Active.
	ErrInactive = errors.New("auth: the user is not active")

	// ErrBackend: Login can't tell which Backend the user is from, or that one
	// is not configured.
	ErrBackend = errors.New("auth: the user's backend is not among Options.Backends")

	// ErrLoginRequired: RequireLogin refused a visitor who is not logged in.
	ErrLoginRequired = errors.New("auth: login required")

	// ErrRecentLoginRequired: RequireRecentLogin refused a user whose login is
	// too long ago.
	ErrRecentLoginRequired = errors.New("auth: recent login required")

	// ErrNoAuth: the context comes from no request that passed through
	// Auth.Handler.
	ErrNoAuth = errors.New("auth: no user in the context: is the handler wrapped by Auth.Handler?")
)
