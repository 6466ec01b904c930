package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// ModelBackendName is the name of Django's default backend.
const ModelBackendName = "django.contrib.auth.backends.ModelBackend"

// ModelBackend is the Backend of users with passwords: Django's ModelBackend.
type ModelBackend struct {
	Users Users // required

	// Hasher checks passwords. A program in which nobody logs in needs none.
	Hasher Hasher

	// Path is the backend's name; "" is ModelBackendName.
	Path string

	Logger *slog.Logger // nil: slog.Default()
}

// Hasher makes and checks encoded passwords, as package auth/hashers does in
// Django's formats.
type Hasher interface {
	// Make encodes a password, in the preferred way: Django's make_password.
	Make(ctx context.Context, password string) (string, error)

	// Check reports whether encoded was made from password: Django's
	// check_password. An error means that encoded can't be checked, or that ctx
	// is done.
	Check(ctx context.Context, password, encoded string) (bool, error)

	// MustUpdate reports whether encoded, which was just checked, is out of date
	// and should be made anew.
	MustUpdate(encoded string) bool

	// Waste takes as long as Check, for a user who does not exist.
	Waste(ctx context.Context, password string) error
}

// Name is Path, or Django's.
func (b ModelBackend) Name() string {
	if b.Path == "" {
		return ModelBackendName
	}
	return b.Path
}

// Validate reports missing Users.
func (b ModelBackend) Validate() error {
	if b.Users == nil {
		return errors.New("ModelBackend has no Users")
	}
	return nil
}

// User returns the user with that ID.
func (b ModelBackend) User(ctx context.Context, id string) (*User, error) {
	return b.Users.ByID(ctx, id)
}

// Authenticate returns the active user of that name with that password. A user
// who does not exist costs as much as a wrong password. A password that can't be
// checked counts as wrong, and is logged.
//
// When the hash of the password is out of date, the password is stored anew, if
// Users can, and if it was not changed meanwhile. A failure of this is logged, and
// the user can log in. (In Django a new hash ends the user's other sessions, and
// so it does here.)
func (b ModelBackend) Authenticate(ctx context.Context, username, password string) (*User, error) {
	if b.Hasher == nil {
		return nil, errors.New("ModelBackend has no Hasher")
	}
	user, err := b.Users.ByUsername(ctx, username)
	if errors.Is(err, ErrNoUser) {
		if err := b.Hasher.Waste(ctx, password); err != nil {
			return nil, err
		}
		return nil, ErrCredentials
	}
	if err != nil {
		return nil, err
	}
	if err := b.check(ctx, user, password); err != nil {
		return nil, err
	}
	if !user.Active {
		return nil, ErrCredentials
	}
	return b.upgrade(ctx, user, password)
}

// check returns nil for the right password, ErrCredentials for a wrong one.
func (b ModelBackend) check(ctx context.Context, u *User, password string) error {
	ok, err := b.Hasher.Check(ctx, password, u.Password)
	switch {
	case err == nil && ok:
		return nil
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		b.logger().WarnContext(ctx, "auth: a stored password can't be checked", slog.Any("error", err))
	}
	return ErrCredentials
}

// upgrade stores a password anew whose hash is out of date.
func (b ModelBackend) upgrade(ctx context.Context, u *User, password string) (*User, error) {
	replacer, ok := able[PasswordReplacer](b.Users)
	if !ok || !b.Hasher.MustUpdate(u.Password) {
		return u, nil
	}
	fresh, err := b.Hasher.Make(ctx, password)
	replaced := false
	if err == nil {
		replaced, err = replacer.ReplacePassword(ctx, u, fresh)
	}
	switch {
	case err != nil:
		b.logger().WarnContext(ctx, "auth: a password was not stored anew", slog.Any("error", err))
		return u, nil
	case replaced:
		upgraded := *u
		upgraded.Password = fresh
		return &upgraded, nil
	}
	// A parallel login has done it, or the password was changed: then this one is
	// wrong by now.
	latest, err := b.Users.ByID(ctx, u.ID)
	if errors.Is(err, ErrNoUser) {
		return nil, ErrCredentials
	}
	if err != nil {
		return nil, err
	}
	if err := b.check(ctx, latest, password); err != nil {
		return nil, err
	}
	return latest, nil
}

// UpdateLastLogin has the Users store it, if they can.
func (b ModelBackend) UpdateLastLogin(ctx context.Context, u *User, at time.Time) error {
	if updater, ok := able[LastLoginUpdater](b.Users); ok {
		return updater.UpdateLastLogin(ctx, u, at)
	}
	return nil
}

func (b ModelBackend) logger() *slog.Logger {
	if b.Logger == nil {
		return slog.Default()
	}
	return b.Logger
}
