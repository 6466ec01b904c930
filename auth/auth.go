package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/keepsake-go/sessions"
)

// Options say who the users are. Only Backends is required.
type Options struct {
	// Backends vouch for users, in the order in which Authenticate asks them
	// (AUTHENTICATION_BACKENDS). A session whose backend is not among them is
	// kept, and nobody is logged in with it.
	Backends []Backend

	// LoginURL is where RequireLogin sends a visitor (LOGIN_URL): a path that
	// begins with a slash, or a URL on another host. "" answers 401.
	LoginURL string

	// ConfirmURL is where RequireRecentLogin sends a user whose login is too
	// long ago. "" is LoginURL; without one it answers 403.
	ConfirmURL string

	// KeepAtLogin are the names of the values that a visitor who was not logged
	// in takes along into the session after a login. Nil is all, as in Django; an
	// empty list is none.
	KeepAtLogin []string

	// OnDenied answers in place of the redirects and statuses above; err is
	// ErrLoginRequired or ErrRecentLoginRequired. See Auth.RedirectToLogin.
	OnDenied func(w http.ResponseWriter, r *http.Request, err error)

	// Tracker, unless nil, is told which sessions the users have: a
	// devices.Devices.
	Tracker Tracker

	// ReadSHA1 also takes the session hashes that Django 3.1 and 3.2 write with
	// DEFAULT_HASHING_ALGORITHM = "sha1". They are not renewed. What Go writes,
	// such a Django does not take.
	ReadSHA1 bool
}

// Auth knows who is logged in. It is safe for concurrent use.
type Auth struct {
	manager  *sessions.Manager
	settings sessions.Settings
	options  Options
	backends map[string]Backend
	login    loginURL
	confirm  loginURL
	log      *slog.Logger
}

// New puts a Manager and backends together. The error names everything that is
// wrong with the options.
func New(m *sessions.Manager, o Options) (*Auth, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("auth: "+format, args...)) }

	a := &Auth{manager: m, options: o, backends: map[string]Backend{}}
	if m == nil {
		wrong("no Manager")
	} else {
		a.settings = m.Settings()
	}
	if a.log = a.settings.Logger; a.log == nil {
		a.log = slog.Default()
	}
	if len(o.Backends) == 0 {
		wrong("Backends (AUTHENTICATION_BACKENDS) is empty: nobody could be logged in")
	}
	for i, b := range o.Backends {
		if b == nil {
			wrong("Backends[%d] is nil", i)
			continue
		}
		name := b.Name()
		if name == "" {
			wrong("Backends[%d] has no name", i)
		}
		if _, taken := a.backends[name]; taken {
			wrong("Backends[%d] has the name of another one: %q", i, name)
		}
		a.backends[name] = b
		if v, ok := able[interface{ Validate() error }](b); ok {
			if err := v.Validate(); err != nil {
				wrong("Backends[%d]: %w", i, err)
			}
		}
	}
	var err error
	if a.login, err = parseLoginURL(o.LoginURL); err != nil {
		wrong("LoginURL (LOGIN_URL) %w", err)
	}
	if o.ConfirmURL == "" {
		a.confirm = a.login
	} else if a.confirm, err = parseLoginURL(o.ConfirmURL); err != nil {
		wrong("ConfirmURL %w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return a, nil
}

// now is the present by Settings.Clock, in the zone of stored dates.
func (a *Auth) now() time.Time {
	now := time.Now()
	if a.settings.Clock != nil {
		now = a.settings.Clock()
	}
	if zone := a.settings.TimeZone; !a.settings.UseTZ && zone != nil {
		return now.In(zone)
	}
	return now.UTC()
}
