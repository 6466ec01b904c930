package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// User is what auth has to know of a user. A nil *User is nobody: Django's
// AnonymousUser.
type User struct {
	// ID is the primary key as text, as Django writes it into the session: "7",
	// or a UUID with dashes.
	ID string

	// Username is for the program; auth does not look at it.
	Username string

	// Password is the encoded password, as it is stored: Django's column
	// password. The session's hash is made from it, so that a new password ends
	// the user's sessions.
	Password string

	// Active is Django's is_active. A user who is not is nobody, at once. Users
	// of a kind that has no such thing are always Active.
	Active bool

	// Backend is the Name of the Backend that the user is from. Auth sets it;
	// Login needs it when there are several.
	Backend string

	// Data is the program's own.
	Data any
}

// IsAuthenticated reports whether u is somebody. It is for templates, where
// {{if .User.IsAuthenticated}} reads as in Django's.
func (u *User) IsAuthenticated() bool { return u != nil }

// String names the user by its ID alone.
func (u *User) String() string {
	if u == nil {
		return "anonymous user"
	}
	return "user " + u.ID
}

// Format keeps the password out of every fmt verb.
func (u *User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue keeps the password out of structured logs.
func (u *User) LogValue() slog.Value { return slog.StringValue(u.String()) }

// Backend vouches for users: one of Django's AUTHENTICATION_BACKENDS. The
// session remembers which one a login was by, and asks only that one. A Backend
// may also be an Authenticator, a LastLoginUpdater, a SessionHasher, and have a
// method Validate() error for New. It is used by several goroutines at once.
type Backend interface {
	// Name is the backend's dotted path in Django's settings, the same in both:
	// "django.contrib.auth.backends.ModelBackend".
	Name() string

	// User returns the user with that ID: Django's get_user. ErrNoUser when
	// there is none. The caller does not change what it returns.
	User(ctx context.Context, id string) (*User, error)
}

// Authenticator is a Backend that checks passwords: Django's authenticate.
type Authenticator interface {
	// Authenticate returns the user with these credentials. ErrCredentials when
	// they are not a user's of this backend: the next one is asked. ErrDenied:
	// nobody is. It should take as long for a user who does not exist.
	Authenticate(ctx context.Context, username, password string) (*User, error)
}

// LastLoginUpdater is a Backend, or Users, that keeps the time of the last login:
// Django's update_last_login.
type LastLoginUpdater interface {
	// UpdateLastLogin stores that the user logged in at that time. Where dates
	// are stored without an offset, it is to be written as the clock of at's
	// location shows it: USE_TZ and TIME_ZONE are seen to.
	UpdateLastLogin(ctx context.Context, u *User, at time.Time) error
}

// SessionHasher is a Backend whose users' session hash is another one: Django's
// get_session_auth_hash, overridden.
type SessionHasher interface {
	// SessionAuthHash returns what the session holds for u under a secret key: it
	// must change when u's sessions are to end. "" is for users without one,
	// whose sessions a new password does not end.
	SessionAuthHash(u *User, secretKey string) string
}

// Users is where users are kept. It may also be a LastLoginUpdater and a
// PasswordReplacer. It is used by several goroutines at once.
type Users interface {
	// ByID returns the user with that primary key, ErrNoUser when there is none.
	ByID(ctx context.Context, id string) (*User, error)

	// ByUsername returns the user who logs in by that name, ErrNoUser when there
	// is none: Django's get_by_natural_key.
	ByUsername(ctx context.Context, username string) (*User, error)
}

// PasswordReplacer is Users that can store a password anew at a login, when its
// hash is out of date.
type PasswordReplacer interface {
	// ReplacePassword stores the encoded password fresh in place of u.Password,
	// and reports whether that was still the one that is stored. If not, nothing
	// is written: the password was changed meanwhile.
	ReplacePassword(ctx context.Context, u *User, fresh string) (bool, error)
}

// able returns what more v can do. It is the one place where Backends and Users
// are asked for that.
func able[T any](v any) (T, bool) {
	can, ok := v.(T)
	return can, ok
}
