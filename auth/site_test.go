package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/auth"
	"github.com/keepsake-go/sessions/engine"
	"github.com/keepsake-go/sessions/internal/secrettest"
)

const (
	siteSecret = "Vn3kq8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvNwMzCrSe"
	oldSecret  = "A former one: 8ZsW0aYt5RjL2mXc7bDf9hGp4uE1oTi6KxQyBvN"
)

// A site has the users alice (1), bob (2) and carol (3, not active), whose
// passwords are their names. Its store and its users can be made to fail.
type site struct {
	*sessions.Manager
	auth  *auth.Auth
	users *memoryUsers
	store *testStore
	log   *secrettest.Book
	now   time.Time
	t     testing.TB
}

type change func(*sessions.Settings, *auth.Options)

func newSite(t testing.TB, changes ...change) *site {
	t.Helper()
	s := &site{users: newUsers(), log: &secrettest.Book{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), t: t}
	st := sessions.DefaultSettings()
	st.SecretKey, st.CookieSecure = siteSecret, false
	st.Clock = func() time.Time { return s.now }
	st.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(s.log, secrettest.Log()), nil))
	o := auth.Options{LoginURL: "/login/"}
	for _, change := range changes {
		change(&st, &o)
	}
	if o.Backends == nil {
		o.Backends = []auth.Backend{auth.ModelBackend{Users: s.users, Hasher: plainHasher{}, Logger: st.Logger}}
	}
	e := &testEngine{}
	var err error
	s.Manager, err = sessions.New(st, e)
	check(t, err)
	s.store = e.store
	s.auth, err = auth.New(s.Manager, o)
	check(t, err)
	t.Cleanup(s.nothingInTheLog)
	return s
}

// nothingInTheLog fails when a secret was logged.
func (s *site) nothingInTheLog() {
	s.store.mu.Lock() // a session's watcher may still be looking
	keys := slices.Clone(s.store.keys)
	s.store.mu.Unlock()
	secrets := append(keys, siteSecret, oldSecret, "plain$", auth.SessionHash(siteSecret, "plain$alice"))
	for _, secret := range secrets {
		if strings.Contains(s.log.String(), secret) {
			s.t.Errorf("a secret in the log: %s", s.log)
		}
	}
}

// session loads the session of that key; "" is a new one.
func (s *site) session(key string) *sessions.Session {
	s.t.Helper()
	session := s.Open(key)
	check(s.t, session.Load(s.t.Context()))
	return session
}

// login logs a user in with a new session that has these values, and returns the
// session's key.
func (s *site) login(username string, values map[string]any) string {
	s.t.Helper()
	session := s.session("")
	session.SetAll(values)
	check(s.t, s.auth.Login(s.t.Context(), session, s.users.named(username)))
	return session.Key()
}

// who is the name of the one who is logged in with that session, "" for nobody.
func (s *site) who(key string) string {
	s.t.Helper()
	user, err := s.auth.User(s.t.Context(), s.session(key))
	check(s.t, err)
	if user == nil {
		return ""
	}
	return user.Username
}

// exists reports whether the store has a session under that key.
func (s *site) exists(key string) bool {
	s.t.Helper()
	found, err := s.Exists(s.t.Context(), key)
	check(s.t, err)
	return found
}

// serve sends one request through the middleware.
func (s *site) serve(r *http.Request, key string, h http.Handler) *http.Response {
	s.t.Helper()
	if key != "" {
		r.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	}
	w := httptest.NewRecorder()
	s.Handler(h).ServeHTTP(w, r)
	return w.Result()
}

// text is a session's dictionary, with times and secrets left out.
func text(session *sessions.Session) string {
	var members []string
	for name, raw := range session.Items() {
		switch name {
		case "_auth_user_hash", "_csrftoken":
			members = append(members, name)
		default:
			members = append(members, fmt.Sprintf("%s=%s", name, raw))
		}
	}
	return strings.Join(members, " ")
}

// memoryUsers are auth.Users in memory.
type memoryUsers struct {
	mu        sync.Mutex
	all       map[string]auth.User
	lookups   int
	fail      error
	failWrite error
	lastLogin map[string]time.Time
}

func newUsers() *memoryUsers {
	u := &memoryUsers{all: map[string]auth.User{}, lastLogin: map[string]time.Time{}}
	for i, name := range []string{"alice", "bob", "carol"} {
		id := fmt.Sprint(i + 1)
		u.all[id] = auth.User{ID: id, Username: name, Password: "plain$" + name, Active: name != "carol"}
	}
	return u
}

// set changes the user of that name.
func (m *memoryUsers) set(username string, change func(*auth.User)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, u := range m.all {
		if u.Username == username {
			change(&u)
			m.all[id] = u
		}
	}
}

