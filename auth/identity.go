package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/internal/csrftoken"
)

// What Django's auth keeps in a session (SESSION_KEY, BACKEND_SESSION_KEY,
// HASH_SESSION_KEY), and what Keepsake adds.
const (
	userKey    = "_auth_user_id"
	backendKey = "_auth_user_backend"
	hashKey    = "_auth_user_hash"
	timeKey    = "_keepsake_auth_time" // seconds since 1970; Django leaves it alone
)

// Identity is who is logged in, as a session says it. Auth checks that it holds;
// this is for programs that keep their users elsewhere.
type Identity struct {
	UserID  string // the user's primary key as text: _auth_user_id
	Backend string // the dotted path of who vouches for it: _auth_user_backend
	Hash    string // of the user's password, see SessionHash: _auth_user_hash

	// Since is when the user has last proved who they are, to the second. It is
	// zero for a login by Django, which does not keep it.
	Since time.Time
}

// SessionIdentity returns who is logged in according to s, which must be loaded.
// found is false when nobody is. The error is sessions.ErrNotLoaded or
// sessions.ErrClosed.
func SessionIdentity(s *sessions.Session) (id Identity, found bool, err error) {
	if id.UserID, found, err = lookup(s, userKey); !found || err != nil {
		return Identity{}, false, err
	}
	if id.Backend, found, err = lookup(s, backendKey); !found || err != nil {
		return Identity{}, false, err
	}
	if id.Hash, _, err = lookup(s, hashKey); err != nil {
		return Identity{}, false, err
	}
	since, _, err := lookup(s, timeKey)
	if seconds, bad := strconv.ParseInt(since, 10, 64); bad == nil {
		id.Since = time.Unix(seconds, 0)
	}
	return id, err == nil, err
}

// StoredIdentity is SessionIdentity of a session's values, as they are stored: for
// who looks through sessions (sessions.Manager.All) without using them.
func StoredIdentity(v *sessions.Values) (id Identity, found bool) {
	if !has(v, userKey) || !has(v, backendKey) {
		return Identity{}, false
	}
	id = Identity{UserID: text(v, userKey), Backend: text(v, backendKey), Hash: text(v, hashKey)}
	if seconds, err := strconv.ParseInt(text(v, timeKey), 10, 64); err == nil {
		id.Since = time.Unix(seconds, 0)
	}
	return id, true
}

// SessionLogin makes id the one who is logged in, as Django's login() does, in one
// write to the store:
//
//   - The session has a new key afterwards. (Django keeps the key when the same
//     user logs in again.)
//   - When it was another user's, or has another Hash, it is empty before: nothing
//     of the other user's gets into the new session.
//   - Otherwise what it holds stays. When nobody was logged in and keep is not nil,
//     only the values of these names do.
//   - A CSRF secret that Django keeps in the session (CSRF_USE_SESSIONS) is
//     replaced: Django's rotate_token.
//
// When the session was ended by a parallel request, or that has given it another
// key, the login is in a new session. But a request that has changed the session
// before, and not saved it, gets sessions.ErrInterrupted: what it changed, a
// one-time token that it popped for instance, has gone with it.
//
// An expiry is a value of the session as well: set it after the login.
//
// After an error nobody is logged in who was not. sessions.ErrCookieNotSent when
// the response has begun; else the errors of sessions.Session.CycleKey.
func SessionLogin(ctx context.Context, s *sessions.Session, id Identity, keep []string) error {
	if err := s.Load(ctx); err != nil {
		return err
	}
	return s.CycleKeyWith(ctx, func(v *sessions.Values, _ bool) error {
		csrf := false
		switch user, hash := text(v, userKey), text(v, hashKey); {
		case !has(v, userKey):
			csrf = has(v, csrftoken.SessionKey)
			if keep != nil {
				retain(v, keep)
			}
		case user != id.UserID, id.Hash != "" && !equal(hash, id.Hash):
			v.Clear()
		default:
			csrf = has(v, csrftoken.SessionKey)
		}
		err := errors.Join(v.Encode(userKey, id.UserID), v.Encode(backendKey, id.Backend), v.Encode(hashKey, id.Hash))
		if csrf {
			err = errors.Join(err, v.Encode(csrftoken.SessionKey, csrftoken.New()))
		}
		v.Delete(timeKey)
		if !id.Since.IsZero() {
			err = errors.Join(err, v.Encode(timeKey, id.Since.Unix()))
		}
		return err
	})
}

