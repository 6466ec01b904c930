package demo

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/auth/hashers"
)

// members are the demo's users. A real site has them in a table: auth.Table. A
// password that is changed here is forgotten when the demo ends.
type members struct {
	mu    sync.Mutex
	users []auth.User
}

func newMembers() *members {
	return &members{users: []auth.User{
		// lovelace and hopper, as Django encodes them. The salts are always the
		// same, so that a login outlives the demo, and long enough for Django.
		{ID: "7", Username: "ada", Active: true, Data: "Ada", Password: "pbkdf2_sha256$100000$ada0of0the0keepsake0demo$txW5RUrqLi61gwc48d/5/OB1fR15po98XqUtdAXuVQc="},
		{ID: "8", Username: "grace", Active: true, Data: "Grace", Password: "pbkdf2_sha256$100000$grace0of0the0keepsake0demo$RJZxoWPIcF+6oNIs9zlUTpFj0COkyVpxOzgK8uOQFG8="},
	}}
}

// newHasher hashes with fewer iterations than Django: a demo is no place for
// secrets, and slow enough on a small machine.
func newHasher() (*hashers.Hashers, error) {
	return hashers.New(hashers.Options{Factors: hashers.Factors{PBKDF2Iterations: 100_000}})
}

func (m *members) find(is func(*auth.User) bool) (*auth.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.users {
		if is(&u) {
			return &u, nil
		}
	}
	return nil, auth.ErrNoUser
}

// ByID implements auth.Users.
func (m *members) ByID(_ context.Context, id string) (*auth.User, error) {
	return m.find(func(u *auth.User) bool { return u.ID == id })
}

// ByUsername implements auth.Users.
func (m *members) ByUsername(_ context.Context, name string) (*auth.User, error) {
	return m.find(func(u *auth.User) bool { return u.Username == name })
}

// ReplacePassword implements auth.PasswordReplacer.
func (m *members) ReplacePassword(_ context.Context, user *auth.User, fresh string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.users {
		if u := &m.users[i]; u.ID == user.ID && u.Password == user.Password {
			u.Password = fresh
			return true, nil
		}
	}
	return false, nil
}

// firstName is how the page calls a member.
func firstName(u *auth.User) string { return u.Data.(string) }

func (site *Site) login(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	before := prefix(s.Key())
	// A real site limits the attempts.
	user, err := site.auth.Authenticate(r.Context(), r.PostFormValue("username"), r.PostFormValue("password"))
	if errors.Is(err, auth.ErrCredentials) {
		back(w, r, s, "Your username and password didn’t match.", "login")
		return
	}
	if err == nil {
		err = site.auth.Login(r.Context(), s, user)
	}
	if err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	s.Set("key_before", before) // for the page; a real site tells nobody
	back(w, r, s, "Hello, "+firstName(user)+". Your session has a new key; what it holds stayed, unless it was somebody else’s.", "login")
}

func (site *Site) logout(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	before := prefix(s.Key())
	if err := site.auth.Logout(r.Context(), s); err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	s.Set("key_before", before) // begins a new session
	back(w, r, s, "You are logged out. Everything that the session held is gone.", "login")
}

// changePassword ends the member's other sessions: they are of the old password.
func (site *Site) changePassword(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	fresh := r.PostFormValue("new_password")
	if n := utf8.RuneCountInString(fresh); n < 8 || n > 128 {
		back(w, r, s, "A new password has 8 to 128 characters.", "password-change")
		return
	}
	user, err := site.auth.User(r.Context(), s)
	if err == nil && user != nil {
		user, err = site.auth.Authenticate(r.Context(), user.Username, r.PostFormValue("old_password"))
	}
	switch {
	case errors.Is(err, auth.ErrCredentials):
		back(w, r, s, "Your old password is another one.", "password-change")
		return
	case err == nil && user == nil:
		back(w, r, s, "Log in first.", "login")
		return
	case err == nil:
		err = site.storePassword(r.Context(), s, user, fresh)
	}
	if err != nil {
		site.sessions.Error(w, r, err)
		return
	}
	back(w, r, s, "Your password is changed, and you are logged out everywhere else. The demo forgets the new one when it ends.", "password-change")
}

func (site *Site) storePassword(ctx context.Context, s *sessions.Session, user *auth.User, fresh string) error {
	changed := *user
	var err error
	if changed.Password, err = site.hasher.Make(ctx, fresh); err != nil {
		return err
	}
	stored, err := site.members.ReplacePassword(ctx, user, changed.Password)
	if err != nil {
		return err
	}
	if !stored { // changed meanwhile, elsewhere
		return sessions.ErrInterrupted
	}
	if err := site.auth.UpdateSessionAuthHash(ctx, s, &changed); err != nil || site.devices == nil {
		return err
	}
	_, err = site.devices.RevokeOthers(ctx, user.ID) // they would end with their next request
	return err
}
