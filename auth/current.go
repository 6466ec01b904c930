package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/keepsake-go/sessions"
)

// User returns who is logged in with s, nil for nobody: Django's get_user().
// Within Handler, a request's own session is looked up once.
//
//   - The backend in the session is not configured here, or knows no such user,
//     or the user is not active: nobody, and the session is kept.
//   - The hash in the session is not the user's: nobody, and the session is
//     flushed. The password was changed.
//   - It is the hash under a former secret key: the session gets a new key and
//     the current hash.
//
// An error means that it could not be found out.
func (a *Auth) User(ctx context.Context, s *sessions.Session) (*User, error) {
	if c := a.current(ctx, s); c != nil {
		return c.get(ctx)
	}
	return a.find(ctx, s)
}

func (a *Auth) find(ctx context.Context, s *sessions.Session) (*User, error) {
	if err := s.Load(ctx); err != nil {
		return nil, err
	}
	id, found, err := SessionIdentity(s)
	if err != nil || !found {
		return nil, err
	}
	b, ok := a.backends[id.Backend]
	if !ok {
		return nil, nil
	}
	user, err := b.User(withoutUser(ctx), id.UserID)
	if err == nil {
		user, err = vouched(b, user)
	}
	switch {
	case errors.Is(err, ErrNoUser):
		return nil, nil
	case err != nil:
		return nil, backendError(b, err)
	case user.ID != id.UserID:
		return nil, backendError(b, errors.New("returned another user than it was asked for"))
	case !user.Active:
		return nil, nil
	}
	before := a.tracked(s)
	if h := a.hashesOf(b, user); h.current != "" {
		verdict, err := verify(ctx, s, h)
		if err != nil {
			return nil, fmt.Errorf("auth: %w", err)
		}
		if verdict == Ended {
			a.mismatched(ctx, s, id.UserID)
			a.track(ctx, s, before, nil)
			return nil, nil
		}
	}
	a.track(ctx, s, before, user)
	return user, nil
}

// vouched is a backend's user with the backend's name.
func vouched(b Backend, u *User) (*User, error) {
	if u == nil {
		return nil, errors.New("returned neither a user nor an error")
	}
	user := *u
	user.Backend = b.Name()
	return &user, nil
}

func backendError(b Backend, err error) error {
	return fmt.Errorf("auth: backend %s: %w", b.Name(), err)
}

// Handler gives the requests of next their user, which is found out when it is
// first asked for: Django's AuthenticationMiddleware. It belongs inside of
// Manager.Handler.
func (a *Auth) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		outer, _ := ctx.Value(currentKey{}).(*current)
		if outer.of(a) != nil {
			next.ServeHTTP(w, r) // wrapped twice
			return
		}
		c := &current{auth: a, session: a.manager.Session(ctx), outer: outer}
		if a.options.Tracker != nil {
			defer c.trackEnd(ctx)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, currentKey{}, c)))
	})
}

// HandlerFunc is a handler that works on its request's session and knows who is
// logged in, nil for nobody. When that can't be found out, Settings.OnError
// answers, by default with 503; without Auth.Handler it is a 500.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, s *sessions.Session, u *User)

// ServeHTTP calls f with the request's session and user.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(currentKey{}).(*current)
	if c == nil {
		slog.ErrorContext(r.Context(), "auth: request failed", slog.Any("error", ErrNoAuth))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	user, err := c.get(r.Context())
	if err != nil {
		c.auth.manager.Error(w, r, err)
		return
	}
	f(w, r, c.session, user)
}

// FromContext returns who is logged in with the request that ctx belongs to, by
// the innermost Auth; nil for nobody. ErrNoAuth without Auth.Handler; else
// Auth.User's errors.
func FromContext(ctx context.Context) (*User, error) {
	c, _ := ctx.Value(currentKey{}).(*current)
	if c == nil {
		return nil, ErrNoAuth
	}
	return c.get(ctx)
}

// current is the user of one request: Django's request.user.
type current struct {
	auth    *Auth
	session *sessions.Session
	outer   *current // of another Auth around this one

	mu    sync.Mutex
	known bool
	user  *User

	told atomic.Pointer[sessionOf] // what the Tracker was told last; nil: nothing
}

type currentKey struct{}

// of returns a's current among c and those around it.
func (c *current) of(a *Auth) *current {
	for c != nil && c.auth != a {
		c = c.outer
	}
	return c
}

// current is the user of the request that ctx belongs to, nil when s is another
// session than that request's.
func (a *Auth) current(ctx context.Context, s *sessions.Session) *current {
	c, _ := ctx.Value(currentKey{}).(*current)
	if c = c.of(a); c == nil || c.session != s {
		return nil
	}
	return c
}

// get finds out the user, once. An error is not remembered.
func (c *current) get(ctx context.Context) (*User, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		user, err := c.auth.find(ctx, c.session)
		if err != nil {
			return nil, err
		}
		c.user, c.known = user, true
	}
	return c.user, nil
}

func (c *current) set(u *User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user, c.known = u, true
}

// withoutUser hides the user from a backend, which is called while it is being
// found out: asking for it there would never end.
func withoutUser(ctx context.Context) context.Context {
	return context.WithValue(ctx, currentKey{}, (*current)(nil))
}