func (m *memoryUsers) setPassword(username, password string) {
	m.set(username, func(u *auth.User) { u.Password = "plain$" + password })
}

func (m *memoryUsers) named(username string) *auth.User {
	u, err := m.find(func(u auth.User) bool { return u.Username == username })
	if err != nil {
		panic(err)
	}
	return u
}

func (m *memoryUsers) find(is func(auth.User) bool) (*auth.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lookups++
	if m.fail != nil {
		return nil, m.fail
	}
	for _, u := range m.all {
		if is(u) {
			return &u, nil
		}
	}
	return nil, auth.ErrNoUser
}

func (m *memoryUsers) ByID(_ context.Context, id string) (*auth.User, error) {
	return m.find(func(u auth.User) bool { return u.ID == id })
}

func (m *memoryUsers) ByUsername(_ context.Context, name string) (*auth.User, error) {
	return m.find(func(u auth.User) bool { return u.Username == name })
}

func (m *memoryUsers) UpdateLastLogin(ctx context.Context, u *auth.User, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.failWrite, ctx.Err()); err != nil {
		return err
	}
	m.lastLogin[u.Username] = at
	return nil
}

func (m *memoryUsers) ReplacePassword(_ context.Context, u *auth.User, fresh string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.all[u.ID]
	if m.failWrite != nil || stored.Password != u.Password {
		return false, m.failWrite
	}
	stored.Password = fresh
	m.all[u.ID] = stored
	return true, nil
}

// plainHasher is an auth.Hasher for tests: "plain$" and the password. "old$" and
// the password is out of date, and anything else can't be checked.
type plainHasher struct{ wasted *int }

func (plainHasher) Make(_ context.Context, password string) (string, error) {
	return "plain$" + password, nil
}

func (plainHasher) Check(_ context.Context, password, encoded string) (bool, error) {
	kind, stored, _ := strings.Cut(encoded, "$")
	if kind != "plain" && kind != "old" {
		return false, errors.New("unknown algorithm")
	}
	return stored == password, nil
}

func (plainHasher) MustUpdate(encoded string) bool { return strings.HasPrefix(encoded, "old$") }

func (h plainHasher) Waste(context.Context, string) error {
	if h.wasted != nil {
		*h.wasted++
	}
	return nil
}

// testEngine is the memory engine with a testStore in front of it.
type testEngine struct{ store *testStore }

func (e *testEngine) Open(st sessions.Settings) (sessions.Backend, error) {
	b, err := engine.Memory().Open(st)
	if err == nil {
		e.store = &testStore{Store: b.Store, fail: map[string]error{}}
		b.Store = e.store
	}
	return b, err
}

// testStore notes the calls that write, and can make calls fail.
type testStore struct {
	sessions.Store
	mu     sync.Mutex
	writes []string
	keys   []string // ever stored
	fail   map[string]error
	before func(operation string)
}

func (s *testStore) note(operation string, keys ...string) error {
	s.mu.Lock()
	s.keys = append(s.keys, keys...)
	if operation != "load" {
		s.writes = append(s.writes, operation)
	}
	err, before := s.fail[operation], s.before
	s.mu.Unlock()
	if before != nil {
		before(operation)
	}
	return err
}

func (s *testStore) calls() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := strings.Join(s.writes, " ")
	s.writes = nil
	return calls
}

func (s *testStore) Load(ctx context.Context, key string) (sessions.Record, error) {
	if err := s.note("load"); err != nil {
		return sessions.Record{}, err
	}
	return s.Store.Load(ctx, key)
}

func (s *testStore) Create(ctx context.Context, key string, rec sessions.Record) (sessions.Record, error) {
	if err := s.note("create", key); err != nil {
		return sessions.Record{}, err
	}
	return s.Store.Create(ctx, key, rec)
}

func (s *testStore) Replace(ctx context.Context, key string, old, new sessions.Record) (sessions.Record, error) {
	if err := s.note("replace"); err != nil {
		return sessions.Record{}, err
	}
	return s.Store.Replace(ctx, key, old, new)
}

func (s *testStore) Rotate(ctx context.Context, key, newKey string, old, new sessions.Record) (sessions.Record, error) {
	if err := s.note("rotate", newKey); err != nil {
		return sessions.Record{}, err
	}
	return s.Store.Rotate(ctx, key, newKey, old, new)
}

func (s *testStore) Delete(ctx context.Context, key string) error {
	if err := s.note("delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// is fails when err is none of those.
func is(t testing.TB, what string, err error, anyOf ...error) {
	t.Helper()
	if !slices.ContainsFunc(anyOf, func(want error) bool { return errors.Is(err, want) }) {
		t.Errorf("%s: error %v, want %v", what, err, anyOf)
	}
}
