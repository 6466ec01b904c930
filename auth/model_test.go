package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
)

func TestAuthenticate(t *testing.T) {
	wasted := 0
	users := newUsers()
	s := newSite(t, func(st *sessions.Settings, o *auth.Options) {
		o.Backends = []auth.Backend{auth.ModelBackend{Users: users, Hasher: plainHasher{&wasted}, Logger: st.Logger}}
	})
	users.set("bob", func(u *auth.User) { u.Password = "rot13$obo" })
	for _, row := range []struct {
		name, username, password string
		want                     error
		wasted                   int
	}{
		{"right", "alice", "alice", nil, 0},
		{"wrong password", "alice", "bob", auth.ErrCredentials, 0},
		{"another case", "Alice", "alice", auth.ErrCredentials, 1},
		{"nobody", "dave", "alice", auth.ErrCredentials, 1},
		{"not active", "carol", "carol", auth.ErrCredentials, 0},
		{"a password that can't be checked", "bob", "bob", auth.ErrCredentials, 0},
		{"empty", "", "", auth.ErrCredentials, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			wasted = 0
			u, err := s.auth.Authenticate(t.Context(), row.username, row.password)
			is(t, "error", err, row.want)
			equal(t, "hashes computed for nobody", wasted, row.wasted)
			if err == nil {
				equal(t, "user", u.Username, row.username)
				equal(t, "backend", u.Backend, auth.ModelBackendName)
			} else if err.Error() != auth.ErrCredentials.Error() {
				t.Errorf("the error says more: %v", err)
			}
		})
	}
	if !strings.Contains(s.log.String(), "a stored password can't be checked") {
		t.Errorf("log: %s", s.log)
	}
}

// The backend itself lets nobody in who is not active, whoever asks it.
func TestModelBackendRefusesTheInactive(t *testing.T) {
	b := auth.ModelBackend{Users: newUsers(), Hasher: plainHasher{}}
	_, err := b.Authenticate(t.Context(), "carol", "carol")
	is(t, "error", err, auth.ErrCredentials)
}

// An old hash is made anew at a login; the session is then of the new one.
func TestPasswordIsStoredAnew(t *testing.T) {
	for _, row := range []struct {
		name      string
		failWrite error
		meanwhile string // stored while the new hash is made
		stored    string
		want      error
	}{
		{"nothing in the way", nil, "", "plain$alice", nil},
		{"it can't be stored", errors.New("read only"), "", "old$alice", nil},
		{"a parallel login has done it", nil, "plain$alice", "plain$alice", nil},
		{"the password was changed meanwhile", nil, "plain$new", "plain$new", auth.ErrCredentials},
	} {
		t.Run(row.name, func(t *testing.T) {
			hasher := &slowHasher{}
			users := newUsers()
			s := newSite(t, func(st *sessions.Settings, o *auth.Options) {
				o.Backends = []auth.Backend{auth.ModelBackend{Users: users, Hasher: hasher, Logger: st.Logger}}
			})
			s.users, users.failWrite = users, row.failWrite
			users.set("alice", func(u *auth.User) { u.Password = "old$alice" })
			hasher.meanwhile = func() {
				if row.meanwhile != "" {
					users.set("alice", func(u *auth.User) { u.Password = row.meanwhile })
				}
			}
			u, err := s.auth.Authenticate(t.Context(), "alice", "alice")
			is(t, "error", err, row.want)
			equal(t, "stored", users.named("alice").Password, row.stored)
			if err != nil {
				return
			}
			session := s.session("")
			check(t, s.auth.Login(t.Context(), session, u))
			equal(t, "who", s.who(session.Key()), "alice")
		})
	}
}

// slowHasher lets others work while it makes a hash.
type slowHasher struct {
	plainHasher
	meanwhile func()
}

func (h *slowHasher) Make(ctx context.Context, password string) (string, error) {
	h.meanwhile()
	return h.plainHasher.Make(ctx, password)
}

// Several backends are asked in order, until one knows, vetoes or fails.
func TestSeveralBackends(t *testing.T) {
	failure := errors.New("no connection")
	alice := &auth.User{ID: "9", Username: "alice", Active: true}
	for _, row := range []struct {
		name   string
		first  answering
		second answering
		want   error
		from   string
	}{
		{"the first knows", answering{"a", alice, nil}, answering{"b", nil, failure}, nil, "a"},
		{"the second knows", answering{"a", nil, auth.ErrCredentials}, answering{"b", alice, nil}, nil, "b"},
		{"the first has it not active", answering{"a", &auth.User{ID: "9"}, nil}, answering{"b", alice, nil}, nil, "b"},
		{"the first vetoes", answering{"a", nil, auth.ErrDenied}, answering{"b", alice, nil}, auth.ErrDenied, ""},
		{"the first fails", answering{"a", nil, failure}, answering{"b", alice, nil}, failure, ""},
		{"neither knows", answering{"a", nil, auth.ErrCredentials}, answering{"b", nil, auth.ErrCredentials}, auth.ErrCredentials, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(_ *sessions.Settings, o *auth.Options) {
				o.Backends = []auth.Backend{brokenBackend{}, row.first, row.second}
			})
			u, err := s.auth.Authenticate(t.Context(), "alice", "x")
			is(t, "error", err, row.want)
			if err == nil {
				equal(t, "backend", u.Backend, row.from)
				session := s.session("")
				check(t, s.auth.Login(t.Context(), session, u))
				equal(t, "backend in the session", sessions.Get(session, "_auth_user_backend", ""), row.from)
			} else {
				equal(t, "a failure is not a refusal", errors.Is(err, auth.ErrCredentials), row.want != failure)
			}
		})
	}

	s := newSite(t, func(_ *sessions.Settings, o *auth.Options) { o.Backends = []auth.Backend{brokenBackend{}} })
	if _, err := s.auth.Authenticate(t.Context(), "alice", "alice"); err == nil || errors.Is(err, auth.ErrCredentials) {
		t.Errorf("no backend that checks passwords: %v", err)
	}
	s = newSite(t, func(_ *sessions.Settings, o *auth.Options) {
		o.Backends = []auth.Backend{auth.ModelBackend{Users: newUsers()}}
	})
	if _, err := s.auth.Authenticate(t.Context(), "alice", "alice"); err == nil || errors.Is(err, auth.ErrCredentials) {
		t.Errorf("no hasher: %v", err)
	}
}

type answering struct {
	name string
	user *auth.User
	err  error
}

func (b answering) Name() string                                     { return b.name }
func (b answering) User(context.Context, string) (*auth.User, error) { return b.user, b.err }
func (b answering) Authenticate(context.Context, string, string) (*auth.User, error) {
	return b.user, b.err
}