// Verdict is what SessionVerify has found.
type Verdict int

const (
	Ended    Verdict = iota // the hash was another one: the session has been flushed
	Verified                // the hash is the user's
	Renewed                 // it was the user's under a former secret key, and is now under the current one
)

// SessionVerify checks the hash in s, which must be loaded, against the user's, in
// constant time: the second half of Django's get_user(). fallbacks are the hashes
// under former secret keys: with one of these the session gets a new key and the
// current hash. With any other, or none, the session is flushed.
func SessionVerify(ctx context.Context, s *sessions.Session, hash string, fallbacks []string) (Verdict, error) {
	return verify(ctx, s, hashes{current: hash, fallbacks: fallbacks})
}

func verify(ctx context.Context, s *sessions.Session, h hashes) (Verdict, error) {
	stored, _, err := lookup(s, hashKey)
	if err != nil {
		return Ended, err
	}
	current, former := false, false // all are compared, so that time does not tell which one it was
	for _, hash := range append([]string{h.current}, h.accepted...) {
		current = equal(stored, hash) || current
	}
	for _, hash := range h.fallbacks {
		former = equal(stored, hash) || former
	}
	switch {
	case stored == "":
	case current:
		return Verified, nil
	case former:
		return renew(ctx, s, stored, h.current)
	}
	if err := s.Flush(ctx); err != nil {
		return Ended, err
	}
	return Ended, nil
}

// renew writes the current hash in place of the one of a former secret key.
func renew(ctx context.Context, s *sessions.Session, stored, current string) (Verdict, error) {
	err := s.CycleKeyWith(ctx, func(v *sessions.Values, ended bool) error {
		if ended || text(v, hashKey) != stored {
			return sessions.ErrInterrupted
		}
		return v.Encode(hashKey, current)
	})
	switch {
	case err == nil:
		return Renewed, nil
	case errors.Is(err, sessions.ErrRotated), errors.Is(err, sessions.ErrCookieNotSent):
		// A parallel request has just done it, or the next one will: the hash was
		// right all the same.
		return Verified, nil
	case errors.Is(err, sessions.ErrInterrupted):
		return Ended, nil
	}
	return Ended, err
}

// SessionUpdateHash gives s a new key and that hash, so that it goes on when the
// user's password has changed: Django's update_session_auth_hash().
// sessions.ErrInterrupted when the session has ended meanwhile.
func SessionUpdateHash(ctx context.Context, s *sessions.Session, hash string) error {
	return updateHash(ctx, s, func(v *sessions.Values) error { return v.Encode(hashKey, hash) })
}

func updateHash(ctx context.Context, s *sessions.Session, f func(*sessions.Values) error) error {
	if err := s.Load(ctx); err != nil {
		return err
	}
	return s.CycleKeyWith(ctx, func(v *sessions.Values, ended bool) error {
		if ended {
			return sessions.ErrInterrupted
		}
		return f(v)
	})
}

// lookup reads a value that should be text. An integer counts as its digits: the
// primary key that very old Djangos stored.
func lookup(s *sessions.Session, name string) (string, bool, error) {
	value, found, err := sessions.Lookup[any](s, name)
	var other *sessions.TypeError
	if err != nil && !errors.As(err, &other) {
		return "", false, err
	}
	return textOf(value), found, nil
}

// text is lookup's text in v.
func text(v *sessions.Values, name string) string {
	var value any
	if _, err := v.Decode(name, &value); err != nil {
		return ""
	}
	return textOf(value)
}

func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case int64, *big.Int:
		return fmt.Sprint(value)
	}
	return ""
}

func has(v *sessions.Values, name string) bool {
	_, found := v.Get(name)
	return found
}

// retain drops what is not in keep.
func retain(v *sessions.Values, keep []string) {
	kept := sessions.Values{}
	for m := range v.All() {
		if slices.Contains(keep, m.Name) {
			kept.Set(m)
		}
	}
	*v = kept
}

// equal compares in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
